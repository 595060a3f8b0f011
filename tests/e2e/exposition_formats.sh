#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every format a scraper can ask for, from one region with all types and hard labels and numbers: other people's parsers
# find the same in each, and the real Prometheus takes OpenMetrics and protobuf.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
worker_compile exposition_worker.c

start master serve --region "$dir/region" --metrics ":0"
port=${address##*:}
url=http://127.0.0.1:$port/metrics
MUSTER_REGION=$dir/region "$dir/worker" >"$dir/worker.out" &
worker=$!
masters+=("$worker")
until_true 20 grep -q ready "$dir/worker.out" || fail worker_starts

openmetrics='application/openmetrics-text;version=1.0.0'
protobuf='application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
type_of() { curl -s -o /dev/null -w '%{content_type}' -H "Accept: $1" "$url"; }
is type_of_text "$(type_of '*/*')" "text/plain; version=0.0.4; charset=utf-8"
is type_of_openmetrics "$(type_of "$openmetrics")" "application/openmetrics-text; version=1.0.0; charset=utf-8"
is type_of_protobuf "$(type_of "$protobuf")" "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
is type_of_json "$(type_of application/json)" "application/json; charset=utf-8"
is type_of_two_headers "$(curl -s -o /dev/null -w '%{content_type}' -H 'Accept: image/png' -H 'Accept: application/json' "$url")" "application/json; charset=utf-8"
is type_of_endless_accept "$(type_of "$(printf 'a/b,%.0s' {1..400})application/json")" "text/plain; version=0.0.4; charset=utf-8"
is type_of_many_at_once "$(curl -s -Z --no-progress-meter -o /dev/null -o /dev/null -o /dev/null -w '%{http_code}' "$url" "$url" "$url")" 200200200

# The master's own numbers move between pages; the worker's do not.
"$muster" cat --region "$dir/region" >"$dir/all.txt"
promtool check metrics <"$dir/all.txt" >/dev/null 2>"$dir/promtool.log" && ok promtool || fail promtool
names=()
for name in calls_total level each busy_seconds_total flying size_bytes delay wait_seconds app phase; do names+=(--data-urlencode "name[]=$name"); done
page() { curl -sG -H "Accept: $1" "${names[@]}" "$url"; }
page '*/*' >"$dir/text"
page "$openmetrics" >"$dir/openmetrics"
page application/json >"$dir/json"
page "$protobuf" >"$dir/protobuf"
is names_filter "$(grep -c '^# TYPE' "$dir/text")" 10
is names_of_samples_filter "$(curl -sG --data-urlencode 'name[]=wait_seconds_bucket' "$url" | grep -c '^# TYPE')" 1
is unknown_name_is_an_empty_page "$(curl -sG --data-urlencode 'name[]=nope' "$url" | wc -c)" 0
/usr/bin/python3 "$here/exposition_page.py" "$dir/text" "$dir/openmetrics" "$dir/json" || fail parsers
for format in text openmetrics json; do
	cmp -s <("$muster" cat --region "$dir/region" --format $format | grep -a calls_total) <(curl -s -H "Accept: $([ $format = openmetrics ] && echo "$openmetrics" || { [ $format = json ] && echo application/json || echo '*/*'; })" "$url" | grep -a calls_total) || [ $format = json ] || fail "cat_$format"
done
ok cat_writes_the_same
exit_of "$muster" cat --region "$dir/region" --format yaml
has unknown_format_is_refused "$err" "--format yaml: must be text, openmetrics, protobuf or json"

printf "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: m, static_configs: [{targets: ['127.0.0.1:%s']}]}]\n" "$port" >"$dir/p.yml"

# The real Prometheus: it asks for OpenMetrics, and for protobuf when it wants native histograms.
prometheus_start() {
	api=127.0.0.1:$(free_port)
	prometheus --config.file="$dir/p.yml" --storage.tsdb.path="$dir/tsdb.$1" --web.listen-address="$api" "${@:2}" >"$dir/prometheus.$1.log" 2>&1 &
	masters+=($!)
}
prometheus_start openmetrics
answered "prometheus_takes_openmetrics" 'calls_total{path="a\"b\\c\nd"}' 3
answered "prometheus_openmetrics_info" 'app_info{path="1.2.3"}' 1
answered "prometheus_openmetrics_quantile" 'round(histogram_quantile(0.5, wait_seconds_bucket), 0.01)' 0.5
right='(abs(delay{quantile="0.5"} / 1 - 1) <= bool 0.011) + on() (abs(delay{quantile="0.99"} / 1.98 - 1) <= bool 0.011) + on() delay_count'
answered "prometheus_openmetrics_quantiles_of_the_living_and_the_dead" "$right" 2002
answered "prometheus_openmetrics_up" 'min_over_time(up[1m])' 1
prometheus_start protobuf --enable-feature=native-histograms
answered "prometheus_takes_protobuf" 'calls_total{path="a\"b\\c\nd"}' 3
answered "prometheus_protobuf_sum" 'wait_seconds_sum + on() busy_seconds_total + on() size_bytes_sum' 2002
answered "prometheus_protobuf_bucket" 'wait_seconds_bucket{le="0.5"} + on() wait_seconds_count' 1501
answered "prometheus_protobuf_pid" "each{pid=\"$worker\"}" 4
answered "prometheus_protobuf_gauges" 'count(level) + on() (level{path="5"} == bool 1.7976931348623157e308)' 10
answered "prometheus_protobuf_quantiles_of_the_living_and_the_dead" "$right" 2002
answered "prometheus_protobuf_up" 'min_over_time(up[1m])' 1

# VictoriaMetrics, which has a parser of its own: text 0.0.4.
api=127.0.0.1:$(free_port)
victoria-metrics -storageDataPath="$dir/victoria" -httpListenAddr="$api" -promscrape.config="$dir/p.yml" -search.latencyOffset=0s \
	-search.disableCache >"$dir/victoria.log" 2>&1 &
masters+=($!)
answered "victoriametrics_counter" 'calls_total{path="a\"b\\c\nd"}' 3
answered "victoriametrics_info" 'app_info{path="1.2.3"}' 1
answered "victoriametrics_sums" 'wait_seconds_sum + on() busy_seconds_total + on() size_bytes_sum' 2002
answered "victoriametrics_quantile" 'round(histogram_quantile(0.5, wait_seconds_bucket), 0.01)' 0.5
answered "victoriametrics_quantiles_of_the_living_and_the_dead" "$right" 2002
answered "victoriametrics_pid" "each{pid=\"$worker\"}" 4
answered "victoriametrics_up" 'min_over_time(up[1m])' 1

protobuf_asked() { [ "$(curl -s "$url" | awk '$1 == "muster_http_requests_total{code=\"200\"}" { print $2 }')" -gt 10 ]; }
protobuf_asked && ok answers_are_counted || fail answers_are_counted

# Only scrapers of other machines get gzip; to our own outer address we are one.
outer=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 -E '^[0-9.]+$' || true)
encoding() { curl -sD - -o "$2" -H 'Accept-Encoding: gzip' "$1" | tr -d '\r' | awk -F': ' 'tolower($1) == "content-encoding" { print $2 }'; }
is no_gzip_on_the_machine "$(encoding "$url" "$dir/plain")" ""
if [ -n "$outer" ]; then
	is gzip_for_others "$(encoding "http://$outer:$port/metrics" "$dir/packed")" gzip
	gunzip -c <"$dir/packed" | grep -a calls_total >"$dir/unpacked"
	cmp -s "$dir/unpacked" <(curl -s "$url" | grep -a calls_total) && ok gzip_is_the_same_page || fail gzip_is_the_same_page
	is no_gzip_for_little "$(encoding "http://$outer:$port/metrics?name\[\]=flying" "$dir/little")" ""
fi
