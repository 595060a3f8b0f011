#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A master with workers of its own is killed at one system call after the other: while it starts them, restarts one that
# was killed, folds it, scrapes, stops. Its workers go on and count; a reader and the next master count each call once.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
strace -o /dev/null true 2>/dev/null || { echo "ok master_killed_run # skip: may not trace"; exit 0; }
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/killed_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
mkdir -m 700 "$dir/region"
acks=$dir/acks
: >"$acks"
page() { curl -fsS --max-time 5 --unix-socket "$dir/sock" http://muster/metrics; }
calls() { awk '/^calls_total/ { s += $2 } END { print s + 0 }'; }
counted() { "$muster" cat --region "$dir/region" | calls; }
acknowledged() { awk '{ s += $2 } END { print s + 0 }' "$acks"; }
# More than once only if an orphan was not yet a worker when all were killed.
balanced() { [ "$(counted)" -eq "$(acknowledged)" ]; }
acks_of() { grep -c "^$1 " "$acks" || true; }
more_acks() { [ "$(wc -l <"$acks")" -ge "$1" ]; }
of_worker() { [ "$(readlink "/proc/$1/exe")" = "$dir/worker" ]; }
# All that are running have counted and said so.
quiet() {
	local pid
	for pid in $(workers_here); do
		of_worker "$pid" && [ "$(acks_of "$pid")" -gt 0 ] || return 1
	done
}
gone() { [ -z "$(workers_here)" ]; }

# Workers without a master: each still counts, and only then it is killed.
orphans=0
orphans_end() {
	local pid before
	until_true 10 quiet || fail "orphans have counted, $1"
	for pid in $(workers_here); do
		before=$(acks_of "$pid")
		kill -USR1 "$pid"
		until_true 10 sh -c "[ \$(grep -c '^$pid ' $acks) -gt $before ]" || fail "orphan $pid counts, $1"
		orphans=$((orphans + 1))
		kill -KILL "$pid"
	done
	until_true 10 gone || fail "orphans are gone, $1"
}

# $1: strace's injection, or nothing. Two workers, one is killed, its successor counts, a scrape, a stop.
life() {
	local lines tracer killed
	lines=$(wc -l <"$acks")
	rm -f "$dir/sock"
	strace -qq -o "$dir/trace" ${1:+-e "$1"} "$muster" run --workers 2 --region "$dir/region" --metrics "unix:$dir/sock" \
		-- "$dir/worker" "$acks" >"$dir/stdout" 2>"$dir/out" </dev/null &
	tracer=$!
	masters+=("$tracer")
	until_true 20 sh -c "[ \$(wc -l <$acks) -ge $((lines + 2)) ] || ! kill -0 $tracer"
	killed=$(tail -n 1 "$acks" | cut -d' ' -f1)
	if more_acks $((lines + 2)) && of_worker "$killed"; then
		kill -KILL "$killed"
		page >/dev/null 2>&1 || true
		until_true 20 sh -c "[ \$(wc -l <$acks) -ge $((lines + 3)) ] || ! kill -0 $tracer"
	fi
	page >/dev/null 2>&1 || true
	pkill -TERM -P "$tracer" || true
	wait "$tracer" 2>/dev/null || true
	orphans_end "${1:-nothing}"
}

life ""
is whole_life "$(counted)" "$(acknowledged)"
sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$dir/trace" | sort | uniq -c >"$dir/calls"
kills=0
while read -r count call; do
	[ "$call" != exit_group ] || continue
	case $call in
	fallocate | pwrite64 | renameat* | unlinkat) step=1 ;; # what folds
	*) step=$((count / 2 + 1)) ;;
	esac
	for ((n = 1; n <= count; n += step)); do
		life "inject=$call:signal=SIGKILL:when=$n"
		! grep -q 'killed by SIGKILL' "$dir/trace" || kills=$((kills + 1))
		until_true 5 balanced || fail "killed at $call $n of $count: $(counted) of $(acknowledged)"
	done
done <"$dir/calls"
echo "# $kills kills, $orphans orphans"
[ "$kills" -ge 50 ] || fail "only $kills kills"
[ "$orphans" -ge 20 ] || fail "only $orphans orphans"
ok killed_anywhere_workers_go_on_and_each_call_counts_once
start last serve --region "$dir/region" --metrics "unix:$dir/sock"
until_true 10 sh -c "[ \$(ls $dir/region | grep -c ^slab) -le 1 ]" || fail "the last master folds all"
is the_last_master_counts_all "$(page | calls)" "$(acknowledged)"
is no_hidden_file_is_left "$(find "$dir/region" -name '.*' -type f | wc -l)" 0
is no_worker_is_quarantined "$(page | awk '/^muster_slabs_quarantined_total/ { s += $2 } END { print s + 0 }')" 0
stop TERM

# Of masters that start at the same time one serves; the others name it.
racers=()
for n in 1 2 3 4; do
	"$muster" serve --region "$dir/region" --metrics "unix:$dir/sock$n" >"$dir/stdout" 2>"$dir/racer$n.log" </dev/null &
	racers+=($!)
	masters+=($!)
done
served_and_refused() { [ "$(cat "$dir"/racer*.log | grep -c "$1")" -eq "$2" ]; }
until_true 10 served_and_refused "metrics on" 1 || fail "one of four masters serves"
until_true 10 served_and_refused "served by .*; stop it or choose another region" 3 || fail "three of four are refused"
ok one_of_many_masters_serves
for n in 1 2 3 4; do grep -q "metrics on" "$dir/racer$n.log" && master=${racers[n - 1]}; done
exit_of "$muster" serve --region "$dir/region" --metrics "unix:$dir/late"
is late_master_is_refused "$status" 75
has it_names_who_serves "$err" "served by the master with pid $master; stop it"
stop TERM
