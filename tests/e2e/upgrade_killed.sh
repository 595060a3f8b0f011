#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An upgrade by USR2 in which the old or the new master is killed at one system call after the other. Whoever is left serves,
# alone has the region's lock, and leaves no file; every call of a worker is counted once.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
strace -o /dev/null true 2>/dev/null || { echo "ok upgrade_killed # skip: may not trace"; exit 0; }
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/killed_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
mkdir -m 700 "$dir/region" "$dir/bin"
acks=$dir/acks
: >"$acks"
program=$dir/bin/muster
log=$dir/out
calls() { awk '/^calls_total/ { s += $2 } END { print s + 0 }'; }
counted() { "$muster" cat --region "$dir/region" | calls; }
acknowledged() { awk '{ s += $2 } END { print s + 0 }' "$acks"; }
balanced() { [ "$(counted)" -eq "$(acknowledged)" ]; }
page() { curl -fsS --max-time 5 --unix-socket "$dir/m" http://muster/metrics >"$dir/page" && grep -q ^muster_upgrades_total "$dir/page"; }
running() { [ -d "/proc/$1" ] && [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" != Z ]; }
over() { ! running "$1"; }
next_pid() { sed -n 's/.*started a new master (pid \([0-9]*\)).*/\1/p' "$log" | head -n 1; }
# Every worker that runs has counted and said so.
quiet() {
	local pid
	for pid in $(workers_here); do
		[ "$(readlink "/proc/$pid/exe")" != "$dir/worker" ] || grep -q "^$pid " "$acks" || return 1
	done
}
nobody() { [ -z "$(workers_here)" ]; }
folder() {
	exit_of "$muster" serve --region "$dir/region" --metrics none --pidfile "$dir/none/none"
	sed -n 's/.*served by the master with pid \([0-9]*\);.*/\1/p' <<<"$err"
}
folder_is() { [ "$(folder)" = "$1" ]; }

# traced NAME INJECTION: how to run a program so; it keeps the process's id.
traced() { echo "strace -D -qq -o $dir/trace.$1 ${2:+-e $2}"; }
cp "$muster" "$dir/bin/real"

# life OLD NEW: strace's injections into the old and into the new master, or nothing. An upgrade; the old one is told to end,
# then whoever is left has to be the folder and serve.
life() {
	local old next left
	rm -f "$dir"/trace.*
	: >"$log"
	ln -f "$dir/bin/real" "$program"
	$(traced old "$1") "$program" run --workers 2 --region "$dir/region" --metrics "unix:$dir/m" --listen "unix:$dir/s" --pidfile "$dir/pid" \
		-- "$dir/worker" "$acks" >"$dir/stdout" 2>"$log" </dev/null &
	old=$!
	masters+=("$old")
	disown "$old" # or bash tells of each death
	until_true 20 eval "grep -q 'workers started' $log || over $old"
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$(traced new "$2")" "$dir/bin/real" >"$program.new"
	chmod +x "$program.new"
	mv "$program.new" "$program"
	kill -USR2 "$old" 2>/dev/null || true
	until_true 20 eval "grep -Eq 'is ready: end this one|upgrade failed|upgrade taken back' $log || over $old"
	next=$(next_pid)
	[ -z "$next" ] || masters+=("$next")
	if running "$old" && [ -n "$next" ] && running "$next"; then
		kill -TERM "$old" 2>/dev/null || true
		until_true 20 over "$old" || fail "the old master ends, $1 $2"
	fi
	# The old one may be killed when the new one is not ready yet, and the new one when the old one has just gone.
	until_true 20 eval "over $old || over ${next:-$old}" || fail "one is left, $1 $2"
	if running "$old"; then left=$old; elif [ -n "$next" ]; then left=$next; else left=0; fi
	if [ "$left" -gt 0 ] && until_true 10 eval "over $left || folder_is $left" && running "$left"; then
		until_true 10 eval "over $left || page" || fail "it serves the scrape, $1 $2"
		until_true 10 eval "over $left || [ ! -e $dir/pid.oldbin ]" || fail "no second pidfile, $1 $2"
		kill -TERM "$left"
		survivors=$((survivors + 1))
	fi
	until_true 20 over "$left" || fail "the last master ends, $1 $2"
	until_true 10 quiet || fail "workers have counted, $1 $2"
	kill -KILL $(workers_here) 2>/dev/null || true
	until_true 10 nobody || fail "nobody is left, $1 $2"
}

survivors=0
life "" ""
is an_upgrade_is_whole "$(counted) $survivors $(find "$dir" -maxdepth 1 \( -type s -o -name 'pid*' \) | wc -l)" "$(acknowledged) 1 0"
calls_of() { sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$1" | sort | uniq -c; }
calls_of "$dir/trace.old" >"$dir/calls.old"
calls_of "$dir/trace.new" >"$dir/calls.new"
kills=0
# Of calls that change something, one that comes when the upgrade is under way; of those that hand over, more.
for who in old new; do
	while read -r count call; do
		case $call in
		fcntl | flock | rename* | unlink* | write | epoll_pwait) step=$((count / 4 + 1)) ;;
		accept4 | clone* | close | epoll_ctl | fallocate | kill | linkat | memfd_create | openat | pwrite64 | read | sendto | \
			signalfd4 | socketpair | wait4 | writev) step=$count ;;
		*) continue ;;
		esac
		for ((n = count - count / 3; n > 0; n -= step)); do
			inject="inject=$call:signal=SIGKILL:when=$n"
			if [ $who = old ]; then life "$inject" ""; else life "" "$inject"; fi
			! grep -q 'killed by SIGKILL' "$dir/trace.$who" || kills=$((kills + 1))
			until_true 5 balanced || fail "$who killed at $call $n of $count: $(counted) of $(acknowledged)"
		done
	done <"$dir/calls.$who"
done
echo "# $kills kills, $survivors masters went on"
[ "$kills" -ge 30 ] || fail "only $kills kills"
[ "$survivors" -ge 15 ] || fail "only $survivors went on"
ok killed_anywhere_the_other_goes_on_and_each_call_counts_once
start last serve --region "$dir/region" --metrics 127.0.0.1:0
until_true 10 sh -c "[ \$(ls $dir/region | grep -c ^slab) -le 1 ]" || fail "the last master folds all"
is the_last_master_counts_all "$(scrape | calls)" "$(acknowledged)"
is no_hidden_file_is_left "$(find "$dir/region" -name '.*' -type f | wc -l)" 0
is no_worker_is_quarantined "$(scrape | awk '/^muster_slabs_quarantined_total/ { s += $2 } END { print s + 0 }')" 0
stop TERM
