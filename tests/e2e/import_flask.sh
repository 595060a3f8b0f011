#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Flask application with prometheus_client under gunicorn, both unchanged: workers are recycled after 50 requests and
# killed at random under load; what was counted is what the load generator saw answered, no total ever falls, and no file
# of the dead is left.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
unset PROMETHEUS_MULTIPROC_DIR prometheus_multiproc_dir
files=$dir/files
port=$(free_port)
cp "$here/../../examples/servers/app.py" "$dir/flask_app.py"

start flask run --region "$dir/r" --metrics 127.0.0.1:0 --multiproc-dir "$files" -- /usr/bin/gunicorn --workers 4 --max-requests 50 \
	--chdir "$dir" --bind "127.0.0.1:$port" --log-level error flask_app:app
until_true 30 curl -sf "http://127.0.0.1:$port/hello/first" || fail application_answers
before=$(curl -s "http://$address/metrics" | awk '/^hellos_total/ { n += $2 } END { print n + 0 }')
[ "$before" -ge 1 ] && ok application_is_counted || fail "application_is_counted: $before"

kills=5 connections=8
hey -z 8s -c $connections -q 100 "http://127.0.0.1:$port/hello/world" >"$dir/hey.log" 2>&1 &
hey=$!
last=0 fell=0
for i in $(seq 40); do
	now=$(curl -s "http://$address/metrics" | awk '/^hello_seconds_count/ { print $2 }')
	[ "${now:-0}" -ge "$last" ] || fell=$((fell + 1))
	last=${now:-$last}
	[ $((i % (40 / kills))) -ne 0 ] || kill -KILL "$(pgrep -P "$(pgrep -P "$master")" | shuf -n 1)" 2>/dev/null || true
	sleep 0.15
done
wait $hey
answered=$(awk '/\[200\]/ { print $2 }' "$dir/hey.log")
settled() { [ "$(find "$files" -name '*.db' | sed 's/.*_\([0-9]*\)\.db/\1/' | sort -u | wc -l)" -le 5 ]; }
until_true 20 settled || fail "files_of_the_living_only: $(find "$files" -type f | wc -l)"
ok files_of_the_living_only
world=$(curl -s "http://$address/metrics" | awk '/^hellos_total{name="world"}/ { print $2 }')
echo "hey saw $answered answered; counted $world; recycled after 50, $kills killed"
[ "$world" -ge "$answered" ] && [ "$world" -le $((answered + (kills + 1) * connections)) ] && ok counted_is_what_was_answered ||
	fail "counted_is_what_was_answered: $answered answered, $world counted"
is no_total_ever_fell "$fell" 0
folded() { [ "$(curl -s "http://$address/metrics" | awk '/^muster_folded_slabs_total/ { print $2 }')" -ge 30 ]; }
folded && ok the_dead_are_folded || fail the_dead_are_folded
until_true 20 sh -c "curl -s 'http://$address/metrics' | grep -q '^hellos_in_progress 0'" && ok gauges_of_the_dead_have_left || fail gauges_of_the_dead_have_left
stop TERM
is exit_status_is_gunicorns "$status" 0
is no_process_is_left "$(pgrep -f "$dir.*flask_app" | wc -l)" 0
