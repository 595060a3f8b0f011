#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real master is killed at one system call after the other of its whole life: start, discovery, folds, scrapes, stop.
# After each death a reader and the next master count every worker exactly once.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
strace -o /dev/null true 2>/dev/null || { echo "ok master_killed # skip: may not trace"; exit 0; }
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/host_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
mkdir -m 700 "$dir/region"
page() { curl -fsS --max-time 5 --unix-socket "$dir/sock" http://muster/metrics; }
calls() { awk '/^calls_total/ { s += $2 } END { print s + 0 }'; }
counted() { "$muster" cat --region "$dir/region" | calls; }
workers=0
work() {
	MUSTER_REGION=$dir/region "$dir/worker" 10 || fail "worker"
	workers=$((workers + 1))
}

# $1: strace's injection, or nothing. Two dead workers, one who dies while it runs, a scrape, a stop.
life() {
	work
	work
	rm -f "$dir/sock"
	strace -f -qq -o "$dir/trace" ${1:+-e "$1"} \
		"$muster" serve --region "$dir/region" --metrics "unix:$dir/sock" >"$dir/stdout" 2>"$dir/out" </dev/null &
	local tracer=$!
	masters+=("$tracer")
	until_true 20 sh -c "[ -S $dir/sock ] || ! kill -0 $tracer"
	work
	page >/dev/null 2>&1 || true
	pkill -TERM -P "$tracer" || true
	wait "$tracer" 2>/dev/null || true
}

life ""
is whole_life "$(counted)" $((workers * 30))
# Which calls it makes, and how often: strace counts each by itself.
sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$dir/trace" | sort | uniq -c >"$dir/calls"
kills=0
while read -r count call; do
	for ((n = 1; n <= count; n += count / 8 + 1)); do
		life "inject=$call:signal=SIGKILL:when=$n"
		! grep -q 'killed by SIGKILL' "$dir/trace" || kills=$((kills + 1))
		have=$(counted)
		[ "$have" -eq $((workers * 30)) ] || fail "killed at $call $n of $count: $have of $((workers * 30))"
	done
done <"$dir/calls"
echo "# $kills kills"
[ "$kills" -ge 80 ] || fail "only $kills kills"
ok killed_anywhere_nothing_is_lost_or_counted_twice
start last serve --region "$dir/region" --metrics "unix:$dir/sock"
until_true 10 sh -c "[ \$(ls $dir/region | grep -c ^slab) -le 1 ]" || fail "the last master folds all"
is the_last_master_counts_all "$(page | calls)" $((workers * 30))
is no_hidden_file_is_left "$(find "$dir/region" -name '.*' -type f | wc -l)" 0
is no_worker_is_quarantined "$(page | awk '/^muster_slabs_quarantined_total/ { s += $2 } END { print s + 0 }')" 0
stop TERM
