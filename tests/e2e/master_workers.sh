#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workers: what they are given, how they are restarted, counted and stopped.
. "$(dirname "$0")/master_common.bash"
run=(run --workers 1 --metrics 127.0.0.1:0 --region "$dir/r")
exits=muster_worker_exits_total

# ---- what an exec'ed worker is given
start given "${run[@]}" --listen 127.0.0.1:0 --listen "unix:$dir/work.sock" -- \
	sh -c 'echo "$$ $LISTEN_PID $LISTEN_FDS $MUSTER_REGION"; exec sleep 1000' 3</dev/null
given=$dir/stdout
worker=$(workers_of "$master")
until_true 5 grep -q sleep "/proc/$worker/comm" || fail worker_runs
is listener_is_fd_3_and_4 "$(readlink "/proc/$worker/fd/3" "/proc/$worker/fd/4" | grep -c ^socket:)" 2
# Signals 32 and 33 are libc's own: sigaction() cannot touch them, so they are as our caller left them.
ignored=$(awk '/SigIgn/ { print $2 }' "/proc/$worker/status")
is no_signal_is_ignored $((0x$ignored & ~0x180000000)) 0
has listen_environment "$(cat "$given")" "$worker $worker 2 $dir/r"
sockets=$(find "/proc/$worker/fd" -lname 'socket:*' | wc -l)
is no_socket_but_the_listeners "$sockets" 2
is no_event_loop_of_the_master "$(find "/proc/$worker/fd" -lname 'anon_inode:*' | wc -l)" 0
is no_region_file_of_the_master "$(find "/proc/$worker/fd" -lname "$dir/r*" | wc -l)" 0

# ---- a worker is killed
kill -KILL "$worker"
until_true 5 worker_count 1 || fail killed_worker_is_replaced
wait_logged "worker 0 \(pid $worker\) was killed by signal 9 \(SIGKILL\)" 5
ok death_is_logged
until_true 5 at_least "$exits{reason=\"SIGKILL\"}" 1 && ok death_is_counted || fail death_is_counted
until_true 5 at_least muster_worker_restarts_total 1 && ok restart_is_counted || fail restart_is_counted
is running_slots "$(sample 'muster_worker_slots{state="running"}')" 1
is other_reasons_are_0 "$(scrape | grep -c "^$exits{reason=\"SIGSEGV\"} 0$")" 1

# ---- the master dies: workers live, and the numbers go on
before=$(workers_of "$master")
kill -KILL "$master"
reap
kill -0 "$before" && ok worker_outlives_master || fail worker_outlives_master
kill -KILL "$before"
start again "${run[@]}" -- sleep 1000
is signal_mask_is_empty "$(awk '/SigBlk/ { print $2 }' "/proc/$(workers_of "$master")/status")" 0000000000000000
is counters_outlive_master "$(sample "$exits{reason=\"SIGKILL\"}")" 1
stop TERM
is stop_by_term "$status" 0

# ---- crash loop
start loop "${run[@]}" -- sh -c 'exit 3'
wait_logged "exited with status 3 after .* the 4. time in a row within 10 s; restart in 0.8 s" 10
ok crash_loop_backs_off
is crash_loop_is_answered_meanwhile "$(code "http://$address/-/healthy")" 200
until_true 5 at_least "$exits{reason=\"exit_nonzero\"}" 4 && ok crash_loop_is_counted || fail crash_loop_is_counted
until_true 5 at_least "muster_worker_exit_codes_total{code=\"3\"}" 4 && ok crash_code_is_counted || fail crash_code_is_counted
stop INT
is stop_by_int_while_waiting "$status" 0

# ---- stopping
start stubborn "${run[@]}" --workers 2 --grace 0.3 -- sh -c 'trap "" TERM; echo on >&2; while :; do sleep 0.05; done'
until_true 5 sh -c "[ \$(grep -c ^on '$log') -eq 2 ]" || fail stubborn_workers_run
stop TERM
is stubborn_worker_is_killed "$status" 0
has kill_is_logged "$(cat "$log")" "2 workers did not end in time: killing them"

start hurry "${run[@]}" --grace 60 -- sh -c 'trap "" TERM; echo on >&2; while :; do sleep 0.05; done'
wait_logged '^on' 5
kill -INT "$master"
wait_logged "signal 2 .*: stopping" 5
is not_ready_while_stopping "$(code "http://$address/-/ready")" 503
is scraped_while_stopping "$(code "http://$address/metrics")" 200
begin=$SECONDS
stop INT
is second_int_hurries "$((SECONDS - begin < 10)) $status" "1 0"

start graceful "${run[@]}" --listen 127.0.0.1:0 -- sh -c 'trap "echo bye >&2; exit 0" TERM; echo on >&2; while :; do sleep 0.05; done'
wait_logged '^on' 5
stop QUIT
has graceful_worker_says_bye "$(cat "$log")" bye
is graceful_stop "$status" 0

# ---- a stopped worker is alive, and is still told to end
start frozen "${run[@]}" --grace 30 -- sleep 1000
kill -STOP "$(workers_of "$master")"
begin=$SECONDS
stop TERM
is frozen_worker_ends "$((SECONDS - begin < 20)) $status" "1 0"

# ---- commands that cannot run
exit_of "$muster" "${run[@]}" -- no-such-command-here
is command_not_found "$status" 127
has command_not_found_is_said_once "$(grep -c 'command not found' <<<"$err")" 1
: >"$dir/plain"
exit_of "$muster" "${run[@]}" -- "$dir/plain"
is command_not_executable "$status" 126
printf '#!/no/such/interpreter\n' >"$dir/script"
chmod +x "$dir/script"
exit_of "$muster" "${run[@]}" --workers 3 -- "$dir/script"
is interpreter_not_found "$status" 127
