#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# slowhttptest's four attacks at once, 200 connections each: a scraper of another address is served within five
# seconds, half of the time Prometheus waits.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
attacks=()
trap 'kill ${attacks[@]+"${attacks[@]}"} 2>/dev/null || true; finish' EXIT

worker_compile serving_worker.c
mkdir "$dir/region"
MUSTER_REGION=$dir/region "$dir/worker" 10000
start slow serve --metrics 127.0.0.1:0 --region "$dir/region"

attack() { # NAME OPTION...
	timeout 30 nice -n 10 slowhttptest "${@:2}" -c 200 -r 200 -l 6 -p 5 -v 1 -u "http://$address/metrics" >"$dir/$1.out" 2>&1 &
	attacks+=($!)
}
attack slowloris -H -i 1 -x 10
attack slow_body -B -i 1 -s 100000 -x 10
attack range -R -a 5 -b 500 -t HEAD
attack slow_read -X -n 1 -z 8 -w 64 -y 128 -k 3
running() {
	for pid in "${attacks[@]}"; do
		if kill -0 "$pid" 2>/dev/null; then return 0; fi
	done
	return 1
}
worst=0 scrapes=0
while running; do
	took=$(curl -sS --interface 127.0.0.2 --max-time 20 -o /dev/null -w '%{http_code} %{time_total}' "http://$address/metrics" |
		awk '{ print $1 == 200 ? int($2 * 1000) : 99999 }')
	[ "$took" -le "$worst" ] || worst=$took
	scrapes=$((scrapes + 1))
	sleep 0.05
done
echo "# $scrapes scrapes, the worst took $worst ms"
[ "$worst" -lt 5000 ] && ok scraper_is_served_beside_slowhttptest || fail "scraper_is_served_beside_slowhttptest: $worst ms"
for name in slowloris slow_body range slow_read; do
	grep -q 'Exit status' "$dir/$name.out" || { cat "$dir/$name.out"; fail "$name ran"; }
	grep -q 'service available:.*YES' "$dir/$name.out" && ok "$name finds the service available" || fail "$name finds the service available: $(cat "$dir/$name.out")"
done
is scraper_is_served_afterwards "$(code "http://$address/metrics")" 200
stop TERM
is clean_stop "$status" 0
