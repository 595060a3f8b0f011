#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# prometheus-client-mmap's multiprocess files, by real processes with all types and modes whose identifiers are no pids:
# muster's page is what the library says; who dies leaves his live gauges, and is folded exactly once.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
export prometheus_multiproc_dir=$dir/files
mkdir "$prometheus_multiproc_dir"

page() { curl -s "http://$address/metrics"; }
same() {
	page >"$dir/page"
	ruby "$here/import_ruby_writer.rb" compare "$dir/page" >"$dir/compare.log" && ok "$1" || fail "$1: $(head -3 "$dir/compare.log")"
}
writers() {
	rm -f "$dir/writers"
	ruby "$here/import_ruby_writer.rb" 3 "$@" >"$dir/writers" &
	writer=$!
	masters+=($!)
	until_true 60 grep -q ready "$dir/writers" || fail writers_start
	read -r -a pids <"$dir/writers"
	pids=("${pids[@]:1}")
}
# What a dead process leaves: everything but live gauges.
lasting() { page | grep -v '^#\|^muster_\|^process_\|^g_live\|^ns:jobs' | sort; }

start folding serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$prometheus_multiproc_dir" --compact
writers 1
same living_processes
kill -KILL "$writer" && { wait "$writer" 2>/dev/null || true; }
gone() { [ "$(find "$prometheus_multiproc_dir" -name '*.db' | wc -l)" -eq 0 ]; }
until_true 20 gone && ok files_of_the_dead_are_deleted || fail files_of_the_dead_are_deleted
# In these files some buckets are missing, and the parent's, who has an identifier of his own, are there too.
writers 2 lazy
lasting >"$dir/before"
has live_gauges_are_there "$(page)" 'g_liveall_of{k="a",pid="worker_id_0-2"}'
kill -KILL "${pids[@]}" "$writer" && { wait "$writer" 2>/dev/null || true; }
until_true 20 gone || fail more_die
lasting >"$dir/after"
cmp -s "$dir/before" "$dir/after" && ok folded_counts_as_before || fail "folded_counts_as_before: $(diff "$dir/before" "$dir/after" | head -3)"
is live_gauges_have_left "$(page | grep -c '^g_live.*_of\|^ns:jobs' || true)" 0
kill -KILL "$master" && reap
start again serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$prometheus_multiproc_dir" --compact
lasting >"$dir/after"
cmp -s "$dir/before" "$dir/after" && ok the_next_master_goes_on || fail the_next_master_goes_on

# The same identifiers once more, now with complete lists of buckets.
writers 2
calls() { page | awk '/^runs_total / { print $2 }'; }
is counted_with_the_dead "$(calls)" 1000
is one_sample_of_an_identifier "$(page | grep -c '^g_all_of{k="a",pid="worker_id_1-2"}' || true)" 1
curl -s -H 'Accept: application/openmetrics-text; version=1.0.0' "http://$address/metrics" >"$dir/om"
/usr/bin/python3 -c "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
names = {f.name: f.type for f in parse(open(sys.argv[1]).read())}
assert names['calls'] == 'unknown' and names['runs'] == 'counter' and names['jobs_count'] == 'gauge', names
" "$dir/om" 2>"$dir/om.log" && ok openmetrics_is_valid || fail "openmetrics_is_valid: $(tail -1 "$dir/om.log")"
promtool check metrics <"$dir/page" >"$dir/promtool.log" 2>&1 || true # it has opinions on names
grep -qi 'error while linting\|parsing' "$dir/promtool.log" && fail "text_is_valid: $(head -2 "$dir/promtool.log")" || ok text_is_valid
stop TERM
is exit_status "$status" 0
