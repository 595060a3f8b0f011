#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exemplars of living, killed and folded workers, as the real Prometheus stores them, asked in OpenMetrics and in
# protobuf, and as the parser of prometheus_client reads them.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
worker_compile exemplar_worker.c

start master serve --region "$dir/region" --metrics ":0"
port=${address##*:}
url=http://127.0.0.1:$port/metrics
openmetrics='application/openmetrics-text;version=1.0.0'
page() { curl -s -H "Accept: $openmetrics" "$url"; }

serve() { # $1: digit of the trace; $2: seconds it took; $3: flags. Sets $worker.
	MUSTER_REGION=$dir/region "$dir/worker" "00-$(printf "$1%.0s" {1..32})-$(printf "$1%.0s" {1..16})-$3" "$2" \
		>"$dir/worker.$1" 2>>"$dir/worker.log" &
	worker=$!
	masters+=("$worker")
	until_true 20 grep -q ready "$dir/worker.$1" || fail worker_starts
}
line() { page | grep -aF "$1 " | sed 's/\(# .*\) [0-9.]*$/\1/'; }
of() { echo "# {trace_id=\"$(printf "$1%.0s" {1..32})\",span_id=\"$(printf "$1%.0s" {1..16})\"}"; }

serve a 0.3 01
first=$worker
serve b 4 01
is newest_stands "$(line calls_total)" "calls_total 2 $(of b) 1"
is bucket_of_the_first "$(line 'wait_seconds_bucket{le="0.5"}')" "wait_seconds_bucket{le=\"0.5\"} 1 $(of a) 0.3"
serve c 0.04 00
is unsampled_has_none "$(line calls_total) $(line 'wait_seconds_bucket{le="0.05"}')" "calls_total 3 $(of b) 1 wait_seconds_bucket{le=\"0.05\"} 1"
is text_has_none "$(curl -s "$url" | grep -c trace_id || true)" 0
kill -KILL "$first"
folded() { curl -s "$url" | grep -q '^muster_folded_slabs_total 1$'; }
until_true 20 folded || fail is_folded
is outlives_its_worker "$(line 'wait_seconds_bucket{le="0.5"}')" "wait_seconds_bucket{le=\"0.5\"} 2 $(of a) 0.3"
curl -s -H 'Accept: application/json' "$url" >"$dir/json"
page >"$dir/openmetrics"
/usr/bin/python3 - "$dir/json" "$dir/openmetrics" <<'PY' || fail parsers
import json, sys, time
from prometheus_client.openmetrics.parser import text_string_to_metric_families
page = text_string_to_metric_families(open(sys.argv[2], encoding="utf-8").read())
read = {s.name + s.labels.get("le", ""): s.exemplar for f in page for s in f.samples if s.exemplar}
assert sorted(read) == ["calls_total", "wait_seconds_bucket0.5", "wait_seconds_bucket5.0"], read
assert read["calls_total"].labels == {"trace_id": "b" * 32, "span_id": "b" * 16}, read
assert all(time.time() - 60 < float(e.timestamp) <= time.time() for e in read.values()), read
families = {f["name"]: f["metrics"][0] for f in json.load(open(sys.argv[1], encoding="utf-8")) if f["metrics"]}
slow = families["wait_seconds"]["exemplars"]["5.0"]
assert slow["labels"]["trace_id"] == "b" * 32 and slow["value"] == 4, slow
assert abs(slow["time"] - float(read["wait_seconds_bucket5.0"].timestamp)) < 0.002, slow
assert families["calls_total"]["exemplar"]["value"] == 1
print("ok parser_of_prometheus_client\nok json")
PY

prometheus_start() { # $1: what for; $2: features
	api=127.0.0.1:$(free_port)
	printf "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: m, static_configs: [{targets: ['127.0.0.1:%s']}]}]\n" "$port" >"$dir/p.yml"
	prometheus --config.file="$dir/p.yml" --storage.tsdb.path="$dir/tsdb.$1" --web.listen-address="$api" --enable-feature="$2" >"$dir/prometheus.$1.log" 2>&1 &
	masters+=($!)
}
# What Prometheus knows of a query: trace:value, sorted.
exemplars() {
	curl -sG --data-urlencode "query=$1" -d start="$(($(date +%s) - 600))" -d end="$(($(date +%s) + 600))" "http://$api/api/v1/query_exemplars" |
		/usr/bin/python3 -c 'import json, sys; print(*sorted(e["labels"]["trace_id"][:4] + ":" + e["value"] for s in json.load(sys.stdin)["data"] for e in s["exemplars"]))' 2>>"$dir/query.log"
}
answers() { [ "$(exemplars "$1")" = "$2" ]; }
answered() { until_true 60 answers "$2" "$3" && ok "$1" || fail "$1: $(exemplars "$2")"; }
prometheus_start openmetrics exemplar-storage
answered prometheus_stores_them 'rate(calls_total[1m])' bbbb:1
answered prometheus_stores_those_of_buckets 'wait_seconds_bucket' 'aaaa:0.3 bbbb:4'
serve d 0.3 01
answered prometheus_stores_the_next 'wait_seconds_bucket{le="0.5"}' 'aaaa:0.3 dddd:0.3'
prometheus_start protobuf exemplar-storage,native-histograms
answered prometheus_stores_them_from_protobuf '{__name__=~"calls_total|wait_seconds_bucket"}' 'bbbb:4 dddd:0.3 dddd:1'
