#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How a wrapped server's own workers end, for which the server waits and not muster: each counted once, with its reason
# where the kernel tells it, as `unknown` where it does not.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
here=$(dirname "$(realpath "$0")")
gcc -Wall -Wextra -Werror "$here/no_exit_info.c" -o "$dir/no_exit_info"
real=$muster

cat >"$dir/app.py" <<'PY'
import os

def app(environ, start_response):
    if environ["PATH_INFO"] == "/crash":
        os._exit(7)
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]
PY
# A server that waits for its children a second late. What it is sent by USR1: its child ends with 3.
cat >"$dir/late.py" <<'PY'
import os, signal, time

def child():
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
    while True:
        signal.pause()

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    pid = os.fork() or child()
    signal.signal(signal.SIGUSR1, lambda *_: os.kill(pid, signal.SIGUSR1))
    while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT):
        pass
    time.sleep(1)
    os.waitpid(pid, 0)
PY
# A server that ends right after its child.
cat >"$dir/prompt.py" <<'PY'
import os, signal

pid = os.fork() or signal.pause()

def end(*_):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os._exit(0)

signal.signal(signal.SIGTERM, end)
while True:
    signal.pause()
PY

url=http://127.0.0.1:$(free_port)/
gunicorn_start() {
	start "$1" run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/bin/gunicorn --bind "$(cut -d/ -f3 <<<"$url")" \
		--chdir "$dir" --workers 1 --max-requests "$2" --log-level error app:app
	until_true 20 curl -fsS "$url" || fail "$1: gunicorn answers"
	server_is
	until_true 20 watched || fail "$1: its worker is watched"
}
workers() { pgrep -P "$server" | xargs; }
# Has the master a pidfd of all workers, beside that of a slab?
watched() {
	local pid
	[ -n "$(workers)" ] || return 1
	for pid in $(workers); do grep -qs "^Pid:	$pid$" "/proc/$master/fdinfo/"* || return 1; done
}
exits() { sample "muster_worker_exits_total{reason=\"$1\"}"; }
all() { scrape | awk '/^muster_worker_exits_total/ { n += $2 } END { print n + 0 }'; }
exits_are() { [ "$(exits "$1")" = "$2" ]; }
kills() { # COUNT: workers, one after the other
	local i pid
	for i in $(seq "$1"); do
		pid=$(workers)
		kill -KILL "$pid"
		until_true 20 gone "$pid" || fail "killed $i"
		until_true 20 watched || fail "watched $i"
	done
}

# ---- the kernel tells (Linux 6.15): with one that does not, this part is as the next
cat >"$dir/probe.py" <<'PY'
import fcntl, os, struct, sys
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.read(r, 1)
    os._exit(3)
fd = os.pidfd_open(pid)
os.write(w, b"x")
os.waitpid(pid, 0)
try:
    info = fcntl.ioctl(fd, 0xC040FF0B, struct.pack("Q", 8) + bytes(56))
except OSError:
    sys.exit(1)
sys.exit(0 if struct.unpack("Q", info[:8])[0] & 8 else 1)
PY
if /usr/bin/python3 "$dir/probe.py"; then
	gunicorn_start told 1000
	kills 3
	until_true 10 exits_are SIGKILL 3 && ok killed_workers_are_counted || fail killed_workers_are_counted
	curl -s "${url}crash" || true
	until_true 10 exits_are exit_nonzero 1 && ok a_crash_is_counted || fail a_crash_is_counted
	is its_code_is_counted "$(sample 'muster_worker_exit_codes_total{code="7"}')" 1
	is nothing_else_is_counted "$(all)" 4
	until_true 20 watched
	kill -TERM "$master"
	reap
	is all_of_them_once "$("$muster" cat --region "$dir/r" | awk '/^muster_worker_exits_total/ { n += $2 } END { print n }')" 6
	rm -rf "$dir/r"
	gunicorn_start recycled 2
	for _ in 1 2 3; do
		until_true 20 watched || fail "recycled is watched"
		before=$(workers)
		until_true 20 eval 'curl -fsS "$url"; [ "$(workers)" != "$before" ]' || fail "is recycled"
	done
	until_true 10 eval '[ "$(exits exit_0)" -ge 3 ]' && ok recycled_workers_are_counted || fail recycled_workers_are_counted
	is a_recycled_one_is_no_failure "$(exits exit_nonzero) $(exits SIGKILL) $(exits unknown)" "0 0 0"
	# Orphans of a killed server are muster's to wait for: each once, by what wait() says.
	until_true 20 watched
	before=$(all)
	kill -KILL "$server"
	reap
	is orphans_are_counted_once "$("$muster" cat --region "$dir/r" | awk '/^muster_worker_exits_total/ { n += $2 } END { print n }')" $((before + 2))
	rm -rf "$dir/r"
else
	ok "skipped: this kernel does not tell how strangers end"
fi

# ---- it does not: right or unknown, and each once
printf '#!/bin/sh\nexec %s/no_exit_info ioctl %s "$@"\n' "$dir" "$real" >"$dir/older"
chmod +x "$dir/older"
muster=$dir/older
gunicorn_start older 1000
kills 4
killed_or_unknown() { [ $(($(exits SIGKILL) + $(exits unknown))) -eq 4 ]; }
until_true 20 killed_or_unknown && ok each_is_counted_with_its_reason_or_as_unknown || fail each_is_counted_with_its_reason_or_as_unknown
is no_other_reason "$(all)" 4
stop TERM
rm -rf "$dir/r"

start late run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/bin/python3 "$dir/late.py"
wait_logged "server started" 10
server_is
until_true 20 watched || fail late_is_watched
kill -USR1 "$master"
until_true 20 exits_are exit_nonzero 1 && ok a_zombie_tells || fail "a_zombie_tells: $(scrape | grep exits_total)"
is a_zombie_is_counted_once "$(all)" 1
stop TERM
rm -rf "$dir/r"

# ---- without pidfds, ends are noticed by the next look
printf '#!/bin/sh\nexec %s/no_exit_info pidfd %s "$@"\n' "$dir" "$real" >"$dir/oldest"
chmod +x "$dir/oldest"
muster=$dir/oldest
watched() { [ -n "$(workers)" ]; }
gunicorn_start oldest 1000
one_is_unknown() {
	kills 1
	until_true 2 eval '[ "$(exits unknown)" -ge 1 ]'
}
until_true 30 one_is_unknown && ok without_pidfds_it_is_unknown || fail without_pidfds_it_is_unknown
stop TERM

# What the last look has not told is told at the end, if one has seen it at all.
both_are_counted() {
	rm -rf "$dir/r"
	start prompt run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/bin/python3 "$dir/prompt.py"
	server_is
	until_true 10 watched || fail prompt_has_a_child
	sleep "$1"
	stop TERM
	[ "$("$real" cat --region "$dir/r" | awk '/^muster_worker_exits_total/ { n += $2 } END { print n }')" -eq 2 ]
}
at_last=no
for seconds in 2 4 8; do
	! both_are_counted "$seconds" || { at_last=yes && break; }
done
is the_end_tells_of_the_rest $at_last yes
