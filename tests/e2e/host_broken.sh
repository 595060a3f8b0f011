#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hosts that are broken: no /proc, a region that is read-only or goes away, fork that fails, and every system call of
# worker, reader and master that fails once. The application never notices; the master says what it lacks, serves what
# it can, and is never killed by it. Needs the rights to mount and to trace.
# shellcheck source=tests/e2e/master_common.bash
if [ "${2:-}" != inside ]; then
	if unshare -m true 2>/dev/null && strace -o /dev/null true 2>/dev/null; then exec unshare -m "$0" "${1:-build}" inside; fi
	echo "ok host_broken # skip: may not mount or trace"
	exit 0
fi
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/host_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
gcc -static-pie -std=gnu11 -O1 -I"$here/../../include" "$here/host_worker.c" "$build/libmuster.a" -lpthread -o "$dir/static"
page() { curl -fsS --max-time 20 --unix-socket "$dir/sock" http://muster/metrics; }
calls() { awk '/^calls_total/ { s += $2 } END { print s + 0 }'; }
serve() { start "$1" serve --region "$dir/region" --metrics "unix:$dir/sock"; }
work() { MUSTER_REGION=$dir/region "$dir/worker" 10; }
mkdir -m 700 "$dir/region"

# ---- no /proc: for the worker, for the master, for both

empty_proc=(unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh)
serve with_proc
MUSTER_REGION=$dir/region "${empty_proc[@]}" "$dir/worker" 10 || fail "worker without /proc"
is worker_without_proc "$(page | calls)" 30
stop TERM
log=$dir/no_proc.log
"${empty_proc[@]}" "$muster" serve --region "$dir/region" --metrics "unix:$dir/sock" >"$dir/stdout" 2>"$log" </dev/null &
master=$!
masters+=("$master")
until_true 10 grep -q "metrics on" "$log" || fail "master without /proc starts"
work || fail "worker beside a master without /proc"
MUSTER_REGION=$dir/region "${empty_proc[@]}" "$dir/worker" 10 || fail "neither has /proc"
is master_without_proc "$(page | calls)" 90
until_true 10 sh -c "[ \$(ls $dir/region | grep -c ^slab) -le 1 ]" || fail "without /proc the dead are folded"
is folded_without_proc "$(page | calls)" 90
stop TERM

# ---- a region that cannot be written, and one that goes away

mount --bind "$dir/region" "$dir/region"
mount -o remount,bind,ro "$dir/region"
work || fail "worker on a read-only region"
is read_only_cat "$("$muster" cat --region "$dir/region" | calls)" 90
exit_of "$muster" serve --region "$dir/region" --metrics "unix:$dir/sock"
[ "$status" -ne 0 ] && [ "$status" -lt 128 ] || fail "read-only master: $status"
has read_only_master_says_so "$err" "$dir/region"
umount "$dir/region"

serve going_away
rm -rf "$dir/region"
work || fail "worker without a region"
page >/dev/null || fail "scrape of a region that is gone"
kill -0 "$master" || fail "master of a region that is gone"
ok region_gone_is_survived
stop TERM
mkdir -m 700 "$dir/region"

# ---- fork that fails

log=$dir/fork.log
strace -f -o /dev/null -e trace=clone,clone3,fork,vfork -e inject=clone,clone3,fork,vfork:error=EAGAIN:when=3..8 \
	"$muster" run --workers 2 --region "$dir/region" --metrics "unix:$dir/sock" -- sleep 600 >"$dir/stdout" 2>"$log" </dev/null &
tracer=$!
masters+=("$tracer")
if until_true 30 sh -c "curl -fsS --max-time 5 --unix-socket $dir/sock http://muster/metrics | grep -q 'muster_worker_slots{state=\"running\"} 2'"; then
	ok fork_that_fails_is_tried_again
else
	# The first workers must start, or there is no service: then it says so and ends.
	until_true 10 logged "cannot be started|Resource temporarily unavailable" || fail "fork EAGAIN: $(cat "$log")"
	ok fork_that_fails_is_told
fi
pkill -TERM -P "$tracer" || true
wait "$tracer" 2>/dev/null || true
rm -rf "$dir/region"
mkdir -m 700 "$dir/region"

# ---- each system call fails once

# $1: system call, $2: error, $3: which; the rest: the command.
failing() {
	local call=$1 error=$2 when=$3
	shift 3
	timeout 30 strace -f -qq -o "$dir/trace" -e "trace=$call" -e "inject=$call:error=$error:when=$when" "$@"
}
injected() { grep -q INJECTED "$dir/trace"; }
# How often the loader and the libraries make call $1 before main(): those failures are not ours to heal.
before_main() {
	strace -f -qq -o "$dir/trace" -e "trace=$1" "$muster" --version >/dev/null
	grep -c "$1(" "$dir/trace" || true
}

worker_calls="openat:EMFILE openat:ENOSPC ftruncate:EFBIG fallocate:ENOSPC mmap:ENOMEM mprotect:ENOMEM fcntl:ENOLCK linkat:ENOSPC fstat:EIO newfstatat:EIO read:EIO getrandom:EAGAIN madvise:ENOMEM munlock:ENOMEM"
runs=0
for row in $worker_calls; do
	for n in $(seq 1 40); do
		rm -rf "$dir/region"
		mkdir -m 700 "$dir/region"
		status=0
		MUSTER_REGION=$dir/region failing "${row%:*}" "${row#*:}" "$n" "$dir/static" 40 >"$dir/out" 2>&1 || status=$?
		injected || break
		# 127 and 1: the start-up code or a thread's stack, which the program itself gives up for.
		[ "$status" -eq 0 ] || [ "$status" -eq 1 ] || [ "$status" -eq 127 ] || fail "worker, $row:$n: exit $status"
		"$muster" cat --region "$dir/region" >"$dir/page" || fail "worker, $row:$n: page"
		/usr/bin/python3 "$here/host_page.py" 1 40 <"$dir/page" >/dev/null 2>&1 || [ "$(calls <"$dir/page")" -le 120 ] || fail "worker, $row:$n: counts"
		runs=$((runs + 1))
	done
done
[ "$runs" -gt 30 ] || fail "only $runs failures injected"
ok each_call_of_a_worker_fails_once

rm -rf "$dir/region"
mkdir -m 700 "$dir/region"
work
runs=0
for row in openat:EMFILE openat:ENOMEM mmap:ENOMEM mremap:ENOMEM fstat:EIO newfstatat:EIO read:EIO pread64:EIO getdents64:EIO fcntl:EIO poll:ENOMEM pidfd_open:EMFILE brk:ENOMEM madvise:ENOMEM; do
	first=$(($(before_main "${row%:*}") + 1))
	for n in $(seq $first $((first + 60))); do
		status=0
		failing "${row%:*}" "${row#*:}" "$n" "$muster" cat --region "$dir/region" >"$dir/page" 2>"$dir/out" || status=$?
		injected || break
		[ "$status" -lt 128 ] || fail "reader, $row:$n: exit $status"
		[ "$status" -ne 0 ] || [ "$(calls <"$dir/page")" = 30 ] || [ -s "$dir/out" ] || fail "reader, $row:$n: says nothing and counts $(calls <"$dir/page")"
		runs=$((runs + 1))
	done
done
[ "$runs" -gt 20 ] || fail "only $runs failures injected"
ok each_call_of_a_reader_fails_once

# Not epoll_ctl: libuv ends the process itself when the kernel has no memory for its loop.
runs=0
for row in openat:EMFILE mmap:ENOMEM mremap:ENOMEM fallocate:ENOSPC pwrite64:ENOSPC renameat:EIO unlinkat:EIO fstat:EIO newfstatat:EIO pread64:EIO getdents64:EIO accept4:EMFILE timerfd_create:EMFILE eventfd2:EMFILE; do
	first=$(before_main "${row%:*}")
	for n in 1 2 3 4 5 7 9 12 16 21 28 37 50 66; do
		n=$((first + n))
		work
		rm -f "$dir/sock"
		strace -f -qq -o "$dir/trace" -e "trace=${row%:*}" -e "inject=${row%:*}:error=${row#*:}:when=$n" \
			"$muster" serve --region "$dir/region" --metrics "unix:$dir/sock" >"$dir/stdout" 2>"$dir/out" </dev/null &
		tracer=$!
		masters+=("$tracer")
		for _ in $(seq 250); do
			[ -S "$dir/sock" ] || ! kill -0 $tracer 2>/dev/null || { sleep 0.02; continue; }
			break
		done
		page >"$dir/page" 2>/dev/null || page >"$dir/page" 2>/dev/null || true
		pkill -TERM -P $tracer 2>/dev/null || true
		status=0
		wait $tracer 2>/dev/null || status=$?
		[ "$status" -lt 128 ] || fail "master, $row:$n: exit $status: $(tail -n 3 "$dir/out")"
		[ "$status" -eq 0 ] || [ -s "$dir/out" ] || fail "master, $row:$n: exit $status and says nothing"
		injected || break
		runs=$((runs + 1))
	done
done
[ "$runs" -gt 40 ] || fail "only $runs failures injected"
serve after_all
until_true 10 sh -c "[ \$(ls $dir/region | grep -c ^slab) -le 1 ]" || fail "all are folded after all"
total=$(page | calls)
[ $((total % 30)) -eq 0 ] && [ "$total" -gt 30 ] || fail "totals after all: $total"
ok each_call_of_a_master_fails_once
stop TERM
