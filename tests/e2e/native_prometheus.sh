#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Native histograms of workers of different scale, one of them killed, in the real Prometheus: it has each value in the bucket
# it belongs to, by its own bounds, and its quantiles, counts and sums are those of the list of values.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
worker_compile native_worker.c

start master serve --region "$dir/region" --metrics ":0"
port=${address##*:}
url=http://127.0.0.1:$port/metrics

written() { [ "$(wc -l <"$dir/values.$1")" -eq "$2" ]; } # what is written is observed
workers=()
# $1: a number, the rest: LOW HIGH COUNT
worker() {
	MUSTER_REGION=$dir/region "$dir/worker" "${@:2}" "$1" >"$dir/values.$1" &
	workers[$1]=$!
	masters+=($!)
	until_true 20 written "$1" "$4" || fail "worker_$1"
}
worker 1 0.01 0.012 3000
worker 2 0.001 30 3000
kill -KILL "${workers[2]}"
worker 3 0.05 0.5 3000

api=127.0.0.1:$(free_port)
printf "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: m, static_configs: [{targets: ['127.0.0.1:%s']}]}]\n" "$port" >"$dir/p.yml"
prometheus --config.file="$dir/p.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="$api" --enable-feature=native-histograms \
	>"$dir/prometheus.log" 2>&1 &
masters+=($!)

oracle() { /usr/bin/python3 "$here/native_oracle.py" "$api" "$@"; }
compare() { until_true 60 oracle all "$dir"/values.* && ok "$1" || { oracle all "$dir"/values.*; fail "$1"; }; }
compare prometheus_has_all_of_a_killed_worker
worker 4 1e-6 1e3 2000
compare a_wider_worker_lowers_the_schema
kill -KILL "${workers[1]}" "${workers[3]}" "${workers[4]}"
folded() { curl -s "$url" | grep -q '^muster_workers{state="live"} 0$' && ! ls "$dir"/region/slab.* 2>/dev/null | grep -qv "\.$(printf %x "$master")\."; }
until_true 20 folded || fail all_are_folded
scraped() { [ "$(curl -s "http://$api/api/v1/query?query=muster_workers%7Bstate%3D%22live%22%7D" | grep -c '"0"')" = 1 ]; }
until_true 30 scraped || fail prometheus_sees_no_worker
compare nothing_is_lost_when_all_are_dead
oracle never_fell && ok counts_never_fell || fail counts_never_fell
"$muster" cat --region "$dir/region" | grep -a '^wait_seconds' >"$dir/text"
is text_has_the_count "$(awk '$1 == "wait_seconds_bucket{le=\"+Inf\"}" { print $2 }' "$dir/text")" 11000
"$muster" cat --region "$dir/region" | promtool check metrics >/dev/null 2>"$dir/promtool.log" && ok promtool || fail promtool
