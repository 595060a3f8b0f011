#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that are many, slow or rude: good scrapers are served meanwhile, and every limit is kept."""
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
CONNECTIONS_MAX = 256
HEADER_SECONDS = 10


def check(name, good, detail=""):
    print(("ok " if good else "not ok ") + name, detail if not good else "", flush=True)
    if not good:
        sys.exit(1)


@contextlib.contextmanager
def master():
    folder = tempfile.mkdtemp(prefix="muster-test.", dir="/dev/shm")
    process = subprocess.Popen(
        [BUILD + "/muster", "serve", "--metrics", "127.0.0.1:0", "--region", folder + "/r"], stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            found = re.search(r"metrics on http://(.*):(\d+)/metrics", line)
            if found:
                break
            print(line, file=sys.stderr, end="")
        yield (found[1], int(found[2])), process
        process.terminate()
        rest = process.communicate(timeout=20)[1]
        check("master_ends_cleanly", process.returncode == 0, f"{process.returncode} {rest}")
    finally:
        process.kill()
        shutil.rmtree(folder)


def connect(address):
    return socket.create_connection(address, timeout=30)


def answer(sock):
    """All bytes until the other side closes."""
    out = b""
    while chunk := sock.recv(65536):
        out += chunk
    return out


def scrape(address):
    conn = http.client.HTTPConnection(*address, timeout=30)
    conn.request("GET", "/metrics")
    response = conn.getresponse()
    body = response.read()
    conn.close()
    return response.status, body


def sample(body, name):
    found = re.search(rb"^" + re.escape(name.encode()) + rb" (\S+)$", body, re.M)
    return float(found[1]) if found else 0.0


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2][0]


def many_at_once(address):
    """300 requests written before the first is read: all answered, few scrapes made."""
    before = sample(scrape(address)[1], "muster_scrapes_total")
    socks = [connect(address) for _ in range(200)]
    for sock in socks:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answers = [answer(sock) for sock in socks]
    check("many_scrapes_are_answered", all(a.startswith(b"HTTP/1.1 200") for a in answers))
    made = sample(scrape(address)[1], "muster_scrapes_total") - before
    check("scrapes_counted_at_most_once_each", 1 < made <= len(socks) + 1, made)


def many_threads(address):
    results = []

    def work():
        try:
            results.append(scrape(address)[0])
        except OSError as error:
            results.append(error)

    threads = [threading.Thread(target=work) for _ in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = sum(r == 200 for r in results)
    check("300_concurrent_scrapes_are_answered", good == 300, results)


def together_share(address, process):
    """Requests that wait while the master is stopped are all there when it goes on: one scrape for them all."""
    socks = [connect(address) for _ in range(50)]
    for sock in socks:  # the master has accepted all of them when the last one is answered
        sock.sendall(b"GET /-/healthy HTTP/1.1\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    before = sample(scrape(address)[1], "muster_scrapes_total")
    process.send_signal(signal.SIGSTOP)
    while state_of(process.pid) != "T":
        time.sleep(0.01)
    for sock in socks:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
    process.send_signal(signal.SIGCONT)
    bodies = {answer(sock).split(b"\r\n\r\n", 1)[1] for sock in socks}
    made = sample(scrape(address)[1], "muster_scrapes_total") - before
    check("waiting_scrapes_share_one", len(bodies) == 1 and made == 2, (len(bodies), made))


def slow_header(address):
    """A byte every half second moves no deadline."""
    sock = connect(address)
    sock.settimeout(0.5)
    start = time.monotonic()
    text = b"GET /metrics HTTP/1.1\r\nX-Slow: " + b"a" * 100
    for i in range(len(text)):
        try:
            sock.sendall(text[i : i + 1])
            if sock.recv(1) == b"":
                break
        except socket.timeout:
            continue
        except OSError:
            break
    took = time.monotonic() - start
    check("slow_header_is_cut_off_in_time", HEADER_SECONDS - 1 < took < HEADER_SECONDS + 3, took)


def flood_of_connections(address):
    """More silent connections than the limit: the oldest give way, a scraper is served."""
    idle = []
    for _ in range(CONNECTIONS_MAX + 100):
        idle.append(connect(address))
    start = time.monotonic()
    status, _ = scrape(address)
    check("scraper_is_served_in_a_flood", status == 200 and time.monotonic() - start < 3)
    for sock in idle:
        sock.close()


def header_flood(address):
    sock = connect(address)
    sock.sendall(b"GET /metrics HTTP/1.1\r\n")
    with contextlib.suppress(OSError):
        for i in range(200000):
            sock.sendall(b"X-%d: 1\r\n" % i)
    check("scraper_is_served_after_header_flood", scrape(address)[0] == 200)


def rude(address):
    for name, text, want in (
        ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello", b"400"),
        ("http2_preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"40"),
        ("two_lengths", b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        ("length_and_chunked", b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        ("connect_method", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"40"),
        ("absolute_form", b"GET http://x/-/ready HTTP/1.1\r\nConnection: close\r\n\r\n", b"200"),
        ("http_1_0", b"GET /-/ready HTTP/1.0\r\n\r\n", b"200"),
        ("http_2_version", b"GET / HTTP/2.0\r\n\r\n", b"505"),
    ):
        sock = connect(address)
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR) if want == b"40" else None
        got = answer(sock)
        check("rude_" + name, got.startswith(b"HTTP/1.1 " + want), got[:80])


def split_everywhere(address):
    """A request cut in two at each byte is the same request."""
    text = b"GET /-/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for cut in range(1, len(text)):
        sock = connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(text[:cut])
        sock.sendall(text[cut:])
        got = answer(sock)
        if not got.endswith(b"ready\n"):
            check("split_request", False, (cut, got))
    check("split_request", True)


def pipelined(address):
    sock = connect(address)
    sock.sendall(b"GET /-/ready HTTP/1.1\r\n\r\n" * 999 + b"GET /-/ready HTTP/1.1\r\nConnection: close\r\n\r\n")
    got = answer(sock)
    check("pipelined_requests_are_answered", got.count(b"HTTP/1.1 200 OK") == 1000, got.count(b"HTTP/1.1 200 OK"))


def main():
    with master() as (address, process):
        many_at_once(address)
        many_threads(address)
        together_share(address, process)
        flood_of_connections(address)
        header_flood(address)
        rude(address)
        split_everywhere(address)
        pipelined(address)
        slow_header(address)
        check("scraper_is_served_at_last", scrape(address)[0] == 200)


main()
