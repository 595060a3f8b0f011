#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names in UTF-8 by every escaping scheme: asked for as Prometheus does, read by other people's parsers, and stored by
# the real Prometheus and VictoriaMetrics, which know only the old alphabet.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
worker_compile names_worker.c

start master serve --region "$dir/region" --metrics ":0"
url=http://127.0.0.1:${address##*:}/metrics
worker_start() {
	MUSTER_REGION=$dir/region "$dir/worker" >"$dir/worker.out" 2>"$dir/worker.log" &
	worker=$!
	masters+=("$worker")
	until_true 20 grep -q ready "$dir/worker.out" || fail worker_starts
}
worker_start

families=(http.server.requests_total http.server.duration labels_total 温度 圧力 a.b a-b a_b 2xx $'odd "name" {of}\\\n=1' phase.of-life)
names=()
for name in "${families[@]}"; do names+=(--data-urlencode "name[]=$name"); done
page() { curl -sG -H "Accept: $1" "${names[@]}" "$url"; }
type_of() { curl -s -o /dev/null -w '%{content_type}' -H "Accept: $1" "$url"; }
asked=()
page application/json >"$dir/json"
for scheme in underscores dots values allow-utf-8; do
	text="text/plain;version=1.0.0;escaping=$scheme" openmetrics="application/openmetrics-text;version=1.0.0;escaping=$scheme"
	has "type_of_text_by_$scheme" "$(type_of "$text")" "text/plain; version=1.0.0; charset=utf-8; escaping=$scheme"
	has "type_of_openmetrics_by_$scheme" "$(type_of "$openmetrics")" "version=1.0.0; charset=utf-8; escaping=$scheme"
	page "$text" >"$dir/$scheme.txt"
	page "$openmetrics" >"$dir/$scheme.om"
	is "all_families_by_$scheme" "$(grep -c '^# TYPE' "$dir/$scheme.txt")" "${#families[@]}"
	cmp -s <(grep -av '^muster_' "$dir/$scheme.txt") <("$muster" cat --region "$dir/region" --escaping "$scheme" |
		grep -aFxf "$dir/$scheme.txt" | grep -av '^muster_') && ok "cat_by_$scheme" || fail "cat_by_$scheme"
	asked+=("$scheme" "$dir/$scheme.txt" "$dir/$scheme.om")
done
/usr/bin/python3 "$here/names_page.py" "$dir/json" "${asked[@]}" || fail parsers
for scheme in underscores dots values; do # 3: what it warns of
	promtool check metrics <"$dir/$scheme.txt" >/dev/null 2>"$dir/promtool.log" || [ $? -eq 3 ] || fail "promtool_$scheme"
	ok "promtool_$scheme"
done

# As scrapers ask that know nothing of UTF-8: the old alphabet.
curl -sG "${names[@]}" "$url" | cmp -s - "$dir/underscores.txt" && ok plain_text_is_by_underscores || fail plain_text_is_by_underscores
of() { grep -a "^$1" "$dir/$2.txt"; }
is a_name_of_the_old_alphabet_stays "$(of a_b underscores)" "a_b 3"
is those_that_meet_it_can_be_turned_back "$(grep -ac -e '^U__a_2e_b 1$' -e '^U__a_2d_b 2$' "$dir/underscores.txt")" 2
is those_that_meet_each_other_too "$(grep -ac -e '^U___6e29__5ea6_ 21.5$' -e '^U___5727__529b_ 1013$' "$dir/underscores.txt")" 2
is labels_that_meet_or_are_reserved "$(of labels_total underscores)" 'labels_total{U__x_2e_y="1",x_y="2",_z="3"} 5'
is they_are_counted "$(curl -s "$url" | awk '$1 == "muster_escaped_names_meeting" { print ($2 > 4) }')" 1
for name in http.server.requests_total http_server_requests_total http.server.duration_bucket http_server_duration_count; do
	is "asked_by_$name" "$(curl -sG --data-urlencode "name[]=$name" "$url" | grep -c '^# TYPE')" 1
done

printf "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: m, static_configs: [{targets: ['127.0.0.1:%s']}]}]\n" "${address##*:}" >"$dir/p.yml"
all_is_there() { # $1: by whom
	answered "$1_counter" 'http_server_requests_total{http_method="P\"\\\nOST"}' "$2"
	answered "$1_bucket" 'http_server_duration_bucket{http_method="GET",le="0.5"}' "$3"
	answered "$1_meeting" 'a_b + on() U__a_2e_b * 10 + on() U__a_2d_b * 100' 213
	answered "$1_states" 'count(phase_of_life)' 2
	answered "$1_up" 'min_over_time(up[1m])' 1
}
api=127.0.0.1:$(free_port)
prometheus --config.file="$dir/p.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="$api" >"$dir/prometheus.log" 2>&1 &
masters+=($!)
all_is_there prometheus 4 1
kill -KILL "$worker"
worker_start
all_is_there prometheus_after_a_death 8 2
api=127.0.0.1:$(free_port)
victoria-metrics -storageDataPath="$dir/victoria" -httpListenAddr="$api" -promscrape.config="$dir/p.yml" -search.latencyOffset=0s \
	-search.disableCache >"$dir/victoria.log" 2>&1 &
masters+=($!)
all_is_there victoriametrics 8 2
