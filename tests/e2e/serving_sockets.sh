#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The page on a socket file of a given mode, and on a socket that systemd passed, which its workers do not get.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
cat >"$dir/pass.py" <<'PY'
"""pass.py NAMES KINDS COMMAND...: run it with sockets as systemd passes them; KINDS: tcp, closed or a path, with commas."""
import os, socket, sys
socks = []
for kind in sys.argv[2].split(","):
    sock = socket.socket(socket.AF_UNIX if "/" in kind else socket.AF_INET)
    sock.bind(kind if "/" in kind else ("127.0.0.1", 0))
    if kind != "closed":
        sock.listen()
    socks.append(sock)
for sock in socks:
    os.dup2(sock.fileno(), sock.fileno() + 100)
for i, sock in enumerate(socks):
    os.dup2(sock.fileno() + 100, 3 + i)
    os.close(sock.fileno() + 100)
os.environ.update(LISTEN_FDS=str(len(socks)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[3], sys.argv[3:])
PY
over() { curl -sS --max-time 20 -o /dev/null -w '%{http_code}' --unix-socket "$1" http://muster/metrics; }
# start_passing NAME NAMES KINDS OPTION...
start_passing() {
	log=$dir/$1.log
	/usr/bin/python3 "$dir/pass.py" "$2" "$3" "$muster" "${@:4}" >"$dir/stdout" 2>"$log" </dev/null &
	master=$!
	masters+=("$master")
	until_true 10 grep -q "metrics on" "$log" || fail "master starts: $*"
	address=$(sed -n 's|.*metrics on http://\(.*\)/metrics.*|\1|p' "$log")
}

umask 022
start mode serve --region "$dir/r" --metrics "unix:$dir/m.sock" --metrics-mode 660
is socket_file_has_its_mode "$(stat -c %a "$dir/m.sock")" 660
is socket_file_serves "$(over "$dir/m.sock")" 200
stop TERM
start umask serve --region "$dir/r" --metrics "unix:$dir/m.sock"
is socket_file_has_the_mode_of_the_umask "$(stat -c %a "$dir/m.sock")" 755
stop TERM
exit_of "$muster" serve --region "$dir/r" --metrics 127.0.0.1:0 --metrics-mode 660
is mode_of_an_address_is_refused "$status" 64
has mode_of_an_address_is_told "$err" "--metrics-mode 660: is for a socket file that muster makes"
exit_of "$muster" serve --region "$dir/r" --metrics "unix:$dir/m.sock" --metrics-mode 888
has wrong_mode_is_told "$err" "--metrics-mode 888: must be an octal number from 100 to 777, as 660"

start_passing passed web:metrics:admin tcp,"$dir/u.sock",tcp run --workers 1 --region "$dir/r" --metrics systemd -- \
	/usr/bin/python3 -c 'import os, time; print(os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"], os.path.exists("/proc/self/fd/4"), os.path.exists("/proc/self/fd/5"), flush=True); time.sleep(1000)'
is passed_socket_serves "$(over "$dir/u.sock")" 200
until_true 10 test -s "$dir/stdout"
is workers_get_the_others "$(cat "$dir/stdout")" "2 web:admin True False"
kill -USR2 "$master"
wait_logged "ready beside the master before this one" 20
next=$(pgrep -P "$master" -f -- "--metrics systemd")
masters+=("$next")
stop TERM
until_true 10 curl -fsS --unix-socket "$dir/u.sock" http://muster/metrics && ok next_master_serves_on_the_passed_socket || fail next_master_serves_on_the_passed_socket
is workers_of_the_next_get_the_others "$(tail -n 1 "$dir/stdout")" "2 web:admin True False"
kill -TERM "$next"
until_true 20 eval '! kill -0 "$next"' || fail next_master_ends
[ -S "$dir/u.sock" ] && ok next_master_leaves_the_file_too || fail next_master_leaves_the_file_too
start_passing named web:page tcp,"$dir/p.sock" run --region "$dir/r" --metrics systemd:page -- sleep 1000
is passed_socket_file_serves "$(over "$dir/p.sock")" 200
stop TERM
[ -S "$dir/p.sock" ] && ok passed_socket_file_is_left_to_whom_it_belongs || fail passed_socket_file_is_left_to_whom_it_belongs
start_passing alone whatever tcp serve --region "$dir/r" --metrics systemd
is only_socket_needs_no_name "$(code "http://$address/metrics")" 200
stop TERM

refuses() { # NAME MESSAGE COMMAND...
	exit_of /usr/bin/python3 "$dir/pass.py" "${@:3}"
	is "$1_ends" "$status" 64
	has "$1_is_told" "$err" "$2"
}
refuses no_such_name "--metrics systemd:page: 0 of 2 sockets passed by LISTEN_FDS are named page; write FileDescriptorName=page for one" \
	a:b tcp,tcp "$muster" serve --region "$dir/r" --metrics systemd:page
refuses name_of_two "2 of 2 sockets passed by LISTEN_FDS are named metrics" metrics:metrics tcp,tcp "$muster" serve --region "$dir/r" --metrics systemd
refuses no_listener "descriptor 3 is no listening stream socket; write ListenStream=" metrics closed "$muster" serve --region "$dir/r" --metrics systemd
exit_of "$muster" serve --region "$dir/r" --metrics systemd
has nothing_passed_is_told "$err" "0 of 0 sockets passed"

# systemd's own tool, which starts it with the first client.
systemd-socket-activate --fdname=metrics -l "$dir/a.sock" "$muster" serve --region "$dir/r" --metrics systemd 2>"$dir/activate.log" &
masters+=($!)
until_true 10 test -S "$dir/a.sock" || fail socket_activate
is first_client_of_an_activated_socket "$(over "$dir/a.sock")" 200
