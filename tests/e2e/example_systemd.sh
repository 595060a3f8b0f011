#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The units of examples/systemd: systemd understands them; the service's command, in systemd's place with a notify socket
# and the listening socket, does what they count on; and muster and gunicorn do nothing that the unit's sandbox forbids.
. "$(dirname "$0")/wrap_common.bash"
site
example app.py
example gunicorn/gunicorn.conf.py
sed -i "s|^workers.*|workers = 2|; /^bind/d" "$dir/gunicorn.conf.py"
export PYTHONDONTWRITEBYTECODE=1
metrics=$(free_port)
address=127.0.0.1:$metrics
for unit in muster-web.service muster-web.socket; do
	sed "s|127.0.0.1:8080|127.0.0.1:$port|; s|127.0.0.1:9464|$address|; s|/usr/local/bin/muster|$muster|; s|/etc/web|$dir|; s|/srv/web|$dir|; s|/run/web|$run|" \
		"$examples/systemd/$unit" >"$dir/$unit"
done
service=$dir/muster-web.service
# setting NAME: its value, with the lines that go on.
setting() { sed -n ":a; /\\\\\$/ { N; s/\\\\\\n//; ba }; s/^$1=//p" "$service"; }

if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify --man=no "$service" "$dir/muster-web.socket" 2>"$dir/verify.log" || fail "systemd_takes_the_units: $(cat "$dir/verify.log")"
	is systemd_understands_every_line "$(grep -F "$dir" "$dir/verify.log" || true)" ""
else
	echo "ok systemd_understands_every_line # skipped: no systemd-analyze"
fi

cat >"$dir/systemd.py" <<'PY'
"""systemd's part: systemd.py NOTIFY PORT WORD... runs WORD... with both sockets, and writes what is said to $SAID."""
import os, socket, subprocess, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
web = socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=128)
said = open(os.environ["SAID"], "a", buffering=1)
env = dict(os.environ, NOTIFY_SOCKET=sys.argv[1], WATCHDOG_USEC="400000", LISTEN_FDS="1", LISTEN_FDNAMES="muster-web.socket")
exec_ = 'os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); os.environ["LISTEN_PID"] = str(os.getpid()); os.execvp(sys.argv[2], sys.argv[2:])'
child = subprocess.Popen([sys.executable, "-c", "import os, sys; " + exec_, str(web.fileno()), *sys.argv[3:]], env=env, pass_fds=[web.fileno()])
print("child", child.pid, file=said)
sock.settimeout(0.1)
while child.poll() is None:
    try:
        print(sock.recv(8192).decode(), file=said)
    except TimeoutError:
        pass
print("exit", child.returncode, file=said)
PY
cd "$dir"
as=()
if [ "$(id -u)" -eq 0 ]; then
	chown -R www-data: "$dir"
	as=(setpriv --reuid=www-data --regid=www-data --clear-groups --no-new-privs --bounding-set=-all)
	# ProtectSystem=strict: all but /dev, /proc and /sys is read-only.
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --make-rprivate / && mount -o remount,bind,ro /' 2>/dev/null &&
		as=(unshare -m sh -c 'mount --make-rprivate / && mount -o remount,bind,ro / && exec "$@"' sh "${as[@]}")
fi
# systemd NAME WORD...: as the service manager would start the service, by WORD... .
systemd() {
	log=$dir/$1.log
	: >"$dir/said"
	chmod 0666 "$dir/said"
	rm -f "$dir/notify"
	# shellcheck disable=SC2046
	SAID=$dir/said "${as[@]}" /usr/bin/python3 "$dir/systemd.py" "$dir/notify" "$port" "${@:2}" $(setting ExecStart) 2>"$log" </dev/null &
	masters+=("$!")
	until_true 30 says READY=1 || fail "$1: ready"
	MAINPID=$(sed -n 's/^MAINPID=//p' "$dir/said" | head -n 1)
	master=$MAINPID
}
says() { grep -qx "$1" "$dir/said"; }
watched() { [ "$(grep -c WATCHDOG=1 "$dir/said")" -ge 3 ]; }
# Prometheus looks a last time, which ends --drain.
ended() {
	scrape || true
	says 'exit 0'
}
me() { sample 'hellos_total{name="me"}'; }

systemd first
curl -fsS "$url/hello/me" >/dev/null && ok ready_when_gunicorn_is || fail ready_when_gunicorn_is
server_is
before=$(workers)
until_true 20 watched && ok watchdog_is_pinged || fail watchdog_is_pinged
MAINPID=$MAINPID sh -c "$(setting ExecReload)"
until_true 20 workers_are_new "$before" 2 && ok reload_makes_new_workers || fail reload_makes_new_workers
curl -fsS "$url/hello/me" >/dev/null
is counts_outlive_a_reload "$(me)" 2
tree=$(below "$master")
kill -TERM "$MAINPID" # KillMode=mixed
until_true 30 ended && ok stop_is_clean || fail "stop_is_clean: $(tail -n 1 "$dir/said")"
says STOPPING=1 && ok stopping_is_told || fail stopping_is_told
gone $tree && ok nobody_is_left || fail nobody_is_left

# ---- again on the region that RuntimeDirectoryPreserve=restart keeps; each system call is looked at
systemd again strace -D -f -qq -o "$dir/strace"
curl -fsS "$url/hello/me" >/dev/null
is counts_outlive_a_restart "$(me)" 3
kill -TERM "$MAINPID"
until_true 30 ended || fail "again: stops: $(tail -n 1 "$dir/said")"
is nothing_executable_is_mapped_writable "$(grep -c 'PROT_WRITE|PROT_EXEC' "$dir/strace" || true)" 0
families=$(grep -o 'socket(AF_[A-Z0-9]*' "$dir/strace" | cut -d'(' -f2 | sort -u)
is address_families_are_those_allowed "$(comm -23 <(echo "$families") <(setting RestrictAddressFamilies | tr ' ' '\n' | sort))" ""
if command -v systemd-analyze >/dev/null; then
	systemd-analyze syscall-filter >"$dir/filters" 2>/dev/null
	sed 's/^[0-9]* *//' "$dir/strace" | grep -o '^[a-z][a-z0-9_]*(' | tr -d '(' | sort -u >"$dir/calls"
	forbidden=$(/usr/bin/python3 - "$dir" <<'PY'
import sys
sets, name = {}, None
for line in open(sys.argv[1] + "/filters"):
    words = line.split()
    if line.startswith("@"):
        name = words[0]
        sets[name] = set()
    elif words and words[0][0] not in "#" and name:
        sets[name].add(words[0])
def members(of):
    return set().union(*(members(m) if m.startswith("@") else {m} for m in sets[of]))
print(*sorted(set(open(sys.argv[1] + "/calls").read().split()) - members("@system-service")))
PY
	)
	is system_calls_are_those_allowed "$forbidden" ""
else
	echo "ok system_calls_are_those_allowed # skipped: no systemd-analyze"
fi
