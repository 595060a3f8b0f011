#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Directories of prometheus_client's files that are bad: full, somebody else's, vanished while the server runs, shared by two
# containers with equal pids, and files that grow, shrink and change while they are read. What the page and the log say.
. "$(dirname "$0")/wrap_common.bash"
bad=(/usr/bin/python3 "$here/import_bad.py")
unset PROMETHEUS_MULTIPROC_DIR prometheus_multiproc_dir
files=$dir/files
calls() { scrape | awk '/^calls_total/ { n += $NF } END { print n + 0 }'; }
calls_are() { [ "$(calls)" = "$1" ]; }
ready() { until_true 30 grep -q ready "$1" || fail "$2"; }

# ---- full: the library's processes are killed by SIGBUS, which is told; what they had counted is there
cat >"$dir/small" <<'SH'
mount --make-rprivate /
mkdir "$1" && mount -t tmpfs -o size=1m,mode=700 tmpfs "$1"
shift
exec "$@"
SH
if unshare --mount sh -e "$dir/small" "$dir/try" true 2>/dev/null; then
	by=(unshare --mount sh -e "$dir/small" "$files")
	start full run --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$files" -- "${bad[@]}" fill "$dir/progress"
	by=()
	until_true 60 eval '[ "$(wc -l <"$dir/progress")" -eq 3 ]' || fail "full: $(cat "$dir/progress")"
	is the_library_is_killed_by_a_full_directory "$(grep -c '^SIGBUS' "$dir/progress")" 3
	wait_logged 'the multiprocess directory: No space left on device' 20
	ok a_full_directory_is_told
	returned=$(tail -n 1 "$dir/progress" | cut -d' ' -f2)
	until_true 20 calls_are "$returned" && ok each_increment_that_returned_is_counted || fail "each_increment_that_returned_is_counted: $(calls) of $returned"
	wait_logged 'the multiprocess directory: works again' 20
	ok folding_makes_room
	kill -KILL "$(pgrep -P "$master")"
	reap
	rm -rf "$files"
else
	echo "ok full # skipped: no mount namespaces here"
fi

# ---- somebody else's
mkdir "$files"
if [ "$(id -u)" -eq 0 ]; then
	chmod 0755 "$dir"
	mkdir -m 0777 "$dir/theirs"
	exit_of setpriv --reuid=nobody --regid=nogroup --clear-groups "$muster" run --region "$dir/theirs/r" --metrics none --multiproc-dir "$files" -- true
	is a_directory_of_another_is_refused "$status" 66
	has it_is_told_why "$err" "--multiproc-dir $files: Permission denied; give a directory the workers can write, or none"
	exit_of setpriv --reuid=nobody --regid=nogroup --clear-groups "$muster" serve --region "$dir/theirs/r" --metrics none --multiproc-dir "$dir/r"
	has one_that_cannot_be_read_is_refused "$err" "--multiproc-dir $dir/r: Permission denied"
fi

# ---- it vanishes while the server runs: who has its files goes on; it is told
start vanished run --region "$dir/v" --metrics 127.0.0.1:0 --multiproc-dir "$files" -- "${bad[@]}" add 5
ready "$dir/stdout" vanished
until_true 20 calls_are 5 || fail vanished_counts
rm -rf "$files"
wait_logged 'the multiprocess directory: No such file or directory' 20
ok a_vanished_directory_is_told
is what_was_counted_stays "$(calls)" 5
mkdir "$files"
wait_logged 'the multiprocess directory: works again' 20
stop TERM
is its_server_goes_on "$status" 143

# ---- shared by two containers with equal pids: the library writes into one file, and loses counts there
if unshare --pid --fork true 2>/dev/null; then
	start shared serve --region "$dir/s" --metrics 127.0.0.1:0 --multiproc-dir "$files" --compact
	for i in 1 2; do
		GO=$dir/go PROMETHEUS_MULTIPROC_DIR=$files unshare --pid --fork --kill-child "${bad[@]}" add 3 >"$dir/container.$i" 2>/dev/null &
		masters+=("$!")
		until_true 30 grep -q made "$dir/container.$i" || fail "container $i"
	done
	: >"$dir/go"
	for i in 1 2; do
		ready "$dir/container.$i" "container $i"
	done
	is two_containers_have_one_file "$(grep -h ready "$dir"/container.* | sort -u) $(find "$files" -name '*.db' | wc -l)" "ready 1 1"
	until_true 20 calls_are 3 && ok the_library_loses_one_containers_counts || fail "the_library_loses_one_containers_counts: $(calls)"
	kill -KILL "$(pgrep -P "${masters[-1]}")"
	wait "${masters[-1]}" 2>/dev/null || true
	until_true 10 calls_are 3 && ok one_of_them_lives_the_file_stays || fail one_of_them_lives_the_file_stays
	is it_is_not_folded "$(find "$files" -name 'counter_1.db' | wc -l)" 1
	kill -KILL "$(pgrep -P "${masters[-2]}")"
	wait "${masters[-2]}" 2>/dev/null || true
	until_true 20 eval '[ -z "$(find "$files" -name "*.db")" ]' || fail both_are_folded
	is it_is_folded_once "$(calls)" 3
	stop TERM
	# Two masters in two containers on one region: the second is refused.
	start first run --region "$dir/v" --metrics 127.0.0.1:0 -- sleep 1000
	exit_of unshare --pid --fork --mount-proc "$muster" run --region "$dir/v" --metrics none -- true
	is a_second_master_of_a_region_is_refused "$status" 75
	stop TERM
else
	echo "ok shared # skipped: no pid namespaces here"
fi

# ---- files grow, shrink and change while they are read: an honest one beside them stays exact
PROMETHEUS_MULTIPROC_DIR=$files "${bad[@]}" add 9 >"$dir/honest" &
masters+=("$!")
ready "$dir/honest" honest
start changing serve --region "$dir/c" --metrics 127.0.0.1:0 --multiproc-dir "$files"
honest() { scrape | awk '$1 == "calls_total{path=\"/\"}" { print $2 }'; }
PROMETHEUS_MULTIPROC_DIR=$files "${bad[@]}" change 20000 &
changer=$!
masters+=("$changer")
scrapes=0 wrong=0
while [ -e "/proc/$changer/stat" ] && [ "$scrapes" -lt 200 ]; do
	scrape >"$dir/page" || wrong=$((wrong + 1))
	scrapes=$((scrapes + 1))
	[ "$(state "$changer")" != Z ] || break
done
wait "$changer" || fail changer
[ "$scrapes" -gt 3 ] && ok files_change_while_read || fail "files_change_while_read: $scrapes scrapes"
is each_scrape_is_answered "$wrong" 0
until_true 10 eval '[ "$(honest)" = 9 ]' && ok the_honest_one_is_exact || fail "the_honest_one_is_exact: $(honest)"
stop TERM
is it_ends_well "$status" 0
