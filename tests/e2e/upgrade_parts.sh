#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a master hands over to the next in an upgrade by USR2: pidfile, socket files, sockets of each worker, sockets that
# systemd passed, and its place with systemd; and what stays in place when it is taken back.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
cat >"$dir/answer.py" <<'PY'
import os, signal, socket
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
sock = socket.socket(fileno=3)
sock.setblocking(True)
sock.settimeout(None)
while True:
    with sock.accept()[0] as conn:
        conn.recv(4096)
        conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n%7d" % os.getppid())
PY
answer=(/usr/bin/python3 "$dir/answer.py")
logged_times() { [ "$(grep -Ec "$1" "$log")" -ge "$2" ]; }
ready() {
	until_true 20 logged_times 'the new master \(pid [0-9]+\) is ready' "$1" || fail "new master $1 is ready"
	next=$(sed -n 's/.*the new master (pid \([0-9]*\)) is ready.*/\1/p' "$log" | tail -n 1)
	masters+=("$next")
}
ended() { [ "$(state "$1")" = gone ] || [ "$(state "$1")" = Z ]; }
succeeded() {
	wait_logged 'upgrade completed' 20
	master=$next
}
end_last() {
	kill -TERM "$master"
	until_true 20 ended "$master" || fail "$1: the last master ends"
	is "$1.nobody_is_left" "$(workers_here)" ""
}

