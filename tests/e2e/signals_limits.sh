#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits of a worker's life and memory, hooks, and processors: what the master does by itself.
. "$(dirname "$0")/wrap_common.bash"
run=(run --metrics 127.0.0.1:0 --region "$dir/r")

cat >"$dir/hook" <<'SH'
#!/bin/sh
echo "$0 $MUSTER_WORKER_PID $MUSTER_WORKER_SLOT $MUSTER_WORKER_REASON" >>"${0%/*}/hooks"
SH
chmod +x "$dir/hook"
ln "$dir/hook" "$dir/exit"
hooked() { grep -Eqx "$dir/$1" "$dir/hooks"; }
wait_hooked() { until_true 20 hooked "$2" && ok "$1" || fail "$1: $(cat "$dir/hooks")"; }

# ---- lifetime: replaced by one that runs before; hooks see why
start lifetime "${run[@]}" --workers 2 --max-lifetime 1 --on-worker-start "$dir/hook" --on-worker-exit "$dir/exit" -- sleep 1000
first=$(workers_of "$master" | head -n 1)
wait_hooked hook_sees_the_start "hook $first 0 boot"
wait_hooked hook_sees_the_recycling "exit $first 0 lifetime"
wait_hooked hook_sees_the_next_start "hook [0-9]+ 0 lifetime"
until_true 20 eval '[ "$(sample "muster_worker_recycles_total{reason=\"lifetime\"}")" -ge 3 ]' && ok lifetime_is_counted || fail lifetime_is_counted
is lifetime_is_no_restart "$(sample muster_worker_restarts_total)" 0
stop TERM
is lifetime_stop "$status" 0
: >"$dir/hooks"

# ---- deaths, reload, scale, and hooks that fail
start hooks "${run[@]}" --workers 1 --on-worker-start /bin/false --on-worker-exit "$dir/exit" -- sleep 1000
first=$(workers_of "$master")
until_true 20 at_least 'muster_hook_failures_total{hook="worker_start"}' 1 && ok failed_hook_is_counted || fail failed_hook_is_counted
wait_logged 'warning: --on-worker-start /bin/false: exited with status 1' 10
ok failed_hook_is_logged
kill -KILL "$first"
wait_hooked hook_sees_a_kill "exit $first 0 SIGKILL"
until_true 20 worker_count 1 || fail killed_worker_is_replaced
kill -TTIN "$master"
until_true 20 worker_count 2 || fail one_more
kill -TTOU "$master"
wait_hooked hook_sees_a_scaling "exit [0-9]+ 1 scale"
is hooks_are_no_orphans "$(sample muster_orphans_reaped_total)" 0
second=$(workers_of "$master")
kill -TERM "$master"
reap
is hooks_stop "$status" 0
until_true 20 hooked "exit $second 0 stop" && ok hook_sees_the_stop || fail hook_sees_the_stop

# ---- memory: told to end, then restarted; one that does not heed it is killed
cat >"$dir/eat.py" <<'PY'
import os, signal, sys, time
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if not os.path.exists(sys.argv[1]):
    open(sys.argv[1], "w").close()
    eaten = bytearray(os.urandom(1)) * (100 << 20)
time.sleep(1000)
PY
start memory "${run[@]}" --workers 1 --memory-limit 60M -- /usr/bin/python3 "$dir/eat.py" "$dir/ate"
first=$(workers_of "$master")
wait_logged "worker 0 \(pid $first\) has [0-9]+ bytes in memory, more than 62914560: replacing it" 20
wait_logged "worker 0 \(pid $first\) was killed by signal 15 \(SIGTERM\), as told \(memory\)" 20
ok memory_hog_is_replaced
until_true 20 worker_count 1 || fail memory_hog_has_a_successor
is memory_is_counted "$(sample 'muster_worker_recycles_total{reason="memory"}')" 1
stop TERM
is memory_stop "$status" 0
start hog "${run[@]}" --workers 1 --memory-limit 60M --grace 0.3 -- /usr/bin/python3 "$dir/eat.py" "$dir/ate2" stubborn
first=$(workers_of "$master")
wait_logged "worker 0 \(pid $first\) was killed by signal 9 \(SIGKILL\), as told \(memory\)" 20
ok stubborn_hog_is_killed
at_least muster_killed_total 1 && ok kill_is_counted || fail kill_is_counted
stop TERM

# ---- processors: each slot its own, in turn
start affinity "${run[@]}" --workers 3 --cpu-affinity -- sleep 1000
cpus() { for pid in $(workers_of "$master" | sort -n); do taskset -cp "$pid" | sed 's/.*: //'; done | xargs; }
mapfile -t mine < <(/usr/bin/python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
n=${#mine[@]}
is affinity_by_slot "$(cpus)" "${mine[0]} ${mine[1 % n]} ${mine[2 % n]}"
stop TERM

# ---- a socket for each worker
cat >"$dir/answer.py" <<'PY'
import os, signal, socket
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
sock = socket.socket(fileno=3)
sock.setblocking(True)
sock.settimeout(None)
while True:
    with sock.accept()[0] as conn:
        conn.recv(4096)
        conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n%6d" % os.getpid())
PY
start shards "${run[@]}" --workers 3 --reuse-port --listen 127.0.0.1:0 -- /usr/bin/python3 "$dir/answer.py"
listen=$(sed -n 's|.*listening on ||p' "$log")
sockets() { awk -v at="$(printf '0100007F:%04X' "${listen##*:}")" '$2 == at && $4 == "0A"' /proc/net/tcp | wc -l; }
served_by() { for _ in $(seq 60); do curl -fsS "http://$listen/"; done | tr -s ' ' '\n' | sort -u | grep -c .; }
is a_socket_for_each_worker "$(sockets)" 3
has sockets_are_different "$(for pid in $(workers_of "$master"); do readlink "/proc/$pid/fd/3"; done | sort -u | wc -l)" 3
until_true 20 eval '[ "$(served_by)" -eq 3 ]' && ok each_worker_serves || fail each_worker_serves
kill -TTIN "$master"
until_true 20 eval '[ "$(sockets)" -eq 4 ]' && ok one_more_has_a_socket || fail one_more_has_a_socket
kill -TTOU "$master"
until_true 20 eval '[ "$(sockets)" -eq 3 ]' && ok one_less_leaves_none || fail one_less_leaves_none
kill -HUP "$master"
wait_logged 'reloaded: all 3 workers are new' 30
is reload_keeps_the_sockets "$(sockets)" 3
until_true 20 eval '[ "$(served_by)" -eq 3 ]' && ok each_new_worker_serves || fail each_new_worker_serves
stop TERM
is shards_stop "$status $(sockets)" "0 0"
exit_of "$muster" "${run[@]}" --workers 2 --reuse-port --listen "unix:$dir/sock" -- true
is unix_is_not_shared "$status" 64
has unix_is_not_shared.text "$err" "--listen unix:$dir/sock: cannot be shared by --reuse-port; take HOST:PORT"
