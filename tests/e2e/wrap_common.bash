# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/e2e/wrap_*.sh and signals_*.sh: master_common.bash with process trees and load.

. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
examples=$(realpath "$here/../../examples")
check_totals=$examples/order_mgmt/check_totals

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

# From here on start is by somebody who is not root; what is there is theirs.
ordinary_user() {
	rm -rf "$dir/r"
	[ "$(id -u)" -eq 0 ] || return 0
	by=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
	chown -R nobody: "$dir"
}

# A free port, a directory $run for what the server makes, and one with a file hello to serve.
site() {
	port=$(free_port) run=$dir/run
	url=http://127.0.0.1:$port
	mkdir "$run" "$dir/www"
	echo hello >"$dir/www/hello"
	chmod 0755 "$dir" "$run" "$dir/www"
}
# example FILE: a copy of it in $dir, from examples/servers, with the port and the directories of the test.
example() {
	sed "s|127.0.0.1:8080|127.0.0.1:$port|; s|/run/web|$run|g; s|/var/log/web|$run|g; s|/srv/web|$dir/www|g" \
		"$examples/servers/$1" >"$dir/${1##*/}"
}

# hey ignores INT, as all in the background, until it has asked for it.
load_catches_int() {
	local caught
	caught=0$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$load/status")
	[ $((0x${caught: -1} & 2)) -ne 0 ]
}

# load_start URL: requests all the while. load_stop: no more of them; $answered with 200. load_end NAME: and all were.
load_start() {
	hey -z 300s -c 4 -q 50 -disable-keepalive "$1" >"$dir/hey" 2>&1 &
	load=$!
	until_true 20 load_catches_int || fail "the load can be ended"
}
load_stop() {
	kill -INT "$load"
	wait "$load" || true
	load=
	answered=$(awk '/\[200\].*responses/ { n = $2 } END { print n + 0 }' "$dir/hey")
}
load_end() {
	load_stop
	is "$1.every_answer_is_200" "$(grep -c '\[[0-9]*\].*responses' "$dir/hey") $(grep -c '\[200\].*responses' "$dir/hey")" "1 1"
	is "$1.no_request_failed" "$(sed -n '/Error distribution/,$p' "$dir/hey" | grep -vc -e '^$' -e 'Error distribution' || true)" 0
}

# What access logs in $run say: answers to the load, all answers.
served() { cat "$run"/access.log* | grep -c ' 200 .*hey' || true; }
logged_answers() { cat "$run"/access.log* | wc -l; }
# page_is_the_log COMMAND ITSELF: the server's own number of requests, which has the request for it or not (1, 0).
page_is_the_log() {
	local before said
	before=$(logged_answers) said=$($1)
	[ "$said" -eq $((before + $2)) ] && [ "$(logged_answers)" -eq $((before + 1)) ]
}

# watch_start, watch_end NAME: scrapes all the while, and that no counter was lower than in the scrape before, or gone.
watch_start() {
	rm -f "$dir/watched" "$dir/scrapes" "$dir/lower" "$dir/missed"
	watch_counters &
	watcher=$!
}
watch_counters() {
	scrape >"$dir/page.before"
	while [ ! -e "$dir/watched" ]; do
		if scrape >"$dir/page.now" 2>>"$dir/missed"; then
			"$check_totals" "$dir/page.before" "$dir/page.now" >>"$dir/lower" || true
			mv "$dir/page.now" "$dir/page.before"
			echo >>"$dir/scrapes"
		fi
	done
}
watch_end() {
	until_true 20 eval '[ "$(wc -l <"$dir/scrapes")" -gt 10 ]' || fail "$1: scrapes"
	touch "$dir/watched"
	wait "$watcher" || true
	watcher=
	is "$1.no_counter_went_down" "$(cat "$dir/lower")" ""
}

# The workers of a wrapped server that has no other children.
workers() { pgrep -P "$server" | sort | xargs; }
worker_count_is() { [ "$(workers | wc -w)" -eq "$1" ]; }
none_left() { [ -z "$(comm -12 <(workers | tr ' ' '\n') <(tr ' ' '\n' <<<"$1"))" ]; }
# workers_are_new BEFORE COUNT: none of those before is left, and there are as many.
workers_are_new() { worker_count_is "$2" && none_left "$1"; }
# is_replaced NAME COUNT: the server replaces a worker that is killed, so that there are as many again, or more.
is_replaced() {
	until_true 10 kill_a_worker || fail "$1: a worker is killed"
	until_true 20 eval 'gone "$killed" && [ "$(workers | wc -w)" -ge '"$2"' ]' && ok "$1" || fail "$1"
}
kill_a_worker() {
	killed=$(workers | cut -d' ' -f1)
	kill -KILL "$killed"
}

# ends NAME SIGNAL STATUS: told by SIGNAL, the server ends with STATUS, and nothing of it is left: no process, no slab in
# the region but the master's own, no multiprocess file, nothing in $run but logs.
ends() {
	local tree
	until_true 10 no_zombies && ok "$1.no_zombie_stays" || fail "$1.no_zombie_stays: $(zombies_below "$master")"
	tree=$(below "$master")
	stop "$2"
	is "$1.status" "$status" "$3"
	gone $tree && ok "$1.nobody_is_left" || fail "$1.nobody_is_left"
	is "$1.nothing_is_left" "$(find "$dir/r" "$dir/multiproc" "$run" \( -name 'slab.*' -o -name '*.db' -o -path "$run/*" \) ! -type d ! -name '*.log*' 2>/dev/null | wc -l)" 1
}
