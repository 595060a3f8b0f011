# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/e2e/master_*.sh: own temporary region, masters that are ended at exit, bounded polling.
# The test's first argument is the build folder.

set -euo pipefail
muster=$(realpath "${1:-build}")/muster
dir=$(mktemp -d /dev/shm/muster-test.XXXXXX)
masters=()
by=()
master=
address=

# Workers outlive a killed master; ours are known by the region they were told of.
workers_here() {
	local pid
	for pid in $(pgrep -s 0 . || true); do
		if grep -qsz "^MUSTER_REGION=$dir/" "/proc/$pid/environ"; then echo "$pid"; fi
	done
}

finish() {
	local status=$? pid
	for pid in ${masters[@]+"${masters[@]}"} $(workers_here); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for pid in $(workers_here); do # started before its master was gone
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	if [ "$status" -ne 0 ]; then
		echo "--- logs of $0" >&2
		cat "$dir"/*.log >&2 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap finish EXIT

ok() { echo "ok $1"; }
fail() {
	echo "not ok $1" >&2
	exit 1
}
is() { [ "$2" = "$3" ] && ok "$1" || fail "$1: have '$2', want '$3'"; }
has() { case $2 in *"$3"*) ok "$1" ;; *) fail "$1: '$3' is not in '$2'" ;; esac; }

# until_true SECONDS COMMAND...: poll until the command succeeds.
until_true() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# answered NAME QUERY VALUES: the Prometheus, or what speaks its API, at $api comes to answer so.
query() {
	curl -s --data-urlencode "query=$1" "http://$api/api/v1/query" |
		/usr/bin/python3 -c 'import json, sys; print(*(r["value"][1] for r in json.load(sys.stdin)["data"]["result"]))'
}
answers() { [ "$(query "$1")" = "$2" ]; }
answered() { until_true 60 answers "$2" "$3" && ok "$1" || fail "$1: $(query "$2")"; }

# worker_compile FILE: a program of this folder that records by libmuster, as $dir/worker.
worker_compile() {
	local build=${muster%/*} here
	here=$(dirname "$(realpath "$0")")
	local flags=()
	[ "$(nm "$build/libmuster.a" 2>/dev/null | grep -c __asan_init)" -eq 0 ] || flags=(-fsanitize=address,undefined)
	gcc -std=gnu11 -O1 -Wall -D_GNU_SOURCE -I"$here/../../include" -o "$dir/worker" "$here/$1" "$build/libmuster.a" "${flags[@]}" -lpthread -lm
}

# start NAME OPTION...: a master in the background, by what stands in $by; sets $master, $log, and $address of its metrics.
start() {
	log=$dir/$1.log
	shift
	"${by[@]}" "$muster" "$@" >"$dir/stdout" 2>"$log" </dev/null &
	master=$!
	masters+=("$master")
	until_true 10 grep -q "metrics on" "$log" || fail "master starts: $*"
	address=$(sed -n 's|.*metrics on https*://\(.*\)/metrics.*|\1|p' "$log")
}

logged() { grep -Eq "$1" "$log"; }
wait_logged() { until_true "$2" logged "$1" || fail "log has: $1"; }

# stop SIGNAL: end the last master, wait for it, leave its exit status in $status.
stop() {
	kill "-$1" "$master"
	reap
}
reap() {
	status=0
	wait "$master" 2>/dev/null || status=$?
}

# exit_of COMMAND...: exit status in $status, stderr in $err.
exit_of() {
	status=0
	err=$(timeout 20 "$@" 2>&1 >/dev/null) || status=$?
}

scrape() { curl -fsS "http://$address/metrics"; }
# sample 'name{labels}': its value, 0 if it is not there.
sample() { scrape | awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }'; }
at_least() { [ "$(sample "$1")" -ge "$2" ]; }
workers_of() { pgrep -P "$1" || true; }
worker_count() { [ "$(workers_of "$master" | wc -l)" -eq "$1" ]; }
code() { curl -s -o /dev/null -w '%{http_code}' --path-as-is "$@"; }
