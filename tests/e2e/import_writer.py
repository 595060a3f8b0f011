#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes with prometheus_client's metrics of all types and modes, in the directory PROMETHEUS_MULTIPROC_DIR.

    import_writer.py PROCESSES SEED [IDENTIFIER]
                                        fork, record, print "ready"; each then waits to be killed
                                        IDENTIFIER: with a number behind it, in place of the pid
    import_writer.py compare PAGE       compare muster's page with the library's own collector, sample by sample"""
import ctypes
import math
import os
import random
import signal
import sys

MODES = ["all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum", "mostrecent", "livemostrecent"]


def record(seed):
    import prometheus_client as p
    dice = random.Random(seed)
    c = p.Counter("calls", "Calls, \"quoted\", \\ and\nnew line \u00e9.", ["path", "code"])
    plain = p.Counter("runs", "Runs.")
    h = p.Histogram("wait_seconds", "Waits.", ["path"], buckets=(0.1, 1, 2.5, 5e6))
    every = p.Histogram("size_bytes", "Sizes.")
    s = p.Summary("load", "Loads.", ["path"])
    p.Counter("never", "Has no child.", ["x"])
    modes = [m for m in MODES if m in p.Gauge._MULTIPROC_MODES]
    gauges = {m: p.Gauge(f"g_{m}_of", f"In mode {m}.", ["k"], multiprocess_mode=m) for m in modes}
    suffixed = [p.Gauge(name, "Names of samples that other types have, or for rules.", multiprocess_mode="max")
                for name in ("jobs_count", "jobs_sum", "jobs_bucket", "jobs_created", "jobs_total", "ns:jobs")]
    for gauge in suffixed:
        gauge.set(dice.random())
    for _ in range(200):
        path = dice.choice(["/", "/a b", "x\"y\\z\n", "\u00fc\U0001f600", ""])
        c.labels(path, dice.choice(["200", "500"])).inc(dice.choice([1, 2.5, 0.1]))
        plain.inc()
        h.labels(path).observe(dice.choice([0.05, 0.1, 0.7, 3, 1e7]))
        every.observe(dice.random() * 12)
        s.labels(path).observe(dice.random())
        for mode in modes:
            gauges[mode].labels(dice.choice("ab")).set(dice.choice([-1, 0, dice.random(), 1e300]))


def processes(count, seed, identifier=None):
    pids = []
    for i in range(count):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            if identifier:
                from prometheus_client import values
                values.ValueClass = values.MultiProcessValue(lambda: f"{identifier}{i}")
            record(seed + i)
            os.write(write, b"x")
            signal.pause()
        os.read(read, 1)
        pids.append(str(pid))
    print("ready", *pids, flush=True)
    signal.pause()


def key(s):
    return s.name, tuple(sorted((k, str(float(v)) if k == "le" else v) for k, v in s.labels.items()))


def compare(page):
    from prometheus_client import CollectorRegistry, multiprocess
    from prometheus_client.parser import text_string_to_metric_families

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    theirs = {key(s): s.value for f in registry.collect() for s in f.samples}
    ours = {key(s): s.value for f in text_string_to_metric_families(open(page, encoding="utf-8").read())
            for s in f.samples if not f.name.startswith(("muster_", "process_"))}
    wrong = [k for k in theirs.keys() | ours.keys()
             if k not in ours or k not in theirs or not math.isclose(ours[k], theirs[k], rel_tol=1e-12)]
    for k in sorted(wrong)[:10]:
        print(f"{k}: muster {ours.get(k)}, the library {theirs.get(k)}")
    print(len(theirs), "samples")
    sys.exit(1 if wrong or not theirs else 0)


if sys.argv[1] == "compare":
    compare(sys.argv[2])
else:
    processes(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
