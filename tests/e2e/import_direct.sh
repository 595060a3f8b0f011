#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files in the format of client_ruby's DirectFileStore, by real processes, with a schema: the page is what was recorded,
# while they live and when they are dead, and the files of the dead are folded exactly once.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
files=$dir/files
mkdir "$files"
cat >"$dir/schema" <<'END'
# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{path="/",le="0.1"} 3
wait_seconds_bucket{path="/",le="1"} 3
wait_seconds_bucket{path="/",le="2.5"} 3
wait_seconds_bucket{path="/",le="+Inf"} 3
# TYPE g_sum gauge
# AGGREGATION g_sum sum
# TYPE g_max gauge
# AGGREGATION g_max max
END

# The page's samples, as they are expected: sorted, rounded.
samples() {
	curl -s "http://$address/metrics" | ruby -e '
		lines = $stdin.each_line.reject { |l| l.start_with?("#", "muster_", "process_") }
		puts lines.map { |l| h, v = l.chomp.match(/\A(.*) (\S+)\z/).captures; [h, v.to_f.round(9)] }.sort.map { |h, v| "#{h} #{v}" }'
}
same() { samples >"$dir/samples" && diff "$dir/expected" "$dir/samples" >"$dir/diff.log" && ok "$1" || fail "$1: $(head -3 "$dir/diff.log")"; }

ruby "$here/import_direct_writer.rb" "$files" 3 "$dir/expected" >"$dir/writers" &
writer=$!
masters+=("$writer")
until_true 60 grep -q ready "$dir/writers" || fail writers_start
read -r -a pids <"$dir/writers"
pids=("${pids[@]:1}")
masters+=("${pids[@]}")
start reading serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$files" --multiproc-schema "$dir/schema"
same living_processes
has help_is_the_schemas "$(curl -s "http://$address/metrics")" '# HELP wait_seconds Waits.'
stop TERM
start folding serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$files" --multiproc-schema "$dir/schema" --compact
kill -KILL "${pids[0]}"
gone() { [ "$(find "$files" -name "*___$1.bin" | wc -l)" -eq 0 ]; }
until_true 20 gone "${pids[0]}" && ok files_of_the_dead_are_deleted || fail files_of_the_dead_are_deleted
same folded_counts_as_before
kill -KILL "$master" && reap
kill -KILL "${pids[1]}"
start again serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$files" --multiproc-schema "$dir/schema" --compact
until_true 20 gone "${pids[1]}" || fail the_next_master_folds
same the_next_master_goes_on
is of_the_living_nothing_is_deleted "$(find "$files" -name '*.bin' | wc -l)" 6
stop TERM
"$muster" cat --region "$dir/r" --multiproc-dir "$files" >"$dir/cat" 2>"$dir/cat.log"
is without_a_schema_what_cannot_be_told_is_counted "$(grep '^muster_dropped_families_total{reason="invalid"}' "$dir/cat")" 'muster_dropped_families_total{reason="invalid"} 2'
echo '# TYPE x banana' >"$dir/schema"
exit_of "$muster" serve --region "$dir/r2" --metrics none --multiproc-dir "$files" --multiproc-schema "$dir/schema"
has a_schema_that_is_none_is_refused "$err" 'line 1: x: "banana" is no type; give counter, gauge, histogram or summary'
