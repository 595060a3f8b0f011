#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pages of one region in all formats, read by other people's parsers, say the same.

    exposition_page.py TEXT OPENMETRICS JSON

Prints "ok NAME" or "not ok NAME: why"."""
import json
import sys

from exposition_json import samples_of_json
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text


def samples_of(families):
    out = {}
    for family in families:
        for s in family.samples:
            key = s.name, tuple(sorted(s.labels.items()))
            assert key not in out, f"{key} comes twice"
            out[key] = float(s.value)
    return out


def without_created(samples):
    return {k: v for k, v in samples.items() if not k[0].endswith("_created")}


def same(name, a, b):
    # That of OpenMetrics reads -0 as the integer 0.
    wrong = [k for k in a.keys() | b.keys() if a.get(k) != b.get(k) and repr(a.get(k)) != repr(b.get(k))]
    print(f"not ok {name}: {wrong[0]}: {a.get(wrong[0])} and {b.get(wrong[0])}" if wrong else f"ok {name}")
    return not wrong


def main():
    pages = [open(path, encoding="utf-8").read() for path in sys.argv[1:]]
    plain = samples_of(text(pages[0]))
    families = list(openmetrics(pages[1]))
    types = {f.name: f.type for f in families}
    created = [s for f in families for s in f.samples if s.name.endswith("_created")]
    good = same("openmetrics_says_what_text_says", without_created(samples_of(families)), plain)
    good &= same("json_says_what_text_says", samples_of_json(json.loads(pages[2], parse_int=float)), plain)
    good &= same("openmetrics_types", {k: types.get(k) for k in ("app", "phase", "calls", "wait_seconds", "size_bytes")},
                 {"app": "info", "phase": "stateset", "calls": "counter", "wait_seconds": "histogram",
                  "size_bytes": "summary"})
    good &= same("openmetrics_units", {f.name: f.unit for f in families if f.unit}, {"wait_seconds": "seconds"})
    good &= same("created_is_the_time_of_creation", {True: all(1.7e9 < s.value < 1e11 for s in created)}, {True: True})
    sys.exit(0 if good and created else 1)


main()
