#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred misbehaving clients of each kind, plain and by TLS: good scrapes come within GOOD_SECONDS, and the master's
memory stays within MEMORY_BYTES of what it was."""
import contextlib
import multiprocessing
import os
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENTS = 100
GOOD_SECONDS = 5  # half of the time Prometheus waits
MEMORY_BYTES = 48 << 20
SERIES = 10000  # a page of half a megabyte
BAD, GOOD = "127.0.0.1", "127.0.0.2"
BEHIND = weakref.WeakKeyDictionary()  # what came of a socket behind its last answer
METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def check(name, good, detail=""):
    print(("ok " if good else "not ok ") + name, detail if not good else "", flush=True)
    if not good:
        sys.exit(1)


# ---- the master


def run(*command, **more):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def make_certificate(folder):
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/server.key", "-out", folder + "/server.pem")  # fmt: skip
    with open(folder + "/web.yml", "w") as file:
        file.write("tls_server_config: {cert_file: server.pem, key_file: server.key}\n")


@contextlib.contextmanager
def master(folder, tls, descriptors=1024):
    more = ["--web-config-file", folder + "/web.yml"] if tls else []
    command = [BUILD + "/muster", "serve", "--metrics", BAD + ":0", "--region", folder + "/r"]
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1"  # what was freed is no memory in use
    process = subprocess.Popen(
        ["prlimit", f"--nofile={descriptors}"] + command + more, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            found = re.search(r"metrics on https?://(.*):(\d+)/metrics", line)
            if found:
                break
            print(line, file=sys.stderr, end="")
        context = ssl.create_default_context(cafile=folder + "/server.pem") if tls else None
        yield Target((found[1], int(found[2])), context), process
        process.terminate()
        rest = process.communicate(timeout=20)[1]
        check("master_ends_cleanly", process.returncode == 0, f"{process.returncode} {rest}")
    finally:
        process.kill()


class Target:
    def __init__(self, address, context):
        self.address, self.context = address, context

    def bare(self, source=BAD, receive_bytes=None, seconds=20):
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(seconds)
        sock.bind((source, 0))
        sock.connect(self.address)
        return sock

    def connect(self, **more):
        sock = self.bare(**more)
        return self.context.wrap_socket(sock, server_hostname=self.address[0]) if self.context else sock


def answer(sock, of_head=False):
    """Head and body of one answer."""
    got = BEHIND.pop(sock, b"")
    while b"\r\n\r\n" not in got:
        chunk = sock.recv(65536)
        if not chunk:
            raise OSError("closed")
        got += chunk
    head, _, body = got.partition(b"\r\n\r\n")
    length = 0 if of_head else int(re.search(rb"Content-Length: (\d+)", head)[1])
    while len(body) < length:
        chunk = sock.recv(1 << 20)
        if not chunk:
            raise OSError("closed")
        body += chunk
    BEHIND[sock] = body[length:]
    return head, body[:length]


# ---- the misbehaving: each does its thing once, or for a while; it is called again until time is up


def silent(target, until):
    sock = target.connect()
    time.sleep(max(0, until - time.monotonic()))
    sock.close()


def silent_before_handshake(target, until):
    sock = target.bare()
    time.sleep(max(0, until - time.monotonic()))
    sock.close()


def half_a_handshake(target, until):
    sock = target.bare()
    sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    silent_end(sock, until)


def silent_end(sock, until):
    time.sleep(max(0, until - time.monotonic()))
    sock.close()


def slow_header(target, until):
    sock = target.connect()
    sock.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
    while time.monotonic() < until:
        sock.sendall(b"a")
        time.sleep(0.1)


def slow_reader(target, until):
    sock = target.connect(receive_bytes=4096)
    sock.sendall(METRICS)
    while time.monotonic() < until and sock.recv(1):
        time.sleep(0.1)


def no_reader(target, until):
    """Pipelined, and no answer is taken."""
    sock = target.connect(receive_bytes=4096)
    sock.settimeout(0.2)
    with contextlib.suppress(OSError):
        sock.sendall(METRICS * 1000)
    silent_end(sock, until)


def pipelined(target, until):
    sock = target.connect()
    sock.sendall(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
    for _ in range(200):
        answer(sock)


def endless_header(target, until):
    sock = target.connect()
    sock.sendall(b"GET /metrics HTTP/1.1\r\n")
    while time.monotonic() < until:
        sock.sendall(b"X-1: 1\r\n" * 100)


def endless_body(target, until):
    sock = target.connect()
    sock.sendall(b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
    while time.monotonic() < until:
        sock.sendall(b"x" * 10000)


def garbage(target, until):
    sock = target.connect()
    while time.monotonic() < until:
        sock.sendall(random.randbytes(1000))


def reset_halfway(target, until):
    sock = target.bare()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if target.context:
        sock = target.context.wrap_socket(sock, server_hostname=target.address[0])
    sock.sendall(METRICS[: random.randrange(1, len(METRICS) + 1)])
    sock.close()


def half_closed(target, until):
    sock = target.bare()
    if target.context:
        sock.sendall(b"\x16\x03")
    else:
        sock.sendall(METRICS[:-2])
    sock.shutdown(socket.SHUT_WR)
    sock.recv(100)


def reconnecting(target, until):
    target.bare().close()


def own_pages(target, until):
    """Each wants a page of its own."""
    sock = target.connect()
    while time.monotonic() < until:
        sock.sendall(b"GET /metrics?name[]=calls_total&name[]=%d HTTP/1.1\r\nHost: x\r\n\r\n" % random.randrange(1 << 30))
        answer(sock)


def greedy(target, until):
    """As fast as it goes."""
    sock = target.connect()
    while time.monotonic() < until:
        sock.sendall(METRICS)
        answer(sock)


KINDS = [silent, slow_header, slow_reader, no_reader, pipelined, endless_header, endless_body, garbage, reset_halfway,
         half_closed, reconnecting, own_pages, greedy]  # fmt: skip
TLS_KINDS = [silent_before_handshake, half_a_handshake]


def misbehave(kind, target, until):
    """100 threads in a process of their own. The processor is left to the master, as by those on other machines."""
    os.nice(10)

    def work():
        while time.monotonic() < until:
            try:
                kind(target, until)
            except OSError:
                time.sleep(0.01)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, until + 1 - time.monotonic()))
    os._exit(0)


# ---- the good


def memory(process):
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def good_scrape(target, source):
    """Its seconds, and the page."""
    start = time.monotonic()
    with target.connect(source=source) as sock:
        sock.sendall(METRICS)
        head, body = answer(sock)
    if not head.startswith(b"HTTP/1.1 200") or body.count(b"calls_total{") != SERIES:
        raise OSError(head)
    return time.monotonic() - start, body


def good_while(name, target, process, kinds, seconds, source):
    """Scrape while they are at it; returns the worst time and the most memory."""
    until = time.monotonic() + seconds
    bad = [multiprocessing.Process(target=misbehave, args=(kind, target, until)) for kind in kinds]
    for one in bad:
        one.start()
    worst, most, scrapes = 0, 0, 0
    try:
        while time.monotonic() < until or scrapes < 2:
            worst = max(worst, good_scrape(target, source)[0])
            most = max(most, memory(process))
            scrapes += 1
            time.sleep(0.02)
    except OSError as error:
        check("good_scrapes_beside_" + name, False, error)
    finally:
        for one in bad:
            one.join(20)
            one.kill()
    check("good_scrapes_beside_" + name, worst < GOOD_SECONDS, f"{worst:.2f} s")
    return worst, most


def face(folder, tls):
    label = "tls_" if tls else ""
    with master(folder, tls) as (target, process):
        for _ in range(3):
            good_scrape(target, GOOD)
        before, worst, most = memory(process), 0, 0
        kinds = KINDS + (TLS_KINDS if tls else [])
        for kind in kinds:
            source = GOOD if kind in (reconnecting, reset_halfway) else BAD
            result = good_while(label + kind.__name__, target, process, [kind], 0.4, source)
            worst, most = max(worst, result[0]), max(most, result[1])
            good_scrape(target, GOOD)  # stands behind what this flood left in the queue, which is not the next one's
        result = good_while(label + "all_of_them", target, process, kinds, 2, GOOD)
        worst, most = max(worst, result[0]), max(most, result[1])
        print(f"# {label or 'plain '}worst good scrape {worst * 1000:.0f} ms; memory {before >> 10} KiB, at most {most >> 10} KiB")
        check(label + "memory_is_bounded", most < before + MEMORY_BYTES, (before, most))


# ---- a client that is odd, and good


VALID = [METRICS, b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /-/ready HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         b"\r\nGET http://x/-/ready?a=b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
         b"GET /-/ready HTTP/1.1\r\n\r\nGET /-/ready HTTP/1.1\r\n\r\n"]  # fmt: skip


def requests_are_whole(sock, send, request):
    """Send a request as `send` does it; its answers are good."""
    send(request)
    for _ in range(request.count(b" HTTP/1.")):
        if not answer(sock, request.startswith(b"HEAD"))[0].startswith(b"HTTP/1.1 200"):
            raise OSError(request)


def split_at_every_byte(folder):
    with master(folder, False) as (target, _):
        sock = target.connect()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in VALID:
            for cut in range(1, len(request)):
                requests_are_whole(sock, lambda text: (sock.sendall(text[:cut]), sock.sendall(text[cut:])), request)
    check("every_request_is_good_split_at_every_byte", True)


class OverMemory:
    """TLS whose bytes on the wire go out one by one."""

    def __init__(self, target):
        self.sock = target.bare()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.come, self.go = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = target.context.wrap_bio(self.come, self.go, server_hostname=target.address[0])
        self.wait(self.tls.do_handshake)

    def flush(self):
        for byte in self.go.read():
            self.sock.sendall(bytes([byte]))

    def wait(self, act):
        while True:
            try:
                result = act()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.come.write(self.sock.recv(65536))

    def sendall(self, text):
        self.wait(lambda: self.tls.write(text))

    def recv(self, count):
        return self.wait(lambda: self.tls.read(count))


def tls_split_at_every_byte(folder):
    with master(folder, True) as (target, _):
        sock = target.connect()
        for request in VALID:
            requests_are_whole(sock, lambda text: [sock.sendall(bytes([byte])) for byte in text], request)
        check("every_request_is_good_in_records_of_a_byte", True)
        sock = OverMemory(target)
        for request in VALID:
            requests_are_whole(sock, sock.sendall, request)
        check("every_request_is_good_in_segments_of_a_byte", True)


def closed_for(target, reason):
    with target.connect() as sock:
        sock.sendall(METRICS)
        found = re.search(rb'muster_http_connections_closed_total{reason="%s"} (\d+)' % reason, answer(sock)[1])
    return int(found[1])


def scrape_timeout(folder):
    """Who says how long it waits is not answered for longer."""
    with master(folder, False) as (target, _):
        sock = target.connect(receive_bytes=2048)
        sock.sendall(METRICS[:-2] + b"X-Prometheus-Scrape-Timeout-Seconds: 0.5\r\n\r\n")
        start = time.monotonic()
        while closed_for(target, b"slow_reader") == 0 and time.monotonic() - start < 20:
            time.sleep(0.1)
        check("scrape_timeout_is_heeded", time.monotonic() - start < 20)
        with contextlib.suppress(OSError):
            answer(sock)
            check("late_answer_is_cut_off", False)


def unsent_bytes(port):
    """Of each connection to the port, in the kernel."""
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in file][1:]
    return [int(row[4].split(":")[0], 16) for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "01"]


def slow_readers_share_the_page(folder):
    """What they do not take is neither in the kernel nor, encrypted, in the master for each of them."""
    for tls in False, True:
        label = "tls_" if tls else ""
        with master(folder, tls) as (target, process):
            for _ in range(3):
                length = len(good_scrape(target, GOOD)[1])
            before = memory(process)
            socks = [target.connect(receive_bytes=4096) for _ in range(200)]
            for sock in socks:
                sock.sendall(METRICS)
            good_scrape(target, GOOD)
            most, cost = max(unsent_bytes(target.address[1])), memory(process) - before
            check(label + "unsent_bytes_are_few", most < 400000 < length, (most, length))
            check(label + "slow_readers_share_the_page", cost < 200 * (160 << 10) < 200 * length / 2, cost)
            for sock in socks:
                sock.close()


def alert_arrives(folder):
    """A client that goes on talking is told nevertheless why it is not let in."""
    with master(folder, True) as (target, _):
        sock = target.bare()
        sock.sendall(b"\x16\x03\x01\x00\x05hello" + b"x" * 60000)
        while closed_for(target, b"tls") == 0:
            time.sleep(0.02)
        check("alert_arrives_though_more_was_said", sock.recv(100)[:1] == b"\x15")


def few_descriptors(folder):
    """More clients than descriptors: there is always one left for the next."""
    with master(folder, False, descriptors=64) as (target, _):
        socks = [target.bare() for _ in range(200)]
        check("scrape_with_few_descriptors", good_scrape(target, GOOD)[0] < GOOD_SECONDS)
        check("the_oldest_give_way", closed_for(target, b"too_many") > 100)
        for sock in socks:
            sock.close()


def one_address_leaves_room_for_others(folder):
    with master(folder, False) as (target, _):
        idle = target.connect(source=GOOD)
        flood = [target.bare() for _ in range(600)]
        idle.sendall(METRICS)
        check("flood_of_one_address_closes_none_of_another", answer(idle)[0].startswith(b"HTTP/1.1 200"))
        for sock in flood:
            sock.close()


def main():
    folder = tempfile.mkdtemp(prefix="muster-test.", dir="/dev/shm")
    try:
        make_certificate(folder)
        os.mkdir(folder + "/r")
        run("gcc", "-O1", "-I" + ROOT + "/include", "-o", folder + "/worker", ROOT + "/tests/e2e/serving_worker.c",
            BUILD + "/libmuster.a", "-lpthread", *(["-fsanitize=address,undefined"] if "asan" in BUILD else []))  # fmt: skip
        run(folder + "/worker", str(SERIES), env={"MUSTER_REGION": folder + "/r"})
        split_at_every_byte(folder)
        tls_split_at_every_byte(folder)
        scrape_timeout(folder)
        slow_readers_share_the_page(folder)
        alert_arrives(folder)
        few_descriptors(folder)
        one_address_leaves_room_for_others(folder)
        for tls in False, True:
            face(folder, tls)
    except OSError as error:
        check("no_connection_is_lost", False, repr(error))
    finally:
        shutil.rmtree(folder)


main()
