#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the kernel tells of a server that does not help: its accept queues, by sock_diag and where that is refused by
# /proc/net; and that it was the kernel that killed a worker.
. "$(dirname "$0")/wrap_common.bash"

cat >"$dir/listen.py" <<'PY'
import os, signal, socket, sys
tcp = socket.create_server(("127.0.0.1", 0), backlog=7)
v6 = socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=5) if os.path.exists("/proc/net/if_inet6") else None
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1] + "/sock\\\n")
unix.listen(3)
with open(sys.argv[1] + "/ports.new", "w") as out:
    print(tcp.getsockname()[1], v6.getsockname()[1] if v6 else "", file=out)
os.rename(sys.argv[1] + "/ports.new", sys.argv[1] + "/ports")
signal.signal(signal.SIGUSR1, lambda *_: tcp.close())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if os.fork() == 0:  # a child that is not at work, but holds the listeners too
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    tcp.close()
while True:
    signal.pause()
PY
cat >"$dir/connect.py" <<'PY'
import socket, sys, time
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX if "/" in sys.argv[1] else socket.AF_INET)
    s.setblocking(False)
    try:
        s.connect(sys.argv[1] if "/" in sys.argv[1] else ("127.0.0.1", int(sys.argv[1])))
    except BlockingIOError:
        pass
    held.append(s)
print("held", flush=True)
time.sleep(1000)
PY
connect() {
	/usr/bin/python3 "$dir/connect.py" "$1" "$2" >"$dir/held" 2>&1 &
	masters+=("$!")
	until_true 30 grep -q held "$dir/held" || fail "connect: $(cat "$dir/held")"
}
listen_start() {
	local name=$1
	shift
	rm -f "$dir/ports" "$dir"/sock*
	start_by "$name" "${@:-env}"
	until_true 30 [ -s "$dir/ports" ] || fail "$name: the server listens"
	read -r port port6 <"$dir/ports"
	tcp="{address=\"127.0.0.1:$port\"}"
}
# start_by NAME COMMAND...: the master under a command that changes what it may do.
start_by() {
	local name=$1 real=$muster
	shift
	printf '#!/bin/sh\nexec %s "$@"\n' "$* $real" >"$dir/by"
	chmod +x "$dir/by"
	muster=$dir/by
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/bin/python3 "$dir/listen.py" "$dir"
	muster=$real
}
exactly() { [ "$(sample "$1")" = "$2" ]; }
absent() { # not `scrape | grep -q`: what is found early would look like a failed scrape
	local page
	page=$(scrape) && ! grep -qF "$1" <<<"$page"
}

# ---- sock_diag
listen_start diag
unix="{address=\"$dir/sock\\\\x5c\\\\x0a\"}" # escaped by us, and that by the page
plainly() { [ "$(scrape | grep -F "$1 " | sed 's/.* //')" = "$2" ]; }
until_true 30 exactly "muster_listener_backlog$tcp" 7 && ok backlog_is_told || fail "backlog_is_told: $(scrape | grep muster_listener)"
is queue_is_empty "$(sample "muster_listener_queue_length$tcp")" 0
[ -z "$port6" ] || is ipv6_backlog_is_told "$(sample "muster_listener_backlog{address=\"[::1]:$port6\"}")" 5
connect "$port" 5
until_true 30 exactly "muster_listener_queue_length$tcp" 5 && ok connections_not_accepted_are_counted || fail "connections_not_accepted_are_counted: $(scrape | grep muster_listener)"
connect "$port" 20
until_true 30 exactly "muster_listener_queue_length$tcp" 8 && ok a_full_queue_is_seen || fail "a_full_queue_is_seen: $(scrape | grep muster_listener)"
until_true 30 at_least "muster_listener_drops_total$tcp" 1 && ok dropped_connections_are_counted || fail dropped_connections_are_counted
plainly "muster_listener_backlog$unix" 3 && ok unix_backlog_is_told || fail "unix_backlog_is_told: $(scrape | grep muster_listener)"
connect "$dir/sock\\
" 2
until_true 30 plainly "muster_listener_queue_length$unix" 2 && ok unix_queue_is_told || fail "unix_queue_is_told: $(scrape | grep muster_listener)"
is nothing_failed "$(sample 'muster_listener_failures_total{reason="sock_diag"}') $(sample 'muster_listener_failures_total{reason="process"}')" "0 0"
foreign=$(/usr/bin/python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); time.sleep(30)' >"$dir/foreign" & echo $!)
masters+=("$foreign")
until_true 30 [ -s "$dir/foreign" ] || fail foreign_listens
kill -USR1 "$master"
until_true 30 absent "muster_listener_queue_length$tcp" && ok a_closed_listener_leaves || fail a_closed_listener_leaves
absent ":$(cat "$dir/foreign")\"" && ok listeners_of_others_are_not_shown || fail listeners_of_others_are_not_shown
stop TERM
is diag_stops "$status" 0

