#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --pidfile: made whole, locked, refused while held, replaced when stale, removed at the end; and what else `muster
# run` refuses of the options for servers and workers.
. "$(dirname "$0")/wrap_common.bash"
pidfile=$dir/pid
one=(run --metrics 127.0.0.1:0 --region "$dir/r" --pidfile "$pidfile")
two=(run --metrics none --region "$dir/r2")

start first "${one[@]}" -- sleep 1000
is pid_is_the_masters "$(cat "$pidfile")" "$master"
is mode_is_for_all "$(stat -c %a "$pidfile")" 644
is nothing_else_is_left "$(find "$dir" -name 'pid*' | wc -l)" 1
exit_of "$muster" "${two[@]}" --pidfile "$pidfile" -- true
is held_is_refused.status "$status" 75
has held_is_refused.text "$err" "--pidfile $pidfile: held by process $master; stop it, or take another path"
is held_stays "$(cat "$pidfile")" "$master"
is refused_leaves_nothing "$(find "$dir" -name 'pid*' | wc -l)" 1
stop TERM
[ ! -e "$pidfile" ] && ok removed_at_the_end || fail removed_at_the_end

start killed "${one[@]}" -- sleep 1000
killed=$master
server_is
kill -KILL "$master"
reap
is a_kill_leaves_it "$(cat "$pidfile")" "$killed"
kill -KILL "$server"
start stale "${one[@]}" -- sleep 1000
is stale_is_replaced "$(cat "$pidfile")" "$master"

# Somebody else's file under our name is not ours to remove.
rm "$pidfile"
echo 1 >"$pidfile"
stop TERM
is only_our_own_is_removed "$(cat "$pidfile")" 1
start number "${one[@]}" -- sleep 1000
is a_number_without_lock_is_stale "$(cat "$pidfile")" "$master"
stop TERM

# Of many started at once over a stale file, one has it.
echo 999999 >"$pidfile"
for i in 1 2 3 4 5 6; do
	(
		status=0
		"$muster" run --metrics none --region "$dir/race$i" --pidfile "$pidfile" -- sh -c 'until [ -e "$0" ]; do sleep 0.02; done' "$dir/go" 2>"$dir/race$i.log" || status=$?
		echo "$status" >>"$dir/race"
	) &
done
until_true 20 eval '[ "$(cat "$dir/race" 2>/dev/null | wc -l)" -eq 5 ]' || fail race_ends
is one_of_many_has_it "$(sort "$dir/race" | uniq -c | xargs)" "5 75"
touch "$dir/go"
until_true 20 eval '[ "$(cat "$dir/race" | wc -l)" -eq 6 ]' || fail winner_ends
is the_winner_removes_it "$(tail -n 1 "$dir/race") $(find "$dir" -name 'pid*' | wc -l)" "0 0"

# refused NAME STATUS TEXT ARGUMENT...
refused() {
	exit_of "$muster" "${two[@]}" "${@:4}" -- true
	is "$1.status" "$status" "$2"
	has "$1.text" "$err" "$3"
}
echo root:x:0:0 >"$dir/passwd"
refused no_pidfile_there 66 "$dir/passwd: is there and is no pidfile; take another path" --pidfile "$dir/passwd"
is no_pidfile_is_untouched "$(cat "$dir/passwd")" root:x:0:0
refused pidfile_is_a_directory 66 "is no pidfile" --pidfile "$dir/r"
refused pidfile_without_directory 73 "$dir/no/pid: cannot make it: No such file or directory; give a path" --pidfile "$dir/no/pid"
refused empty_pidfile 64 "--pidfile: is empty" --pidfile ""
refused drain_zero 64 "--drain 0: must be a number of seconds from 0.1 to 3600" --drain 0
refused log_format 64 "--log-format xml: must be text or json" --log-format xml
refused ready 64 "--ready soon: must be started or told" --ready soon
refused ready_of_workers 64 "--ready: is for a server with workers of its own; leave out --workers" --workers 2 --ready told
refused lifetime_of_a_server 64 "--max-lifetime: is for workers of muster's own; add --workers N" --max-lifetime 5
refused lifetime 64 "--max-lifetime 0.5: must be a number of seconds from 1 to 86400" --workers 1 --max-lifetime 0.5
refused memory_too_small 64 "--memory-limit 100K: must be a number of bytes from 1M to 1024G; K, M, G may follow it" --workers 1 --memory-limit 100K
refused memory_too_big 64 "--memory-limit 18446744073709551615G: must be" --workers 1 --memory-limit 18446744073709551615G
refused memory_unit 64 "--memory-limit 5MB: must be" --workers 1 --memory-limit 5MB
refused memory_negative 64 "--memory-limit -5M: must be" --workers 1 --memory-limit -5M
refused affinity_value 64 "--cpu-affinity: takes no value" --workers 1 --cpu-affinity=2
refused hook_missing 64 "on_worker_start $dir/none: No such file or directory; give the path of an executable" --workers 1 --on-worker-start "$dir/none"
refused hook_not_executable 64 "on_worker_exit $dir/passwd: Permission denied; give the path" --workers 1 --on-worker-exit "$dir/passwd"
is json_refusals "$("$muster" run --log-format json --grace 0 -- true 2>&1 | /usr/bin/python3 -c 'import json, sys; print(json.loads(sys.stdin.read())["level"])')" error
