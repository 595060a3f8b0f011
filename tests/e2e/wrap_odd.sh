#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Servers that behave as few do, under `muster run --`: one that double-forks and closes every descriptor, as a daemon of
# old; one that never forks; one whose daemon dies at once. What the log says, line by line.
. "$(dirname "$0")/wrap_common.bash"
run=(run --metrics 127.0.0.1:0 --region "$dir/r")

cat >"$dir/odd.py" <<'PY'
"""odd.py KIND DIR: a server that serves nothing; its pid is in DIR/pid when it is up, and USR1 ends it with 5."""
import os, signal, sys, time
kind, where = sys.argv[1:]
def up():
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(5))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with open(where + "/pid.new", "w") as out:
        out.write(str(os.getpid()))
    os.rename(where + "/pid.new", where + "/pid")
    while True:
        signal.pause()
if kind == "double":
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 4096)
    os.environ.clear()
    os.chdir("/")
    up()
elif kind == "closes":
    os.closerange(0, 4096)
    up()
elif kind == "dies":
    if os.fork() == 0:
        os.setsid()
        os._exit(1)
    os.wait()
    os._exit(0)
elif kind == "never":
    up()
PY
odd_start() {
	rm -f "$dir/pid"
	start "$1" "${run[@]}" -- /usr/bin/python3 "$dir/odd.py" "$1" "$dir"
}
is_up() { [ -s "$dir/pid" ] && odd=$(cat "$dir/pid"); }
# Each line once: the process between the two forks may be seen, too.
said() { sed 's/^muster: //; s/[0-9]\{2,\}/N/g' "$log" | grep -v 'metrics on' | sed 's|/usr/bin/python3|python|' | awk '!had[$0]++'; }
says() { is "$1" "$(said)" "$2"; }

odd_start double
until_true 20 is_up || fail double_is_up
until_true 20 at_least muster_tree_processes 1 && ok a_daemon_is_counted || fail a_daemon_is_counted
wait_logged "supervising them, pid $odd as the server" 10
ok a_double_forked_daemon_is_the_server
stop USR1
is status_of_a_double_forked_daemon "$status" 5
says log_of_a_daemon "info: server started: python (pid N)
info: the server (pid N) exited with status 0
info: 1 of its processes live on: supervising them, pid N as the server
info: the server (pid N) exited with status 5
info: stopped"

odd_start closes
until_true 20 is_up || fail closes_is_up
server_is
is who_closes_all_is_still_the_server "$server" "$odd"
until_true 20 eval '[ "$(sample muster_tree_processes)" -eq 1 ]' && ok one_process || fail one_process
stop USR1
is status_of_one_that_closes_all "$status" 5
says log_of_one_that_closes_all "info: server started: python (pid N)
info: the server (pid N) exited with status 5
info: stopped"

odd_start never
until_true 20 is_up || fail never_is_up
is one_slot "$(sample 'muster_worker_slots{state="running"}')" 1
stop TERM
is status_of_one_that_never_forks "$status" 0
says log_of_one_that_never_forks "info: server started: python (pid N)
info: the server (pid N) exited with status 0
info: stopped"

odd_start dies
reap
is status_when_its_daemon_died_before "$status" 0
says log_when_its_daemon_died_before "info: server started: python (pid N)
info: the server (pid N) exited with status 0
info: stopped"
