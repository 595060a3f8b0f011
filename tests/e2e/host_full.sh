#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A full file system at every step of growth: the worker always ends well, what is on the page is exact, what is not
# was counted. 64 MB, as Docker gives, with many workers. Needs the right to mount a tmpfs.
# shellcheck source=tests/e2e/master_common.bash
if [ "${2:-}" != inside ]; then
	if unshare -m true 2>/dev/null; then exec unshare -m "$0" "${1:-build}" inside; fi
	echo "ok host_full # skip: may not mount"
	exit 0
fi
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/host_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"

# $1: bytes. A region of its own with a master; $page is its scrape by the judge's leave.
mounted() {
	mkdir -p "$dir/full"
	mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$dir/full"
	start full serve --region "$dir/full" --metrics "unix:$dir/sock"
}
unmounted() {
	stop TERM
	umount "$dir/full"
}
page() { curl -fsS --unix-socket "$dir/sock" http://muster/metrics; }

series=600 seen_attach_fail=0 seen_dropped=0 seen_all=0
for kib in 16 24 32 40 48 56 64 72 80 96 112 128 144 160 176 192 208 224 256 288 320 352 400 450 500 600 700 800 1000 1300 1700; do
	mounted "${kib}k"
	MUSTER_REGION=$dir/full "$dir/worker" $series || fail "worker with $kib KiB: exit $?"
	page >"$dir/page" || fail "scrape with $kib KiB"
	verdict=$(/usr/bin/python3 "$here/host_page.py" 1 $series <"$dir/page") || fail "page with $kib KiB"
	case $verdict in *"attached 0"*) seen_attach_fail=1 ;; *" $series series") seen_all=1 ;; *) seen_dropped=1 ;; esac
	unmounted
done
ok every_size_is_survived
is too_small_to_attach_was_there $seen_attach_fail 1
is too_small_for_all_was_there $seen_dropped 1
is large_enough_was_there $seen_all 1

mounted 64m
for _ in $(seq 150); do
	MUSTER_REGION=$dir/full "$dir/worker" 2000 &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "worker of many: exit $?"; done
until_true 20 sh -c "[ \$(ls $dir/full | grep -c ^slab) -le 1 ]" || fail "all are folded"
page | /usr/bin/python3 "$here/host_page.py" 150 2000 || fail "page of many"
ok many_workers_on_64_mb
# Filled by somebody else while all goes on: totals stay, and folding goes on once there is room.
MUSTER_REGION=$dir/full "$dir/worker" 10 &
wait $!
dd if=/dev/zero of="$dir/full/ballast" bs=64k >/dev/null 2>&1 || true
MUSTER_REGION=$dir/full "$dir/worker" 10 || fail "worker on a full region"
page >"$dir/page" || fail "scrape of a full region"
rm "$dir/full/ballast"
MUSTER_REGION=$dir/full "$dir/worker" 10 || fail "worker after it was full"
until_true 20 sh -c "[ \$(ls $dir/full | grep -c ^slab) -le 1 ]" || fail "folded once there is room"
after=$(page | awk '/^calls_total/ { s += $2 } END { print s }')
before=$(awk '/^calls_total/ { s += $2 } END { print s }' "$dir/page")
[ "$after" -ge $((before + 30)) ] || fail "totals after a full region: $before, $after"
ok full_region_recovers
unmounted
