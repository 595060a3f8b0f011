#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes with prometheus_client in directories that are bad, PROMETHEUS_MULTIPROC_DIR.

    import_bad.py fill PROGRESS    children, one after the other, make series until they are killed; PROGRESS has how many
                                   increments returned
    import_bad.py add N            make a series, print "made", wait for the file GO if that is set, increment by 1, N times;
                                   print "ready"; wait to be killed
    import_bad.py change ROUNDS    write, cut, lengthen and replace files that are none of ours"""
import os
import random
import signal
import sys
import time

where = os.environ["PROMETHEUS_MULTIPROC_DIR"]


def fill(progress):
    from prometheus_client import Counter
    calls = Counter("calls", "Calls.", ["path"])
    returned = 0
    for _ in range(3):
        read, write = os.pipe()
        if os.fork() == 0:
            for i in range(100000):
                calls.labels("x" * 900 + str(i)).inc()
                os.write(write, b".")
            os._exit(0)
        os.close(write)
        while got := os.read(read, 4096):
            returned += len(got)
        status = os.wait()[1]
        with open(progress, "a", encoding="ascii") as out:
            print(signal.Signals(status & 127).name if status & 127 else "exit", returned, file=out, flush=True)
    signal.pause()


def add(count):
    from prometheus_client import Counter
    calls = Counter("calls", "Calls.", ["path"]).labels("/")
    print("made", flush=True)
    while not os.path.exists(os.environ.get("GO", where)):
        time.sleep(0.01)
    for _ in range(count):
        calls.inc()
    print("ready", os.getpid(), flush=True)
    signal.pause()


def change(rounds):
    dice = random.Random(7)
    names = [where + f"/{kind}_{pid}.db" for kind in ("counter", "histogram", "gauge_all") for pid in (4000001, 4000002)]
    honest = next(e.path for e in os.scandir(where) if e.name.startswith("counter_") and "_40000" not in e.name)
    with open(honest, "rb") as file:
        good = file.read(65536)
    for _ in range(rounds):
        path = dice.choice(names)
        what = dice.randrange(5)
        with open(path + (".new" if what == 4 else ""), "ab") as file:
            if what == 0:
                file.truncate(dice.choice([0, 3, 8, 4096, 65536, 1 << 20]))
            elif what == 1:
                file.truncate(0)
                file.write(good[:dice.randrange(len(good))])
            elif what == 2:
                os.pwrite(file.fileno(), dice.randbytes(8), 0)
            elif what == 3:
                file.write(dice.randbytes(dice.randrange(1, 9000)))
            else:
                file.write(good)
        if what == 4:
            os.rename(path + ".new", path)
    for path in names:
        if os.path.exists(path):
            os.unlink(path)


{"fill": fill, "add": lambda n: add(int(n)), "change": lambda n: change(int(n))}[sys.argv[1]](sys.argv[2])
