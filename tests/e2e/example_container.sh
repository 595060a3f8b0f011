#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# examples/container's entrypoint as process 1 of a pid namespace with 64 MB of /dev/shm, by an ordinary user, with the
# server of its Containerfile: strangers are reaped, signals arrive, the status is the server's, nothing is left.
. "$(dirname "$0")/wrap_common.bash"
if ! unshare --pid --fork --mount-proc --mount sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs /mnt' 2>/dev/null; then
	echo "ok container # skipped: no namespaces here"
	exit 0
fi
site
example app.py
mkdir "$dir/bin"
cp "$muster" "$dir/bin/muster"
cp "$examples/container/entrypoint.sh" "$dir/bin/entrypoint"
metrics=$(free_port)
address=127.0.0.1:$metrics
export PYTHONDONTWRITEBYTECODE=1
cat >"$dir/container" <<SH
mount --make-rprivate /
mount --bind "$dir" /mnt
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev,noexec shm /dev/shm
cd /mnt
PATH=/mnt/bin:/usr/bin:/bin MUSTER_METRICS=$address MUSTER_DRAIN=0.1 exec setpriv --reuid=www-data --regid=www-data --clear-groups "\$@"
SH
chmod 0755 "$dir"
container=(unshare --pid --fork --kill-child --mount-proc --mount sh -e "$dir/container")

# What its CMD says, with the test's port.
read -ra cmd < <(sed -n 's/^CMD //p' "$examples/container/Containerfile" | tr -d '[]",' | sed "s/:8080/127.0.0.1:$port/")
log=$dir/container.log
"${container[@]}" entrypoint "${cmd[@]}" >"$dir/stdout" 2>"$log" </dev/null &
outer=$!
masters+=("$outer")
until_true 30 curl -fsS "$url/hello/me" || fail the_application_answers
ok the_application_answers
master=$(pgrep -P "$outer")
is muster_is_process_1 "$(awk '/^NSpid/ { print $NF }' "/proc/$master/status") $(tr '\0' ' ' <"/proc/$master/cmdline" | cut -d' ' -f1,2)" "1 muster run"
is requests_are_counted "$(sample 'hellos_total{name="me"}')" 1
server=$(pgrep -P "$master")
until_true 10 worker_count_is 2 || fail two_workers

# As `podman exec` leaves them: processes of nobody.
nsenter -t "$master" -p -m sh -c 'for i in 1 2 3; do (sh -c "sleep 0.01 & exec true" &); done'
until_true 10 at_least muster_orphans_reaped_total 3 && ok strangers_are_reaped || fail "strangers_are_reaped: $(sample muster_orphans_reaped_total)"
until_true 10 no_zombies && ok no_zombie_stays || fail no_zombie_stays
before=$(workers)
kill -HUP "$master"
until_true 20 workers_are_new "$before" 2 && ok hup_arrives || fail hup_arrives
is_replaced a_killed_worker_is_replaced 2
is it_is_the_small_shm "$(nsenter -t "$master" -m df --output=size -k /dev/shm | tail -n 1 | xargs)" 65536
tree=$(below "$master")
kill -TERM "$master"
status=0
wait "$outer" || status=$?
is stop_is_clean "$status" 0
gone $tree && ok nobody_is_left || fail nobody_is_left

# ---- its status is the container's
run_one() {
	status=0
	timeout 30 "${container[@]}" entrypoint "$@" 2>>"$log" || status=$?
}
run_one sh -c 'exit 3'
is status_is_the_servers "$status" 3
# shellcheck disable=SC2016
run_one sh -c 'kill -KILL $$'
is status_of_a_killed_server "$status" 137
run_one no-such-server
is status_of_no_server "$status" 127
