#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sd_notify both ways, with a socket in systemd's place: what muster tells it, what of the server's words is passed
# on, the watchdog, and sockets that systemd passes.
. "$(dirname "$0")/wrap_common.bash"

cat >"$dir/systemd.py" <<'PY'
"""systemd's part: a socket, a child in its own session with the environment of a service, and what was said."""
import os, signal, socket, subprocess, sys, time

muster, region, abstract = sys.argv[1], sys.argv[2], sys.argv[3] == "abstract"
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind("\0muster-test-%d" % os.getpid() if abstract else region + ".notify")
name = "@muster-test-%d" % os.getpid() if abstract else region + ".notify"
sock.settimeout(20)
lines, heard = [], []

def until(line):
    """Read until a line is said; returns those before it."""
    before = []
    while True:
        while heard:
            said = heard.pop(0)
            lines.append(said)
            if said == line:
                return before
            before.append(said)
        heard.extend(sock.recv(8192).decode().split("\n"))

def start(*command, **more):
    lines.clear()
    heard.clear()
    env = dict(os.environ, NOTIFY_SOCKET=name, **more)
    env.pop("LISTEN_PID", None)
    return subprocess.Popen([muster, "run", "--metrics", "none", "--region", region, *command], env=env)

def ended(child, status):
    assert child.wait(20) == status, child.returncode

def ok(test):
    print("ok", test + (".abstract" if abstract else ".path"), flush=True)

SERVER = r'''
import os, signal, socket, sys, time
address = os.environ["NOTIFY_SOCKET"]
assert address != sys.argv[1] and address[0] == "@", address
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text):
    sock.sendto(text.encode(), "\0" + address[1:])
say("STATUS=booting\nMAINPID=1\nFDSTORE=1\nX_OWN=word")
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1])
say("READY=1\nSTATUS=up")
if os.environ.get("WATCHDOG_USEC"):
    assert os.environ["WATCHDOG_PID"] == str(os.getpid())
while True:
    got = signal.sigwait([signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1])
    if got == signal.SIGHUP:
        say("RELOADING=1\nMONOTONIC_USEC=5")
        say("READY=1")
    elif got == signal.SIGUSR1:
        say("WATCHDOG=1\nSTATUS=pinged")
    else:
        say("STOPPING=1\nSTATUS=down")
        sys.exit(0)
'''

# A server that says nothing: ready when it was started.
child = start("--", "sleep", "1000")
until("READY=1")
until("MAINPID=%d" % child.pid)
ok("ready_when_started")
child.send_signal(signal.SIGTERM)
until("STOPPING=1")
ended(child, 143)
ok("stopping_is_told")

# One that says it: its words are passed on, and only those of the list.
child = start("--ready", "told", "--", "/usr/bin/python3", "-c", SERVER, name)
before = until("READY=1")
assert "STATUS=booting" in before and "MAINPID=%d" % child.pid in before, before
ok("ready_when_told")
until("STATUS=up")
child.send_signal(signal.SIGHUP)
until("RELOADING=1")
until("MONOTONIC_USEC=5")
until("READY=1")
ok("reload_is_passed_on")
child.send_signal(signal.SIGTERM)
until("STOPPING=1")
until("STATUS=down")
ended(child, 0)
assert "MAINPID=1" not in lines and "FDSTORE=1" not in lines and "X_OWN=word" not in lines, lines
ok("only_the_list_is_passed_on")

# The watchdog: ours until the server pings itself.
child = start("--", "/usr/bin/python3", "-c", SERVER, name, WATCHDOG_USEC="200000")
for _ in range(3):
    until("WATCHDOG=1")
ok("watchdog_is_pinged")
child.send_signal(signal.SIGUSR1)
until("STATUS=pinged")
child.send_signal(signal.SIGHUP)  # two words of the server, and none of ours for ten periods
until("READY=1")
sock.settimeout(1)
try:
    until("WATCHDOG=1")
    sys.exit("pinged for a server that pings itself")
except TimeoutError:
    ok("a_server_that_pings_is_not_pinged_for")
