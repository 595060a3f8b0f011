# SPDX-License-Identifier: Apache-2.0
"""A WSGI application whose requests are recorded by the extension beside it."""
import time

import muster_requests


def app(environ, start_response):
    begin = time.perf_counter()
    status = 404 if environ["PATH_INFO"] == "/missing" else 200
    start_response(f"{status} -", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    muster_requests.record(status, time.perf_counter() - begin)
    return [b"hello"]
