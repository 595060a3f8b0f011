#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Processes and requests, by worker and summed: CPU of the dead stays, what /proc says is what the page says, numbers of
# workers are used again, and a worker with a request is busy.
. "$(dirname "$0")/wrap_common.bash"
run=(run --metrics 127.0.0.1:0 --region "$dir/r")

# Of all processes, user and system, in seconds.
cpu() { scrape | awk '/^muster_tree_cpu_seconds_total/ { sum += $2 } END { print sum + 0 }'; }
holds() { /usr/bin/python3 -c "import sys; sys.exit(not ($1))"; }
cpu_at_least() { holds "$(cpu) >= $1"; }

# ---- CPU: each process says at its end what it has spent; the sum of the page is that, no more, no less
cat >"$dir/burn.py" <<'PY'
import os, resource, signal, sys, time
said, mode = sys.argv[1:3]
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
def say():
    own = resource.getrusage(resource.RUSAGE_SELF)
    with open(said, "a") as out:
        out.write(f"{own.ru_utime + own.ru_stime}\n")
def child():
    burn(0.2)
    say()
    os._exit(0)
if mode == "worker":  # of our own: ends, and is restarted
    burn(0.2)
    say()
    os._exit(0)
if mode == "server":  # waits for its children; two of them at a time, some killed
    for i in range(4):
        pids = [os.fork() or child() for _ in range(2)]
        for pid in pids:
            os.waitpid(pid, 0)
else:  # leaves its children to the kernel, which adds them to nobody's account
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for i in range(2):
        if os.fork() == 0:
            burn(0.4)
            say()
            while not os.path.exists(said + ".seen"):
                time.sleep(0.01)
            os._exit(0)
say()
open(said + ".done", "w").close()
while True:
    signal.pause()
PY
said() { awk '{ sum += $1 } END { print sum + 0 }' "$1"; }
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

start own "${run[@]}" --workers 2 -- /usr/bin/python3 "$dir/burn.py" "$dir/own" worker
until_true 60 eval 'scrape >/dev/null; lines "$dir/own" 8' || fail workers_burn
stop TERM # the last scrape is gone with it; the ledger is not
total=$("$muster" cat --region "$dir/r" | awk '/^muster_tree_cpu_seconds_total/ { sum += $2 } END { print sum }')
spent=$(said "$dir/own")
echo "# own workers: said $spent, page $total"
holds "$spent <= $total + 0.001" && ok cpu_of_dead_workers_is_all_there || fail "cpu_of_dead_workers_is_all_there: $spent, $total"
holds "$total <= 1.5 * $spent + 1" && ok cpu_is_not_counted_twice || fail "cpu_is_not_counted_twice: $spent, $total"

rm -rf "$dir/r"
start server "${run[@]}" -- /usr/bin/python3 "$dir/burn.py" "$dir/server" server
last=0
until [ -e "$dir/server.done" ]; do
	now=$(cpu)
	holds "$now >= $last" || fail "cpu_does_not_fall: $last, $now"
	last=$now
done
ok cpu_does_not_fall
spent=$(said "$dir/server")
until_true 30 cpu_at_least "$spent - 0.1" || fail "cpu_of_waited_children: $spent, $(cpu)"
total=$(cpu)
echo "# waited children: said $spent, page $total"
holds "$total <= $spent + 0.2" && ok waited_children_are_counted_once || fail "waited_children_are_counted_once: $spent, $total"
stop TERM

rm -rf "$dir/r"
start unwaited "${run[@]}" -- /usr/bin/python3 "$dir/burn.py" "$dir/unwaited" unwaited
until_true 60 lines "$dir/unwaited" 3 || fail unwaited_burn
until_true 30 cpu_at_least 0.7 || fail "unwaited_are_seen: $(cpu)"
before=$(cpu)
touch "$dir/unwaited.seen"
until_true 30 eval '[ "$(sample muster_tree_processes)" = 1 ]' || fail unwaited_end
after=$(cpu)
holds "$after >= $before" && ok cpu_of_children_nobody_waits_for_stays || fail "cpu_of_children_nobody_waits_for_stays: $before, $after"
stop TERM

# ---- gunicorn: the page and /proc say the same; a killed worker's number is used again
rm -rf "$dir/r"
cat >"$dir/app.py" <<'PY'
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
PY
url=http://127.0.0.1:$(free_port)/
start gunicorn "${run[@]}" --pss 1 -- /usr/bin/gunicorn --chdir "$dir" --workers 2 --threads 3 --bind "$(cut -d/ -f3 <<<"$url")" app:app
until_true 20 curl -fsS "$url" || fail gunicorn_answers
until_true 20 eval '[ "$(sample muster_tree_processes)" = 3 ]' && ok all_processes_are_there || fail all_processes_are_there
pids_told() { scrape | sed -n 's/^muster_worker_pid{.*} //p' | sort | xargs; }
pids_there() { below "$master" | sort | xargs; }
pids_agree() { [ "$(pids_told)" = "$(pids_there)" ]; }
until_true 20 pids_agree && ok workers_are_the_processes || fail "workers_are_the_processes: $(pids_told), $(pids_there)"
cat >"$dir/compare.py" <<'PY'
import os, re, sys, urllib.request
page = urllib.request.urlopen(sys.argv[1]).read().decode()
def told(name):
    return {w: float(v) for w, v in re.findall(r'^muster_worker_%s{worker="(\d+)"} (\S+)$' % name, page, re.M)}
pids, wrong = told("pid"), []
ticks, page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGESIZE")
boot = int(re.search(r"btime (\d+)", open("/proc/stat").read())[1])
def check(what, have, want, slack=0):
    if abs(have - want) > slack:
        wrong.append(f"{what}: page {have}, /proc {want}")