sock.settimeout(20)
child.send_signal(signal.SIGTERM)
ended(child, 0)

# Another process's watchdog is not ours.
child = start("--", "sleep", "1000", WATCHDOG_USEC="1000", WATCHDOG_PID="1")
until("READY=1")
sock.settimeout(0.5)
try:
    until("WATCHDOG=1")
    sys.exit("pinged another process's watchdog")
except TimeoutError:
    ok("watchdog_of_another")
sock.settimeout(20)
child.send_signal(signal.SIGTERM)
ended(child, 143)

# Workers of our own: not told of the socket; a reload is told.
child = start("--workers", "1", "--", "sh", "-c", '[ -z "$NOTIFY_SOCKET" ] || exit 1; exec sleep 1000')
until("READY=1")
child.send_signal(signal.SIGHUP)
until("RELOADING=1")
assert until("READY=1")[0].startswith("MONOTONIC_USEC=")
child.send_signal(signal.SIGTERM)
until("STOPPING=1")
ended(child, 0)
ok("reload_of_workers_is_told")

# A file of a socket that is gone: nothing is told, and nothing breaks.
env = dict(os.environ, NOTIFY_SOCKET=region + ".gone")
assert subprocess.run([muster, "run", "--metrics", "none", "--region", region, "--", "sh", "-c", "exit 4"], env=env).returncode == 4
ok("nobody_listens")
env["NOTIFY_SOCKET"] = "relative"
done = subprocess.run([muster, "run", "--metrics", "none", "--region", region, "--", "true"], env=env, capture_output=True)
assert done.returncode == 71 and b"NOTIFY_SOCKET: cannot use it" in done.stderr, done
ok("bad_address")
PY
for kind in path abstract; do
	timeout 120 /usr/bin/python3 "$dir/systemd.py" "$muster" "$dir/$kind" "$kind" 2>"$dir/$kind.log" || fail "notify.$kind"
done

# ---- sockets passed by systemd come first, then ours; with their names, and the pid of who is to take them
cat >"$dir/activate.py" <<'PY'
import os, socket, sys
socks = [socket.socket(), socket.socket()]
for i, sock in enumerate(socks):
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    os.dup2(sock.fileno(), 100 + i)
for i in range(2):
    os.dup2(100 + i, 3 + i)
os.environ.update(LISTEN_FDS=sys.argv[1], LISTEN_PID=str(os.getpid()) if sys.argv[2] == "own" else sys.argv[2], LISTEN_FDNAMES="web:admin")
print(*(sock.getsockname()[1] for sock in socks), flush=True)
os.execv(sys.argv[3], sys.argv[3:])
PY
cat >"$dir/taken.py" <<'PY'
import os, socket
if "LISTEN_FDS" in os.environ:
    print(os.environ["LISTEN_PID"] == str(os.getpid()), os.environ.get("LISTEN_FDNAMES"))
    for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
        print(socket.socket(fileno=fd).getsockname()[1])
else:
    print("none")
PY
activate() { /usr/bin/python3 "$dir/activate.py" "$1" "$2" "$muster" "${@:3}" -- /usr/bin/python3 "$dir/taken.py"; }
activate_of() {
	status=0
	err=$(activate "$@" 2>&1 >/dev/null) || status=$?
}
mine=$(free_port)
activate 2 own run --metrics none --region "$dir/a" --listen "127.0.0.1:$mine" >"$dir/taken" 2>"$dir/taken.log"
is passed_sockets_come_first "$(tail -n +2 "$dir/taken" | xargs)" "True web:admin:muster $(head -n 1 "$dir/taken") $mine"
activate 2 1 run --metrics none --region "$dir/a" >"$dir/taken" 2>"$dir/taken.log"
is sockets_of_another_process_are_not_ours "$(tail -n +2 "$dir/taken")" none
activate_of 65 own run --metrics none --region "$dir/a"
is too_many_sockets.status "$status" 64
has too_many_sockets.text "$err" "LISTEN_FDS 65: must be a number from 0 to 64"
activate_of x own run --metrics none --region "$dir/a"
has no_number_of_sockets "$err" "LISTEN_FDS x: must be"
