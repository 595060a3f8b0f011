#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The signals of a master with workers of its own, with the demo service under load: what each does, that every
# request is answered meanwhile, and that no counter ever goes down.
. "$(dirname "$0")/wrap_common.bash"
muster=$(dirname "$muster")/order_mgmt

serve() {
	start "$1" --workers 2 --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --region "$dir/r"
	listen=$(sed -n 's|.*listening on ||p' "$log")
	until_true 10 curl -fsS "http://$listen/hello" || fail "$1: the service answers"
}

none_of() { [ -z "$(comm -12 <(workers_of "$master" | sort) <(sort <<<"$1"))" ]; }
recycled() { sample "muster_worker_recycles_total{reason=\"$1\"}"; }
slots() { sample "muster_worker_slots{state=\"$1\"}"; }

serve signals
load_start "http://$listen/hello"
watch_start
kill -TTIN "$master"
until_true 20 worker_count 3 && ok ttin_adds_a_worker || fail ttin_adds_a_worker
kill -TTOU "$master"
until_true 20 worker_count 2 && ok ttou_takes_one_away || fail ttou_takes_one_away
kill -TTOU "$master"
until_true 20 worker_count 1 || fail ttou_takes_another
kill -TTOU "$master"
wait_logged '1 workers stay' 10
kill -TTIN "$master"
wait_logged 'one worker more: 2' 10
until_true 20 worker_count 2 && ok ttou_never_takes_the_last || fail ttou_never_takes_the_last
is scaling_is_counted "$(recycled scale)" 2

before=$(workers_of "$master")
kill -HUP "$master"
wait_logged 'reloaded: all 2 workers are new' 30
until_true 20 none_of "$before" && ok hup_replaces_all || fail hup_replaces_all
is hup_is_counted "$(recycled reload)" 2
is slots_after_hup "$(slots running) $(slots waiting) $(slots leaving)" "2 0 0"

kill -KILL "$(workers_of "$master" | head -n 1)"
kill -HUP "$master" # while a worker is missing
until_true 30 eval '[ "$(grep -c "reloaded: all" "$log")" -eq 2 ]' && ok hup_in_a_crash || fail hup_in_a_crash
kill -HUP "$master"
kill -HUP "$master"
until_true 30 eval '[ "$(grep -c "reloaded: all" "$log")" -ge 3 ]' && ok hup_in_a_hup || fail hup_in_a_hup
watch_end signals
load_stop
is every_answer_was_200 "$(grep -c '\[[0-9]*\].*responses' "$dir/hey") $(grep -c '\[200\].*responses' "$dir/hey")" "1 1"

# ---- WINCH: the workers end, the totals stay
total() { scrape | awk '/^order_mgmt_duration_seconds_count/ { sum += $2 } END { print sum + 0 }'; }
had=$(total)
kill -WINCH "$master"
until_true 20 worker_count 0 && ok winch_ends_all_workers || fail winch_ends_all_workers
is totals_of_the_dead_are_served "$(total)" "$had"
is winch_has_no_slot_waiting "$(slots running) $(slots waiting)" "0 0"
kill -HUP "$master"
until_true 20 worker_count 2 && ok hup_brings_them_back || fail hup_brings_them_back
until_true 10 curl -fsS "http://$listen/hello" && ok they_serve || fail they_serve
kill -WINCH "$master"
until_true 20 worker_count 0 || fail winch_again
kill -TTIN "$master"
until_true 20 worker_count 2 && ok ttin_brings_them_back || fail ttin_brings_them_back
kill -WINCH "$master"
stop TERM
is term_when_paused "$status" 0
is stopped_by_term "$(logged 'stopped' && echo yes)" yes

# ---- each way to stop, under load
for signo in TERM INT QUIT; do
	serve "stop_$signo"
	load_start "http://$listen/hello"
	until_true 20 eval '[ "$(total)" -gt 20 ]' || fail "$signo: load arrives"
	stop $signo
	is "$signo.is_a_clean_stop" "$status" 0
	load_stop
done

# ---- USR1 goes to the workers; a new program that cannot start stops a reload at the first
muster=$(dirname "$muster")/muster
cat >"$dir/worker.sh" <<'SH'
trap 'echo "reopened $$"' USR1
echo "up $$"
while :; do sleep 0.05; done
SH
chmod +x "$dir/worker.sh"
start usr1 run --workers 2 --metrics 127.0.0.1:0 --region "$dir/u" -- bash "$dir/worker.sh"
until_true 10 eval '[ "$(grep -c ^up "$dir/stdout")" -eq 2 ]' || fail workers_are_up
kill -USR1 "$master"
until_true 10 eval '[ "$(grep -c ^reopened "$dir/stdout")" -eq 2 ]' && ok usr1_reaches_all_workers || fail usr1_reaches_all_workers
mv "$dir/worker.sh" "$dir/good.sh"
echo 'exit 1' >"$dir/worker.sh"
before=$(workers_of "$master" | sort)
kill -HUP "$master"
wait_logged 'the 3. time in a row' 20
kept=$(comm -12 <(workers_of "$master" | sort) <(echo "$before") | wc -l)
is a_bad_program_stops_the_reload "$kept" 1
mv "$dir/good.sh" "$dir/worker.sh"
wait_logged 'reloaded: all 2 workers are new' 60
ok a_mended_program_ends_it
stop TERM
is usr1_stop "$status" 0

# ---- one at a time: the next is not replaced while the one before has not ended
cat >"$dir/slow.sh" <<'SH'
trap '[ ! -e "$0.go" ] || exit 0' TERM
echo "up $$"
while :; do sleep 0.05; done
SH
start slow run --workers 2 --grace 3600 --metrics 127.0.0.1:0 --region "$dir/s" -- bash "$dir/slow.sh"
until_true 10 eval '[ "$(grep -c ^up "$dir/stdout")" -eq 2 ]' || fail slow_workers_are_up
kill -HUP "$master"
until_true 20 eval '[ "$(slots leaving)" -eq 1 ]' || fail slow_worker_leaves
sleep 1.5 # three times what a new worker has to live: nothing may happen in it
is one_leaves_at_a_time "$(workers_of "$master" | wc -l) $(slots running) $(slots leaving)" "3 2 1"
stop_hurried() {
	kill -TERM "$master"
	wait_logged 'signal 15 .*: stopping' 10
	stop TERM
}
stop_hurried
is slow_workers_are_killed "$status" 0

# ---- a terminal's resize and background reads are no orders
/usr/bin/python3 - "$muster" "$dir/t" >"$dir/tty" 2>&1 <<'PY' && ok a_terminal_gives_no_orders || fail "a_terminal_gives_no_orders: $(cat "$dir/tty")"
import fcntl, os, pty, select, signal, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "--workers", "1", "--metrics", "none", "--region", sys.argv[2], "--", "sleep", "1000"])
seen = b""
def until(text):
    global seen
    end = time.monotonic() + 20
    while text not in seen:
        assert time.monotonic() < end, seen
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 4096)
until(b"workers started")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 10, 0, 0))  # the kernel sends WINCH
os.kill(pid, signal.SIGTTIN)  # pending signals are read in the order of their numbers: once more after it
until(b"one worker more: 2")
os.kill(pid, signal.SIGTTOU)
until(b"one worker less: 1")
os.write(fd, b"\x03")  # and INT, which is one
until(b"stopped")
assert b"ending all workers" not in seen, seen
PY
