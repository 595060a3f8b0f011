# SPDX-License-Identifier: Apache-2.0
"""The cases of ../README.md with prometheus_client: one process, or its multiprocess mode under real forks."""
import os
import shutil
import signal
import sys
import tempfile
import time

MODE, FIRST, SECOND = sys.argv[1], *(int(word) for word in (sys.argv[2:] + ["0", "0"])[:2])
os.environ["PROMETHEUS_DISABLE_CREATED_SERIES"] = "true"
if MODE != "scrape":  # the mode decides at import what a value is
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="prometheus-client-", dir="/dev/shm")

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess  # noqa: E402

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
METHODS = ["GET", "POST", "PUT", "DELETE"]
LABELS = ["path", "method"]
state = 1


def random():
    global state
    state = state * 16807 % 2147483647
    return state


def value(k):
    return BOUNDS[k] * 0.99 if k < len(BOUNDS) else 20.0


VALUES = [value(random() % (len(BOUNDS) + 1)) for _ in range(4096)]
ORDER = [random() % 4000 for _ in range(16384)]
PATHS = [f"/api/v1/resource/{i}" for i in range(1000)]
requests = Counter("bench_requests_total", "Benchmark.", LABELS)


def record(counters, histograms):
    seconds = Histogram("bench_seconds", "Benchmark.", LABELS, buckets=BOUNDS) if histograms else None
    for i in range(counters):
        requests.labels(f"/api/v1/resource/{i}", "GET" if i & 1 else "POST").inc(i * 7919)
    for i in range(histograms):
        child = seconds.labels(f"/api/v1/resource/{i}", "GET")
        for k in range(len(BOUNDS) + 1):
            child.observe(value(k))


def worker_start(counters):
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        record(counters, counters // 10)
        os.write(write_end, b".")
        signal.pause()
    os.read(read_end, 1)
    return pid


def page():
    if MODE == "scrape":
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry)


def run(case, n):
    if case == "inc":
        for _ in range(n):
            inc.inc()
    elif case == "observe":
        for i in range(n):
            observe.observe(VALUES[i % 4096])
    elif case == "lookup":
        for i in range(n):
            s = ORDER[i % 16384]
            requests.labels(PATHS[s // 4], METHODS[s % 4]).inc()
    else:
        for _ in range(n):
            page()


workers = []
if MODE == "update":
    inc = Counter("bench_inc_total", "Benchmark.")
    observe = Histogram("bench_observe_seconds", "Benchmark.", buckets=BOUNDS)
    for s in range(4000):
        requests.labels(PATHS[s // 4], METHODS[s % 4])
elif MODE == "scrape":
    record(FIRST, 0)
else:
    workers = [worker_start(SECOND) for _ in range(FIRST)]
print("ready", flush=True)
for line in sys.stdin:
    if line == "page\n":
        print(page().decode() + ".", flush=True)
    else:
        words = line.split()
        start = time.perf_counter_ns()
        run(words[0], int(words[1]))
        print(time.perf_counter_ns() - start, flush=True)
for pid in workers:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
if MODE != "scrape":
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
