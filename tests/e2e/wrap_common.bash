# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/e2e/wrap_*.sh and signals_*.sh: master_common.bash with process trees and load.

. "$(dirname "$0")/master_common.bash"

# below PID: all its descendants, zombies too.
below() {
	local child
	for child in $(pgrep -P "$1"); do
		echo "$child"
		below "$child"
	done
}

# The masters' trees are ended first: a server may have left our session and emptied its environment.
finish_trees() {
	local status=$? pid
	for pid in ${masters[@]+"${masters[@]}"}; do
		kill -STOP "$pid" 2>/dev/null || continue
		kill -KILL $(below "$pid") 2>/dev/null || true
	done
	[ -z "${load:-}" ] || kill -KILL "$load" 2>/dev/null || true
	[ -z "${watcher:-}" ] || kill -KILL "$watcher" 2>/dev/null || true
	(exit "$status")
}
trap 'finish_trees || { finish; exit 1; }; finish' EXIT

state() { sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null || echo gone; }
gone() {
	local pid
	for pid in "$@"; do
		[ "$(state "$pid")" = gone ] || return 1
	done
}
zombies_below() {
	local pid
	for pid in $(below "$1"); do
		[ "$(state "$pid")" != Z ] || echo "$pid"
	done
}
# A zombie may be there for the moment until it is reaped; none may stay.
no_zombies() { [ -z "$(zombies_below "$master")" ]; }

# Sets $server to the process that the master supervises as the server.
server_is() { server=$(sed -n 's/.*server started: .* (pid \([0-9]*\)).*/\1/p; s/.*supervising them, pid \([0-9]*\) as the server.*/\1/p' "$log" | tail -n 1); }

free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# load_start URL, load_end NAME: requests all the while, and that each was answered with 200.
load_start() {
	hey -z 300s -c 4 -q 50 -disable-keepalive "$1" >"$dir/hey" 2>&1 &
	load=$!
}
load_end() {
	kill -INT "$load"
	wait "$load" || true
	load=
	is "$1.every_answer_is_200" "$(grep -c '\[[0-9]*\].*responses' "$dir/hey") $(grep -c '\[200\].*responses' "$dir/hey")" "1 1"
	is "$1.no_request_failed" "$(sed -n '/Error distribution/,$p' "$dir/hey" | grep -vc -e '^$' -e 'Error distribution' || true)" 0
}