# ---- pidfile and socket files
pidfile=$dir/pid
files() { find "$dir" -maxdepth 1 \( -name 'pid*' -o -type s \) -printf '%f ' | tr ' ' '\n' | sort | xargs; }
served_by() { curl -fsS --max-time 5 --unix-socket "$dir/s" http://service/ | xargs; }
upgrades() {
	curl -fsS --max-time 5 --unix-socket "$dir/m" http://muster/metrics |
		awk -v name="muster_upgrades_total{result=\"$1\"}" '$1 == name { print $2 }'
}
log=$dir/files.log
"$muster" run --workers 2 --region "$dir/r" --pidfile "$pidfile" --listen "unix:$dir/s" --metrics "unix:$dir/m" \
	-- "${answer[@]}" 2>"$log" >"$dir/stdout" </dev/null &
master=$!
masters+=("$master")
wait_logged 'workers started' 10
kill -USR2 "$master"
ready 1
is pidfiles_of_both "$(cat "$pidfile" "$pidfile.oldbin" | xargs)" "$next $master"
kill -TERM "$next"
wait_logged 'upgrade taken back' 20
is taken_back.files "$(files) $(cat "$pidfile")" "m pid s $master"
is taken_back.serves "$(served_by)" "$master"
is taken_back.scrape "$(upgrades rolled_back)" 1
kill -USR2 "$master"
ready 2
kill -KILL "$next" $(workers_of "$next")
until_true 20 logged_times 'upgrade taken back' 2 || fail killed_is_taken_back
is killed.files "$(files) $(cat "$pidfile")" "m pid s $master"
kill -USR2 "$master"
ready 3
stop TERM
succeeded
is upgraded.files "$(files) $(cat "$pidfile")" "m pid s $master"
until_true 10 eval '[ "$(served_by)" = "$master" ]' && ok upgraded.serves || fail upgraded.serves
is upgraded.scrape "$(upgrades completed)" 1
end_last files
is ended.files "$(files)" ""

# ---- a killed old master leaves no file that stays
log=$dir/killed.log
"$muster" run --workers 1 --region "$dir/k" --pidfile "$pidfile" --listen "unix:$dir/s" --metrics "unix:$dir/m" \
	-- "${answer[@]}" 2>"$log" >"$dir/stdout" </dev/null &
master=$!
masters+=("$master")
wait_logged 'workers started' 10
kill -USR2 "$master"
ready 1
kill -KILL $(workers_of "$master" | grep -vx "$next") "$master"
succeeded
until_true 10 eval '[ "$(files) $(cat "$pidfile")" = "m pid s $master" ]' && ok killed_old.files || fail "killed_old.files: $(files)"
end_last killed_old
is killed_old.ended.files "$(files)" ""

# ---- each worker's sockets: those of a slot stay, whoever has it
start shards run --workers 3 --reuse-port --drain 60 --region "$dir/h" --listen 127.0.0.1:0 --metrics 127.0.0.1:0 -- "${answer[@]}"
listen=$(sed -n 's|.*listening on ||p' "$log")
sockets() { awk -v at="$(printf '0100007F:%04X' "${listen##*:}")" '$2 == at && $4 == "0A" { print $10 }' /proc/net/tcp | sort | xargs; }
before=$(sockets)
is a_socket_for_each "$(wc -w <<<"$before")" 3
load_start "http://$listen/"
kill -USR2 "$master"
ready 1
is shards_are_the_same "$(sockets)" "$before"
kill -WINCH "$master"
until_true 20 eval '[ "$(workers_of "$master" | wc -l)" -eq 1 ]' || fail shards.winch
stop TERM
succeeded
is shards_stay "$(sockets)" "$before"
until_true 10 eval '[ "$(for _ in 1 2 3 4 5 6 7 8; do curl -fsS "http://$listen/"; done | xargs -n 1 | sort -u)" = "$master" ]' || fail shards.serve
kill -INT "$load"
wait "$load" || true
load=
is shards.every_answer_is_200 "$(grep -c '\[[0-9]*\].*responses' "$dir/hey") $(grep -c '\[200\].*responses' "$dir/hey")" "1 1"
kill -TERM "$master"
wait_logged 'serving the final numbers' 20 # which the old master left to this one
end_last shards
is shards_are_closed "$(sockets)" ""

# ---- systemd: its sockets, its watchdog, and who the main process is
/usr/bin/python3 - "$muster" "$dir" >"$dir/systemd" 2>&1 <<'PY' && cat "$dir/systemd" || fail "systemd: $(cat "$dir/systemd" "$dir/systemd.log")"
import os, signal, socket, sys, time
muster, dir = sys.argv[1:]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
sock.bind(dir + "/notify")
sock.settimeout(20)
service = socket.create_server(("127.0.0.1", 0))
said, masters = [], []

def end_all(*failure):
    sys.__excepthook__(*failure)
    for pid in masters:
        os.kill(pid, signal.SIGKILL)
sys.excepthook = end_all

def hear():
    data, control, _, _ = sock.recvmsg(8192, 64)
    pid = int.from_bytes(control[0][2][:4], sys.byteorder)
    said.extend((pid, word) for word in data.decode().split("\n"))

def until(line, by):
    while (by, line) not in said:
        hear()

def start():
    os.dup2(service.fileno(), 3)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="web", NOTIFY_SOCKET=dir + "/notify",
                      WATCHDOG_USEC="200000", WATCHDOG_PID=str(os.getpid()))
    os.execv(muster, [muster, "run", "--workers", "1", "--metrics", "none", "--region", dir + "/d", "--", "/usr/bin/python3", dir + "/answer.py"])

def served_by():
    with socket.create_connection(service.getsockname()) as conn:
        conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return int(conn.makefile("rb").read().split()[-1])

os.environ.pop("NOTIFY_SOCKET", None)
log = open(dir + "/systemd.log", "wb")
pid = os.fork()
if pid == 0:
    os.dup2(log.fileno(), 2)
    start()
masters.append(pid)
until("READY=1", pid)
until("WATCHDOG=1", pid)
assert served_by() == pid
said.clear()
os.kill(pid, signal.SIGUSR2)
end = time.monotonic() + 20
def logged():
    return open(dir + "/systemd.log").read()
while "is ready: end this one" not in logged():
    assert time.monotonic() < end
    time.sleep(0.02)
next = int(logged().split("the new master (pid ")[1].split(")")[0])
masters.append(next)
sock.setblocking(False)
try:
    while True:
        hear()
except BlockingIOError:
    sock.settimeout(20)
assert not [word for by, word in said if by == next], said
os.kill(pid, signal.SIGTERM)
until("MAINPID=%d" % next, pid)
assert (pid, "STOPPING=1") not in said, said
assert os.waitpid(pid, 0)[1] == 0
masters.remove(pid)
print("ok the_old_master_names_the_new_one")
until("READY=1", next)
until("WATCHDOG=1", next)
print("ok the_new_master_pings_the_watchdog")
end = time.monotonic() + 20
while served_by() != next:
    assert time.monotonic() < end
print("ok passed_sockets_are_handed_on")
os.kill(next, signal.SIGTERM)
until("STOPPING=1", next)
PY
until_true 20 eval '[ -z "$(workers_here)" ]' && ok systemd.nobody_is_left || fail systemd.nobody_is_left
