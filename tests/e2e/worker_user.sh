#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --worker-user: muster is root, its workers are not. A gunicorn that gives up its rights, with prometheus_client;
# native workers that give them up, also such as serve did not start; workers of muster's own, which it makes that user.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
here=$(dirname "$(realpath "$0")")
unset PROMETHEUS_MULTIPROC_DIR prometheus_multiproc_dir
[ "$(id -u)" -eq 0 ] || {
	ok "skipped: needs root"
	exit 0
}
chmod 0711 "$dir"
build=$(realpath "${1:-build}")
gcc -std=gnu11 -I"$here/../../include" "$here/wrap_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
as() { setpriv --reuid="$1" --regid="$2" --clear-groups "${@:3}"; }

# ---- what is refused
refused() { # NAME STATUS TEXT COMMAND...
	exit_of "${@:4}"
	is "$1.status" "$status" "$2"
	has "$1.text" "$err" "$3"
}
run=("$muster" run --metrics none --region "$dir/none")
refused unknown_user 67 "there is no user nobody_of_that_name" "${run[@]}" --worker-user nobody_of_that_name -- true
refused unknown_group 67 "there is no group nobodies" "${run[@]}" --worker-user www-data:nobodies -- true
refused root_itself 64 "is root, as muster is" "${run[@]}" --worker-user root -- true
refused not_by_others 77 "only root can let workers of another user in" setpriv --reuid=nobody --regid=nogroup --clear-groups "${run[@]}" --worker-user www-data -- true
[ ! -e "$dir/none" ] && ok refused_without_a_trace || fail refused_without_a_trace

# ---- a gunicorn that gives up its rights, prometheus_client in its workers
port=$(free_port)
mkdir "$dir/app"
cp "$here/../../examples/servers/app.py" "$dir/app/flask_app.py"
start flask run --worker-user www-data --region "$dir/r" --metrics 127.0.0.1:0 -- /usr/bin/gunicorn --user www-data \
	--group www-data --workers 2 --chdir "$dir/app" --bind "127.0.0.1:$port" --log-level error flask_app:app
hello() { curl -fsS "http://127.0.0.1:$port/hello/world" >/dev/null; }
until_true 30 hello || fail application_answers
server_is
workers() { pgrep -P "$server" | xargs; }
is workers_gave_up_their_rights "$(stat -c %U "/proc/$(workers | cut -d' ' -f1)")" www-data
is directory_is_the_workers "$(stat -c '%A %U %G' "$dir/r/multiproc")" "drwxrwx--T root www-data"
for i in $(seq 20); do
	hello || fail "answers $i"
	[ "$i" -ne 10 ] || kill -KILL "$(workers | cut -d' ' -f1)"
done
counted() { [ "$(sample 'hellos_total{name="world"}')" = "$1.0" ] || [ "$(sample 'hellos_total{name="world"}')" = "$1" ]; }
until_true 10 counted 21 && ok counted_is_what_was_answered || fail "counted_is_what_was_answered: $(scrape | grep hellos_total)"
of_the_living() { [ "$(find "$dir/r/multiproc" -name '*.db' | sed 's/.*_\([0-9]*\)\.db/\1/' | sort -u | wc -l)" -le 3 ]; }
until_true 10 of_the_living && ok files_of_the_dead_are_deleted || fail files_of_the_dead_are_deleted
stop TERM
is gunicorn_ends "$status" 0

# ---- a native worker in its tree, and one of a stranger in the workers' group
cat >"$dir/server" <<SERVER
#!/bin/sh
setpriv --reuid=www-data --regid=www-data --init-groups "$dir/worker" 5
setpriv --reuid=nobody --regid=www-data --clear-groups "$dir/worker" 7
exec sleep 60
SERVER
chmod 0755 "$dir/server"
start native run --worker-user www-data --region "$dir/r2" --metrics 127.0.0.1:0 -- "$dir/server"
until_true 10 at_least 'muster_slabs_quarantined_total{reason="open"}' 1 && ok strangers_are_left_out || fail strangers_are_left_out
is native_worker_is_counted "$(sample wrap_calls_total)" 5
is cat_agrees "$("$muster" cat --region "$dir/r2" 2>/dev/null | grep '^wrap_calls_total')" "wrap_calls_total 5"
stop TERM

# ---- workers that somebody else starts; a master before us did not share
start before serve --region "$dir/r3" --metrics 127.0.0.1:0
stop TERM
start served serve --worker-user www-data --region "$dir/r3" --metrics 127.0.0.1:0
MUSTER_REGION=$dir/r3 as www-data www-data "$dir/worker" 3 >/dev/null
until_true 10 at_least wrap_calls_total 3 && ok workers_of_others_are_counted || fail workers_of_others_are_counted
stop TERM
start after serve --region "$dir/r3" --metrics 127.0.0.1:0
MUSTER_REGION=$dir/r3 as www-data www-data "$dir/worker" 4 >/dev/null
until_true 10 at_least wrap_calls_total 7 && ok the_region_stays_shared || fail the_region_stays_shared
stop TERM

# ---- a region that they cannot reach
mkdir -m 0700 "$dir/closed"
start closed serve --worker-user www-data --region "$dir/closed/r" --metrics 127.0.0.1:0
logged "worker-user www-data cannot get there: Permission denied" && ok out_of_reach_is_told || fail out_of_reach_is_told
stop TERM
! grep -l "cannot get there" "$dir"/{flask,native,served}.log && ok within_reach_is_not || fail within_reach_is_not

# ---- workers of muster's own
start own run --workers 2 --worker-user www-data --region "$dir/r4" --metrics 127.0.0.1:0 -- "$dir/worker" 2 wait
until_true 10 at_least wrap_calls_total 4 && ok own_workers_are_counted || fail own_workers_are_counted
pid=$(workers_of "$master" | head -n 1)
is own_workers_are_that_user "$(awk '/^(Uid|Gid)/ { print $2, $3, $4, $5 }' "/proc/$pid/status" | xargs)" "33 33 33 33 33 33 33 33"
is own_workers_have_its_groups "$(awk '/^Groups/ { $1 = ""; print }' "/proc/$pid/status" | xargs)" "$(id -G www-data)"
kill -KILL "$pid"
until_true 10 at_least wrap_calls_total 6 && ok a_killed_one_is_replaced || fail a_killed_one_is_replaced
stop TERM
is own_end "$status" 0
