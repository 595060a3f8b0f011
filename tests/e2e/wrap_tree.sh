#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Any server under `muster run --`: its exit status, its descriptors and signals, its orphans; what it leaves is ended.
. "$(dirname "$0")/wrap_common.bash"
run=(run --metrics 127.0.0.1:0 --region "$dir/r")
quiet=(run --metrics none --region "$dir/r")

# ---- exit statuses
for want in 0 3 255; do
	exit_of "$muster" "${quiet[@]}" -- sh -c "exit $want"
	is "status_$want" "$status" "$want"
done
exit_of "$muster" "${quiet[@]}" -- sh -c 'kill -KILL $$'
is status_of_a_kill "$status" 137
exit_of "$muster" "${quiet[@]}" -- sh -c 'kill -SEGV $$'
is status_of_a_fault "$status" 139
exit_of "$muster" "${quiet[@]}" -- no-such-server-here
is status_not_found "$status" 127
: >"$dir/plain"
exit_of "$muster" "${quiet[@]}" -- "$dir/plain"
is status_not_executable "$status" 126

# ---- what the server finds is what it would find without us
cat >"$dir/look.py" <<'PY'
import os, signal, sys
print("stdin", sys.stdin.read())
print("stderr is", os.readlink("/proc/self/fd/2"))
print("usr1", signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN)
print("mask", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])) == [signal.SIGUSR2])
print("own group", os.getpgrp() == os.getpid())
print("fds", sorted(int(f) for f in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + f)))
PY
cat >"$dir/blocked.py" <<'PY'
import os, signal, sys
signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2])
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
PY
look() { echo input | /usr/bin/python3 "$dir/blocked.py" "$@" /usr/bin/python3 "$dir/look.py" 2>"$dir/looked.err"; }
look "$muster" "${quiet[@]}" -- >"$dir/looked"
has stdin_is_the_servers "$(cat "$dir/looked")" "stdin input"
has stderr_is_the_servers "$(cat "$dir/looked")" "stderr is $dir/looked.err"
has dispositions_are_kept "$(cat "$dir/looked")" "usr1 True"
has mask_is_kept "$(cat "$dir/looked")" "mask True"
has group_is_its_own "$(cat "$dir/looked")" "own group True"
is descriptors_are_those_without_us "$(grep fds "$dir/looked")" "$(look /usr/bin/env | grep fds)"

# ---- every signal that can be passed on is, with its value
cat >"$dir/signals.py" <<'PY'
import signal, sys
own = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - own)
print("blocked", flush=True)
while True:
    info = signal.sigwaitinfo(signal.valid_signals() - own)
    print("got", info.si_signo, flush=True)
    if info.si_signo == signal.SIGTERM:
        sys.exit(9)
PY
start signals "${run[@]}" -- /usr/bin/python3 "$dir/signals.py"
until_true 10 grep -q blocked "$dir/stdout" || fail signal_server_runs
want=
for signo in $(seq 1 31) $(seq 34 64); do
	case $signo in 4 | 5 | 7 | 8 | 9 | 11 | 13 | 15 | 17 | 19 | 31) continue ;; esac
	kill -"$signo" "$master"
	want="$want $signo"
	until_true 10 grep -q "^got $signo\$" "$dir/stdout" || fail "signal $signo arrives"
done
is every_signal_arrives_once "$(sed -n 's/^got //p' "$dir/stdout" | xargs)" "${want# }"
is signals_are_counted "$(scrape | grep -c '^muster_signals_passed_total{.*} 1$')" "$(wc -w <<<"$want")"
stop TERM
is status_after_term "$status" 9

# ---- a server that ignores TERM, with children that do, some of them daemons
cat >"$dir/stubborn.sh" <<'SH'
trap "" TERM
(setsid sh -c 'sleep 1000 & sleep 1000; :' &)
(setsid sh -c '(sleep 1000 &) ; sleep 0.01' &)
sleep 1000 &
trap 'exit 5' USR1
echo up
while :; do sleep 0.05; done
SH
tree_is_up() { [ "$(below "$master" | wc -l)" -ge 6 ]; }
start stubborn "${run[@]}" --grace 0.5 -- bash "$dir/stubborn.sh"
until_true 10 tree_is_up || fail stubborn_tree_runs
until_true 10 no_zombies && ok orphans_are_reaped || fail orphans_are_reaped
at_least muster_orphans_reaped_total 1 && ok orphans_are_counted || fail orphans_are_counted
tree=$(below "$master")
stop TERM
is stubborn_server_is_killed "$status" 137
gone $tree && ok nobody_is_left_by_a_kill || fail nobody_is_left_by_a_kill

