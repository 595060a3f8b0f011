#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The nth allocation of a reader and of a master fails, for every n: a reader says so or counts exactly, a master goes on
# serving. libuv ends the process itself when it has no memory for its loop, before anything is served.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/host_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
gcc -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC "$here/host_malloc.c" -ldl -o "$dir/fails.so"
mkdir -m 700 "$dir/region"
calls() { awk '/^calls_total/ { s += $2 } END { print s + 0 }'; }
page() { curl -fsS --max-time 10 --unix-socket "$dir/sock" http://muster/metrics; }
MUSTER_REGION=$dir/region "$dir/worker" 50

for ((n = 1; n < 5000; n++)); do
	status=0
	MALLOC_FAILS=$n LD_PRELOAD=$dir/fails.so "$muster" cat --region "$dir/region" >"$dir/page" 2>"$dir/err" || status=$?
	grep -q "this one fails" "$dir/err" || break
	[ "$status" -lt 128 ] || fail "reader, allocation $n: exit $status"
	[ "$status" -ne 0 ] || [ "$(calls <"$dir/page")" = 150 ] || [ "$(wc -l <"$dir/err")" -gt 1 ] || fail "reader, allocation $n: says nothing"
done
[ "$n" -gt 50 ] && [ "$n" -lt 5000 ] || fail "reader: $n allocations"
ok each_allocation_of_a_reader_fails_once

served=0
for ((n = 1; n < 5000; n += n / 40 + 1)); do
	rm -f "$dir/sock"
	MALLOC_FAILS=$n LD_PRELOAD=$dir/fails.so "$muster" serve --region "$dir/region" --metrics "unix:$dir/sock" >"$dir/stdout" 2>"$dir/err" </dev/null &
	master=$!
	masters+=("$master")
	until_true 10 sh -c "[ -S $dir/sock ] || ! kill -0 $master"
	for _ in 1 2 3; do
		[ ! -S "$dir/sock" ] || [ "$(page 2>/dev/null | calls)" != 150 ] || { served=$((served + 1)); break; }
	done
	kill -TERM "$master" 2>/dev/null || true
	reap
	[ "$status" -lt 128 ] || ! grep -q "metrics on" "$dir/err" || fail "master, allocation $n: exit $status"
	grep -q "this one fails" "$dir/err" || break
done
[ "$served" -gt 50 ] && [ "$n" -lt 5000 ] || fail "master: served $served times, up to allocation $n"
start last serve --region "$dir/region" --metrics "unix:$dir/sock"
is each_allocation_of_a_master_fails_once "$(page | calls)" 150
stop TERM