for w, pid in pids.items():
    proc = f"/proc/{int(pid)}/"
    stat = open(proc + "stat").read().rpartition(")")[2].split()
    check("threads", told("threads")[w], int(stat[17]), 4)  # gunicorn's come and go with requests
    check("virtual", told("virtual_memory_bytes")[w], int(stat[20]), 64 << 20)
    check("resident", told("resident_memory_bytes")[w], int(stat[21]) * page_bytes, 4 << 20)
    check("start", told("start_time_seconds")[w], boot + int(stat[19]) / ticks, 0.02)
    check("open fds", told("open_fds")[w], len(os.listdir(proc + "fd")), 3)
    limits = open(proc + "limits").read()
    check("max fds", told("max_fds")[w], int(re.search(r"Max open files\s+(\d+)", limits)[1]))
    pss = int(re.search(r"^Pss:\s+(\d+)", open(proc + "smaps_rollup").read(), re.M)[1]) * 1024
    check("pss", told("proportional_memory_bytes")[w], pss, 100 << 10)
for name in "threads", "open_fds", "resident_memory_bytes":
    total = float(re.search(r"^muster_tree_%s (\S+)$" % name, page, re.M)[1])
    check("tree " + name, total, sum(told(name).values()))
print("\n".join(wrong) or f"{len(pids)} agree")
PY
page_agrees() { [ "$(/usr/bin/python3 "$dir/compare.py" "http://$address/metrics" | tee "$dir/compared")" = "3 agree" ]; }
until_true 20 page_agrees && ok page_and_proc_agree || fail "page_and_proc_agree: $(cat "$dir/compared")"
before=$(cpu)
server_is
victim=$(pgrep -P "$server" | head -n 1)
kill -KILL "$victim"
until_true 30 eval 'pids_agree && [ "$(sample muster_tree_processes)" = 3 ] && ! grep -qw "$victim" <<<"$(pids_told)"' || fail killed_worker_is_replaced
is numbers_are_used_again "$(scrape | sed -n 's/^muster_worker_pid{worker="\(.*\)"}.*/\1/p' | sort | xargs)" "0 1 2"
holds "$(cpu) >= $before" && ok cpu_of_a_killed_worker_stays || fail cpu_of_a_killed_worker_stays
stop TERM
is gunicorn_stops "$status" 0

# ---- nginx, whose workers are another user's
rm -rf "$dir/r"
mkdir "$dir/nginx"
chmod 0755 "$dir" "$dir/nginx"
cat >"$dir/nginx/conf" <<CONF
daemon off; worker_processes 2; pid $dir/nginx/pid; error_log $dir/nginx/error.log;
events { worker_connections 128; }
http {
	access_log off; client_body_temp_path $dir/nginx/a; proxy_temp_path $dir/nginx/b;
	fastcgi_temp_path $dir/nginx/c; uwsgi_temp_path $dir/nginx/d; scgi_temp_path $dir/nginx/e;
	server { listen unix:$dir/nginx/sock backlog=9; location / { return 200 "hello"; } }
}
CONF
start nginx "${run[@]}" --pss 1 -- /usr/sbin/nginx -c "$dir/nginx/conf" -p "$dir/nginx"
until_true 20 curl -fsS --unix-socket "$dir/nginx/sock" http://nginx/ || fail nginx_answers
until_true 20 eval '[ "$(sample muster_tree_processes)" = 3 ]' || fail nginx_has_two_workers
until_true 20 page_agrees && ok page_and_proc_agree_on_nginx || fail "page_and_proc_agree_on_nginx: $(cat "$dir/compared")"
is listeners_of_nginx_are_told "$(sample "muster_listener_backlog{address=\"$dir/nginx/sock\"}")" 9
stop QUIT
is nginx_stops "$status" 0

# ---- requests: the order-management service, with one that takes its time
rm -rf "$dir/r"
service=$muster
muster=$(dirname "$muster")/order_mgmt
start service --workers 2 --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --region "$dir/r"
listen=$(sed -n 's|.*listening on ||p' "$log" | head -n 1)
muster=$service
workers_are() { [ "$(sample 'muster_request_workers{state="busy"}') $(sample 'muster_request_workers{state="idle"}')" = "$1" ]; }
until_true 20 workers_are "0 2" && ok workers_are_idle || fail "workers_are_idle: $(scrape | grep muster_request)"
curl -fsS "http://$listen/complex?db_sleep=9" >"$dir/slow" &
slow=$!
masters+=("$slow")
until_true 20 workers_are "1 1" && ok one_worker_is_busy || fail one_worker_is_busy
is one_request_is_in_flight "$(sample muster_requests_in_flight)" 1
until_true 20 eval 'holds "$(sample muster_longest_request_seconds) > 0.2"' && ok its_age_is_told || fail its_age_is_told
busy=$(scrape | sed -n 's/^muster_worker_requests_in_flight{worker="\(.*\)"} 1$/\1/p')
has which_worker_is_told "0 1" "$busy"
until_true 20 eval 'holds "$(sample "muster_worker_busy_seconds_total{worker=\"$busy\"}") > 0.2"' && ok its_busy_time_runs || fail its_busy_time_runs
before=$(sample muster_busy_seconds_total)
kill -KILL "$(sample "muster_worker_pid{worker=\"$busy\"}")"
until_true 30 workers_are "0 2" && ok a_killed_worker_is_not_busy || fail "a_killed_worker_is_not_busy: $(scrape | grep muster_request)"
holds "$(sample muster_busy_seconds_total) >= $before" && ok its_busy_time_stays || fail its_busy_time_stays
kill -TERM "$master"
reap
is service_stops "$status" 0