# ---- the same without --grace: TERM is the server's business, what it leaves is ours
start patient "${run[@]}" --region "$dir/patient" --log-format json -- bash "$dir/stubborn.sh"
address=${address%%\"*} # of a line that is an object
until_true 10 tree_is_up || fail patient_tree_runs
kill -TERM "$master"
until_true 10 at_least 'muster_signals_passed_total{signal="SIGTERM"}' 1 || fail term_is_passed_on
server_is
[ "$(state "$server")" != gone ] && ok without_grace_the_server_takes_its_time || fail without_grace_the_server_takes_its_time
tree=$(below "$master")
kill -USR1 "$master"
wait_logged 'processes of the server are left and told to end' 10
stop TERM # again: hurry
is status_is_the_servers "$status" 5
gone $tree && ok nobody_is_left_by_an_exit || fail nobody_is_left_by_an_exit
/usr/bin/python3 - "$log" <<'PY' && ok log_lines_are_json || fail log_lines_are_json
import datetime, json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) > 4
for line in lines:
    assert set(line) == {"time", "level", "name", "message"}, line
    assert line["level"] in ("info", "warning", "error")
    datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
PY

# ---- a daemon: the first process ends well, the rest is supervised until its end
start daemon "${run[@]}" -- bash -c '(setsid sh -c "trap \"exit 4\" USR1; echo on; while :; do sleep 0.05; done" &); exit 0'
wait_logged 'live on: supervising them, pid [0-9]+ as the server' 10
until_true 10 grep -q on "$dir/stdout" || fail daemon_runs
is daemon_is_scraped "$(code "http://$address/-/ready")" 200
stop USR1
is status_of_a_daemon "$status" 4

# ---- workers of ours in its tree: the dead stay in the totals, to the last scrape
worker_compile wrap_worker.c
rm -rf "$dir/r"
start native "${run[@]}" --drain 3600 -- bash -c "'$dir/worker' 5 & '$dir/worker' 7 stay & wait -n; trap 'kill -KILL %2; exit 6' USR1; echo up; while :; do sleep 0.05; done"
until_true 10 grep -q up "$dir/stdout" || fail native_server_runs
until_true 10 eval '[ "$(grep -c recorded "$dir/stdout")" -eq 2 ]' || fail native_workers_record
is totals_of_the_living_and_the_dead "$(sample wrap_calls_total)" 12
kill -USR1 "$master"
wait_logged 'serving the final numbers for one scrape' 10
is not_ready_in_the_end "$(code "http://$address/-/ready")" 503
is the_last_scrape_has_all "$(sample wrap_calls_total)" 12
wait_logged 'the final numbers were scraped' 10
until_true 20 eval '[[ $(state "$master") == [Zg]* ]]' || fail ends_after_the_last_scrape
reap
is status_after_the_last_scrape "$status" 6
is all_are_in_the_ledger "$("$muster" cat --region "$dir/r" | grep -c '^wrap_calls_total 12$')" 1
is no_slab_is_left "$(find "$dir/r" -name 'slab.*' | wc -l)" 1 # the last master's own

start drained "${run[@]}" --drain 0.1 -- sh -c 'exit 0'
reap
is drain_ends_by_itself "$status" 0
start undrained "${run[@]}" --drain 3600 -- sh -c 'exit 2'
wait_logged 'serving the final numbers' 10
stop TERM
is drain_ends_by_a_signal "$status" 2

# ---- process 1 of a container
if unshare -p -f --mount-proc true 2>/dev/null; then
	cat >"$dir/one.sh" <<'SH'
[ "$PPID" -eq 1 ] || exit 90
for i in 1 2 3 4 5; do (sh -c 'exit 0' & exec true); (setsid sh -c '(sleep 0.05 &)' &); done
for i in $(seq 200); do
	zombies=$(grep -ls '^[0-9]* (.*) Z' /proc/[0-9]*/stat | wc -l)
	[ "$(ls -d /proc/[0-9]* | wc -l)" -gt 5 ] || [ "$zombies" -gt 0 ] || break
	sleep 0.05
done
echo "zombies $zombies"
trap 'exit 7' HUP
kill -HUP 1
while :; do sleep 0.05; done
SH
	status=0
	timeout 60 unshare -p -f --mount-proc "$muster" "${quiet[@]}" -- bash "$dir/one.sh" >"$dir/one" 2>"$dir/one.log" || status=$?
	is process_1_passes_signals_and_status "$status" 7
	is process_1_reaps_strangers "$(cat "$dir/one")" "zombies 0"
	status=0
	timeout 60 unshare -p -f --mount-proc "$muster" "${quiet[@]}" --workers 1 -- sh -c 'setsid sh -c "exit 0" & setsid sh -c "sleep 0.1" & kill -TERM $PPID; exec sleep 1000' 2>>"$dir/one.log" || status=$?
	is process_1_with_workers "$status" 0
else
	echo "ok process_1 # skipped: no pid namespaces here"
fi
