#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# muster check: each fault is named with its family and explained; a region without faults is silent.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
worker_compile check_worker.c

# $1: arguments of the worker, $2: how often it runs. Leaves what check says in $found and its exit status in $status.
check() {
	rm -rf "$dir/region"
	mkdir "$dir/region"
	for _ in $(seq "${2:-1}"); do
		# shellcheck disable=SC2086 # no argument, or one
		MUSTER_REGION=$dir/region "$dir/worker" $1
	done
	status=0
	found=$("$muster" check --region "$dir/region") || status=$?
}

check ""
is faults_end_with_3 "$status" 3
while read -r line; do
	has "says_$line" "$found" "$line"
done <<'LINES'
a_counter_total: type_in_name: the name says "counter"
b_total: camel_case: the label "userName" has capitals
c_milliseconds_total: other_unit: the unit is milliseconds; the base unit is seconds
d_ms_total: short_unit: the name ends in an abbreviated unit, "ms"
e_total: target_label: has a label "job"
scrape_f_total: reserved_prefix: begins with scrape_
g_total: empty_help: the help is "g_total"
h_total: many_series: 2200 series, 2200 samples; the label with the most values is "user" with 2200
h_total: ids_in_label: 2200 series have values of "user" that look like identifiers
h_total: dropped: 100 lookups got no series and recorded nothing
i_total: unused: is declared and has no series
j_seconds: unused: nothing was ever recorded in its 1 series
k_seconds: bounds_miss: 200 of 200 observations are above the last bound, 0.002
l.dur.milliseconds_total: camel_case: the label "line?Break" has capitals
l.dur.milliseconds_total: other_unit: the unit is milliseconds; the base unit is seconds
l.dur.milliseconds_total: names_meet: by underscores the label "http.code" is another or reserved, so it is written as U__http_2e_code
m.x_total: names_meet: by underscores the name is that of another, so it is written as U__m_2e_x__total
muster_dropped_families_total{reason="invalid"}: lost: is 1.
LINES
is nothing_else "$(grep -c . <<<"$found")" 18
check per_worker 201
has says_sample_per_worker "$found" 'level: sample_per_worker: mode all has kept 201 samples, also of workers long dead'
check fine
is no_faults_end_with_0 "$status" 0
is no_faults_say_nothing "$found" ""

# muster's own families, as a master shows them, keep the rules.
start master serve --region "$dir/own" --metrics 127.0.0.1:0
own=$("$muster" check --region "$dir/own" | grep -v ': unused: ' || true)
is own_families_keep_the_rules "$own" ""
exit_of "$muster" check --region "$dir/none"
is no_region_is_refused "$status" 66