# ---- where sock_diag is refused, as in many containers
no_netlink=$dir/no_netlink
gcc -Wall -Werror -o "$no_netlink" "$(dirname "$0")/no_netlink.c" || fail "no_netlink.c compiles"
listen_start refused "$no_netlink"
connect "$port" 4
until_true 30 exactly "muster_listener_queue_length$tcp" 4 && ok queue_is_read_from_proc || fail "queue_is_read_from_proc: $(scrape | grep muster_listener)"
[ -z "$port6" ] || ! absent "muster_listener_queue_length{address=\"[::1]:$port6\"} 0" && ok ipv6_queue_is_read_from_proc || fail "ipv6_queue_is_read_from_proc: $(scrape | grep muster_listener)"
absent "muster_listener_backlog$tcp" && ok backlog_is_absent || fail backlog_is_absent
absent "muster_listener_queue_length$unix" && ok unix_queue_is_absent || fail unix_queue_is_absent
at_least 'muster_listener_failures_total{reason="sock_diag"}' 1 && ok refusal_is_counted || fail refusal_is_counted
is refusal_is_logged_once "$(grep -c 'does not tell of listening sockets' "$log")" 1
stop TERM
is refused_stops "$status" 0

# ---- out of memory
# A cgroup of 20 MB that a worker puts itself in: of version 2 or 1, whichever may be made here.
oom_group() {
	local own
	for group in /sys/fs/cgroup/muster-test-$$ /sys/fs/cgroup/memory"$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)"/muster-test-$$; do
		mkdir "$group" 2>/dev/null || continue
		for own in memory.max memory.limit_in_bytes; do
			[ -w "$group/$own" ] && echo 20000000 >"$group/$own" 2>/dev/null && return 0
		done
		rmdir "$group"
	done
	return 1
}
group=
group_remove() { [ ! -d "$group" ] || until_true 10 rmdir "$group" || true; }
trap '{ finish_trees || { finish; group_remove; exit 1; }; }; finish; group_remove' EXIT
cat >"$dir/oom.py" <<'PY'
import os, sys, time
if not os.path.exists(sys.argv[1]):
    open(sys.argv[1], "w").close()
    with open(sys.argv[2], "w") as procs:
        procs.write(str(os.getpid()))
    eaten = [bytearray(os.urandom(1)) * (1 << 20) for _ in range(200)]
time.sleep(1000)
PY
exits=muster_worker_exits_total
start oom run --workers 1 --metrics 127.0.0.1:0 --region "$dir/r2" -- /usr/bin/python3 "$dir/oom.py" "$dir/eaten" "$dir/none"
kill -KILL "$(workers_of "$master")" 2>/dev/null || true
killed() { [ "$(($(sample "$exits{reason=\"SIGKILL\"}") + $(sample "$exits{reason=\"oom\"}")))" -ge 1 ]; }
until_true 30 killed && ok a_kill_by_others_is_counted || fail a_kill_by_others_is_counted
elsewhere=$(scrape | sed -n 's/^muster_oom_kills_total{.*} //p')
[ "$elsewhere" = 0 ] || echo "# the kernel has killed $elsewhere processes of this machine meanwhile"
[ "$elsewhere" != 0 ] || is a_kill_by_others_is_no_oom "$(sample "$exits{reason=\"oom\"}")" 0
stop TERM
if oom_group; then
	rm -f "$dir/eaten"
	start oom2 run --workers 1 --metrics 127.0.0.1:0 --region "$dir/r2" -- /usr/bin/python3 "$dir/oom.py" "$dir/eaten" "$group/cgroup.procs"
	until_true 60 at_least "$exits{reason=\"oom\"}" 1 && ok oom_kill_is_recognised || fail "oom_kill_is_recognised: $(scrape | grep -E "$exits|oom")"
	wait_logged 'was killed by signal 9 \(SIGKILL\) by the kernel, out of memory' 10
	holds_oom=$(scrape | grep -c '^muster_oom_kills_total{scope=".*"} [1-9]' || true)
	is oom_kills_are_counted "$holds_oom" 1
	stop TERM
else
	echo "# no cgroup can be made here: tests/unit/test_process_files.c alone reads the counters"
fi
