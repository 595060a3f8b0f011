#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# USR2: the master of the demo service is upgraded and taken back under load, and new programs that do not run are
# tried. Every request is answered and counted once, no scrape is missed, no counter goes down, one master folds.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
mkdir "$dir/bin"
program=$dir/bin/order_mgmt
build=$(dirname "$muster")
cp "$build/order_mgmt" "$program"
muster=$program
start upgrade --workers 2 --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --region "$dir/r"
listen=$(sed -n 's|.*listening on ||p' "$log")
until_true 10 curl -fsS "http://$listen/hello" || fail "the service answers"

upgrades() { sample "muster_upgrades_total{result=\"$1\"}"; }
logged_times() { [ "$(grep -Ec "$1" "$log")" -ge "$2" ]; }
# The master that was started last, when it is ready.
next_master() {
	until_true 20 logged_times 'the new master \(pid [0-9]+\) is ready' "$1" || fail "new master $1 is ready"
	next=$(sed -n 's/.*the new master (pid \([0-9]*\)) is ready.*/\1/p' "$log" | tail -n 1)
	masters+=("$next")
}
# Its children: the workers, and in an upgrade the new master.
has_children() { [ "$(workers_of "$1" | wc -l)" -eq "$2" ]; }
folder_is() {
	exit_of "$build/muster" serve --region "$dir/r" --metrics none
	[ "$status" -eq 75 ] && [[ $err == *"served by the master with pid $1;"* ]]
}
ended() { ! kill -0 "$1" 2>/dev/null || [ "$(state "$1")" = Z ]; }

# hey does not tell of the requests that it gives up when it is stopped, so it is let end, again and again.
(
	until [ -e "$dir/loaded" ]; do
		hey -n 100 -c 4 -q 50 -disable-keepalive "http://$listen/hello" >>"$dir/hey" 2>&1
	done
) &
load=$!
watch_start

# ---- upgrade: the old one's workers end, then it
kill -USR2 "$master"
next_master 1
kill -USR2 "$master"
wait_logged "no upgrade: a new master \(pid $next\) is there" 10
kill -USR2 "$next"
wait_logged "no upgrade: the master before this one \(pid $master\) is there" 10
ok a_second_upgrade_is_refused
is both_serve "$(workers_of "$next" | wc -l) $(workers_of "$master" | wc -l)" "2 3"
folder_is "$master" && ok the_old_master_folds || fail "the_old_master_folds: $err"
kill -WINCH "$master"
until_true 20 has_children "$master" 1 && ok winch_ends_the_old_workers || fail winch_ends_the_old_workers
stop TERM
is the_old_master_ends "$status" 0
wait_logged 'upgrade completed' 10
until_true 10 folder_is "$next" && ok the_new_master_folds || fail "the_new_master_folds: $err"
is upgrade_is_counted "$(upgrades ready) $(upgrades completed) $(upgrades refused) $(upgrades failed)" "1 1 2 0"
master=$next

# ---- and back: the new one ends, the old one's workers come again
kill -USR2 "$master"
next_master 2
kill -WINCH "$master"
until_true 20 has_children "$master" 1 || fail winch_again
kill -TERM "$next"
wait_logged "upgrade taken back: the new master \(pid $next\) exited with status 0" 20
kill -HUP "$master"
until_true 20 has_children "$master" 2 && ok hup_brings_the_old_workers_back || fail hup_brings_the_old_workers_back
folder_is "$master" && ok the_old_master_folds_still || fail "the_old_master_folds_still: $err"
is taking_back_is_counted "$(upgrades ready) $(upgrades completed) $(upgrades rolled_back)" "2 1 1"

# ---- new programs that do not run
# broken NAME LOG: what is at the path now fails so.
failures=0
broken() {
	failures=$((failures + 1))
	kill -USR2 "$master"
	until_true 20 logged_times "upgrade failed: $2" 1 && ok "$1" || fail "$1: $(tail -n 2 "$log")"
	until_true 10 eval '[ "$(upgrades failed)" -eq "$failures" ]' || fail "$1 is counted"
	has_children "$master" 2 || fail "$1 leaves the workers"
	rm -f "$program"
}
rm "$program"
broken no_program "$program: No such file or directory"
echo nonsense >"$program"
broken no_permission "$program: Permission denied"
printf 'nonsense' >"$program"
chmod +x "$program"
broken no_executable "$program: Exec format error"
printf '#!/bin/sh\nexit 3\n' >"$program"
chmod +x "$program"
broken it_exits '.* exited with status 3'
printf '#!/bin/sh\nkill -SEGV $$\n' >"$program"
chmod +x "$program"
broken it_crashes '.* was killed by signal 11'
printf '#!/bin/sh\nexec "%s" --workers 0\n' "$build/order_mgmt" >"$program"
chmod +x "$program"
broken it_refuses_its_options '.* exited with status 64'
printf '#!/bin/bash\nfor fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3 || fd == 255)) || eval "exec $fd>&-"; done\nexec "%s" "$@"\n' \
	"$build/order_mgmt" >"$program"
chmod +x "$program"
broken it_closes_what_it_was_given '.* exited with status 64'
logged 'is not the list of a master.s sockets, or one of them is closed' && ok and_says_so || fail and_says_so
printf '#!/bin/sh\nexec "%s" "$@"\n' "$build/order_mgmt" >"$program"
chmod +x "$program"
kill -USR2 "$master"
next_master 3
ok a_mended_program_is_ready

touch "$dir/loaded"
wait "$load" || true
load=
answers() { sed -n "s/.*\\[$1\\][[:space:]]*\\([0-9]*\\) responses.*/\\1/p" "$dir/hey" | awk '{ sum += $1 } END { print sum + 0 }'; }
is every_request_was_answered "$(answers 200)" $(($(grep -c '^Summary' "$dir/hey") * 100))
is no_request_failed "$(grep -c 'Error distribution' "$dir/hey")" 0
watch_end upgrade
is no_scrape_was_missed "$(cat "$dir/missed")" ""
served() { scrape | awk '/^order_mgmt_duration_seconds_count/ { sum += $2 } END { print sum + 0 }'; }
counted=$(served)
is nobody_else_has_folded "$(sample muster_fold_failures_total)" 0
is every_request_is_counted_once "$counted" $(($(answers 200) + 1))

# ---- the old one is killed in the middle of it, with its workers
old=$master
kill -KILL $(workers_of "$old" | grep -vx "$next") "$old"
wait_logged "the master before this one \(pid $old\) is gone" 10
until_true 10 folder_is "$next" && ok a_killed_master_is_succeeded || fail "a_killed_master_is_succeeded: $err"
master=$next
is what_its_workers_counted_stays "$(served)" "$counted"
kill -TERM "$master"
until_true 20 ended "$master" && ok the_last_one_ends || fail the_last_one_ends
is nobody_is_left "$(workers_here)" ""
