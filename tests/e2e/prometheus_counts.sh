#!/bin/bash
# The real Prometheus against the demo: hey, then wrk, send requests while workers are killed; what PromQL
# says is between what they saw answered and that with what was in flight, and nothing ever decreased.
set -euo pipefail
build=$1
work=$(mktemp -d /dev/shm/muster-e2e-XXXXXX)
server= prometheus=

finish() {
	[ -z "$prometheus" ] || kill "$prometheus" 2>/dev/null || true
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

fail() {
	echo "not ok $1"
	tail -n 20 "$work"/*.log >&2
	exit 1
}

# $1: seconds; the rest: a command to succeed within them.
await() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.1
	done
}

free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listen=127.0.0.1:$(free_port) metrics=127.0.0.1:$(free_port) api=127.0.0.1:$(free_port)
"$build/order_mgmt" --workers 4 --listen "$listen" --metrics "$metrics" --region "$work/region" 2>"$work/server.log" &
server=$!
await 20 curl -sf "http://$listen/hello" || fail server_starts
before=$(curl -sf "http://$metrics/metrics" | awk '/^order_mgmt_duration_seconds_count.*"\/hello"/ { s += $2 } END { print s + 0 }')

cat >"$work/p.yml" <<YML
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: demo, static_configs: [{targets: ['$metrics']}]}]
YML
prometheus --config.file="$work/p.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address="$api" >"$work/prometheus.log" 2>&1 &
prometheus=$!

# $1: PromQL; prints the first value, nothing if there is none.
query() {
	curl -sf --data-urlencode "query=$1" "http://$api/api/v1/query" |
		/usr/bin/python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else "")'
}
is() { [ "$(query "$1")" = "$2" ]; }

await 60 is 'up{job="demo"}' 1 || fail prometheus_scrapes
echo "ok prometheus_scrapes"

sent=60000 connections=8 kills=4
hey -n $sent -c $connections -q 1500 "http://$listen/hello" >"$work/hey.log" 2>&1 &
hey=$!
for _ in $(seq $kills); do
	sleep 1
	victim=$(pgrep -P "$server" | shuf -n 1)
	kill -KILL "$victim"
done
wait $hey
answered=$(awk '/\[200\]/ { print $2 }' "$work/hey.log")
counted() { curl -sf "http://$metrics/metrics" | awk '/^order_mgmt_duration_seconds_count.*"\/hello"/ { s += $2 } END { print s + 0 }'; }
total=$(($(counted) - before))
echo "hey sent $sent, saw $answered answered; counted $total"
[ "$total" -ge "$answered" ] && [ "$total" -le $((answered + kills * connections)) ] || fail counts_equal
echo "ok counts_equal"

# wrk says how many whole answers it saw; what is in flight when it stops, and at each kill, may be counted too.
cat >"$work/done.lua" <<'LUA'
done = function(summary) io.write("answered ", summary.requests, "\n") end
LUA
wrk -t 2 -c $connections -d 5s -s "$work/done.lua" "http://$listen/world" >"$work/wrk.log" 2>&1 &
wrk=$!
for _ in $(seq $kills); do
	sleep 1
	victim=$(pgrep -P "$server" | shuf -n 1)
	kill -KILL "$victim"
done
wait $wrk
answered=$(awk '$1 == "answered" { print $2 }' "$work/wrk.log")
worlds() { curl -sf "http://$metrics/metrics" | awk '/^order_mgmt_duration_seconds_count.*"\/world"/ { s += $2 } END { print s + 0 }'; }
world=$(worlds)
echo "wrk saw $answered answered; counted $world"
[ "$answered" -gt 0 ] && [ "$world" -ge "$answered" ] && [ "$world" -le $((answered + (kills + 1) * connections)) ] || fail wrk_counts_equal
echo "ok wrk_counts_equal"
await 20 is 'sum(order_mgmt_duration_seconds_count{path="/world"})' "$world" || fail promql_agrees_with_wrk
echo "ok promql_agrees_with_wrk"

await 20 is 'sum(order_mgmt_duration_seconds_count{path="/hello"})' $((total + before)) || fail promql_agrees
echo "ok promql_agrees"
names=$(curl -sf "http://$api/api/v1/label/__name__/values" |
	/usr/bin/python3 -c 'import json, re, sys; print(*(n for n in json.load(sys.stdin)["data"] if re.search("_(total|count|bucket|sum)$", n)))')
[ "$(wc -w <<<"$names")" -ge 10 ] || fail names_are_known
for name in $names; do
	is "max(resets($name{job=\"demo\"}[10m]))" 0 || { echo "decreased: $name"; fail nothing_decreased; }
done
echo "ok nothing_decreased"
is 'min_over_time(up{job="demo"}[1m]) == bool 1' 1 || fail never_down
echo "ok never_down"
is 'muster_worker_exits_total{reason="SIGKILL"}' $((2 * kills)) || fail kills_are_counted
echo "ok kills_are_counted"

curl -sf "http://$metrics/metrics" >"$work/page.txt"
promtool check metrics <"$work/page.txt" >"$work/promtool.log" 2>&1 || fail promtool
echo "ok promtool"
/usr/bin/python3 - "$work/page.txt" <<'PY' || fail independent_parser
import sys
from prometheus_client.parser import text_string_to_metric_families

seen = 0
for family in text_string_to_metric_families(open(sys.argv[1]).read()):
    if family.type != "histogram":
        continue
    key = lambda s: tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
    inf = {key(s): s.value for s in family.samples if s.labels.get("le") == "+Inf"}
    count = {key(s): s.value for s in family.samples if s.name.endswith("_count")}
    assert inf == count, family.name
    seen += len(inf)
assert seen > 0
PY
echo "ok independent_parser"
