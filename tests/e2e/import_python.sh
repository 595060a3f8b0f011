#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# prometheus_client's multiprocess files, by real processes with all types and modes: muster's page is what the library's
# own collector says, while they live and when they are dead; files of the dead are folded, exactly once, and deleted.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
export PROMETHEUS_MULTIPROC_DIR=$dir/files
mkdir "$PROMETHEUS_MULTIPROC_DIR"
python=/usr/bin/python3

same() {
	curl -s "http://$address/metrics" >"$dir/page"
	PROMETHEUS_MULTIPROC_DIR=${2:-$PROMETHEUS_MULTIPROC_DIR} $python "$here/import_writer.py" compare "$dir/page" >"$dir/compare.log" || fail "$1: $(head -3 "$dir/compare.log")"
	ok "$1"
}
writers() {
	rm -f "$dir/writers"
	$python "$here/import_writer.py" 4 "$@" >"$dir/writers" &
	masters+=($!)
	until_true 60 grep -q ready "$dir/writers" || fail writers_start
	read -r -a pids <"$dir/writers"
	pids=("${pids[@]:1}")
}

writers 1
start reading serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$PROMETHEUS_MULTIPROC_DIR"
same living_processes
"$muster" cat --region "$dir/r" --multiproc-dir "$PROMETHEUS_MULTIPROC_DIR" | grep '^calls_total' >"$dir/cat"
cmp -s "$dir/cat" <(curl -s "http://$address/metrics" | grep '^calls_total') && ok cat_shows_the_files || fail cat_shows_the_files
kill -KILL "${pids[0]}"
cp -r "$PROMETHEUS_MULTIPROC_DIR" "$dir/marked"
dead() { # what the library says when it was told who is dead
	PROMETHEUS_MULTIPROC_DIR=$dir/marked $python -c "import sys; from prometheus_client import multiprocess; [multiprocess.mark_process_dead(p) for p in sys.argv[1:]]" "$@"
}
dead "${pids[0]}"
same a_dead_one_without_being_told "$dir/marked"
is read_only_deletes_nothing "$(find "$PROMETHEUS_MULTIPROC_DIR" -name "*_${pids[0]}.db" | wc -l)" 11
kill -TERM "$master"
wait "$master" || fail stops

start folding serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$PROMETHEUS_MULTIPROC_DIR" --compact
gone() { [ "$(find "$PROMETHEUS_MULTIPROC_DIR" -name "*_$1.db" | wc -l)" -eq 0 ]; }
until_true 20 gone "${pids[0]}" || fail files_of_the_dead_are_deleted
ok files_of_the_dead_are_deleted
same folded_counts_as_before "$dir/marked"
kill -KILL "${pids[1]}" "${pids[2]}"
until_true 20 gone "${pids[1]}" && until_true 20 gone "${pids[2]}" || fail more_die
dead "${pids[1]}" "${pids[2]}"
same folded_twice "$dir/marked"
kill -KILL "$master" && reap
start again serve --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$PROMETHEUS_MULTIPROC_DIR" --compact
same the_next_master_goes_on "$dir/marked"

# Files that are nothing, or hostile: each is quarantined or ignored, the rest stays exact.
: >"$PROMETHEUS_MULTIPROC_DIR/counter_9999991.db"
head -c 65536 /dev/zero >"$PROMETHEUS_MULTIPROC_DIR/counter_9999992.db"
head -c 4096 /dev/urandom >"$PROMETHEUS_MULTIPROC_DIR/histogram_9999993.db"
printf '\377\377\377\177\0\0\0\0' >"$PROMETHEUS_MULTIPROC_DIR/summary_9999994.db"
ln -s /etc/passwd "$PROMETHEUS_MULTIPROC_DIR/counter_9999995.db"
mkfifo "$PROMETHEUS_MULTIPROC_DIR/counter_9999996.db"
echo hello >"$PROMETHEUS_MULTIPROC_DIR/readme.txt"
same hostile_files_beside "$dir/marked"
quarantined() { curl -s "http://$address/metrics" | awk '/^muster_slabs_quarantined_total/ { n += $2 } END { print n + 0 }'; }
before=$(quarantined)
[ "$before" -ge 3 ] && ok hostile_files_are_counted || fail "hostile_files_are_counted: $before"
is each_is_counted_once "$(quarantined)" "$before"
find "$PROMETHEUS_MULTIPROC_DIR" -name "*_999999*" -delete

# The directory goes away and comes back.
mv "$PROMETHEUS_MULTIPROC_DIR" "$dir/away"
curl -s "http://$address/metrics" | grep calls_total >/dev/null && ok vanished_directory_leaves_the_ledger || fail vanished_directory_leaves_the_ledger
wait_logged 'the multiprocess directory: No such file or directory' 10
mv "$dir/away" "$PROMETHEUS_MULTIPROC_DIR"
wait_logged 'the multiprocess directory: works again' 20
same it_comes_back "$dir/marked"
kill -KILL "${pids[3]}"
until_true 20 gone "${pids[3]}" || fail the_last_dies
is nothing_is_left "$(find "$PROMETHEUS_MULTIPROC_DIR" -name '*.db' | wc -l)" 0
dead "${pids[3]}"
same all_dead "$dir/marked"
# Identifiers that are no pids, as those of uWSGI's workers. Who is dead is known all the same.
export PROMETHEUS_MULTIPROC_DIR=$dir/identified
mkdir "$PROMETHEUS_MULTIPROC_DIR"
writers 9 worker-
start identified serve --region "$dir/r3" --metrics 127.0.0.1:0 --multiproc-dir "$PROMETHEUS_MULTIPROC_DIR" --compact
same other_identifiers_than_pids
kill -KILL "${pids[@]}"
none() { [ "$(find "$PROMETHEUS_MULTIPROC_DIR" -name '*.db' | wc -l)" -eq 0 ]; }
until_true 20 none && ok they_die_too || fail they_die_too
has their_samples_stay "$(curl -s "http://$address/metrics")" 'g_all_of{k="a",pid="worker-2"} '
is their_live_gauges_leave "$(curl -s "http://$address/metrics" | grep -c '^g_liveall_of{' || true)" 0
exit_of "$muster" serve --region "$dir/r2" --metrics none --multiproc-dir "$dir/nowhere"
has a_directory_that_is_not_there_is_refused "$err" "--multiproc-dir $dir/nowhere: No such file or directory"
