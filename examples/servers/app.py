# SPDX-License-Identifier: Apache-2.0
"""A Flask application as people write it: prometheus_client, and no word of muster."""
from flask import Flask
from prometheus_client import Counter, Gauge, Histogram

app = Flask(__name__)
HELLOS = Counter("hellos", "Hellos said.", ["name"])
TOOK = Histogram("hello_seconds", "How long a hello took.")
BUSY = Gauge("hellos_in_progress", "Hellos being said.", multiprocess_mode="livesum")


@app.route("/hello/<name>")
@BUSY.track_inprogress()
@TOOK.time()
def hello(name):
    HELLOS.labels(name).inc()
    return "Hello " + name
