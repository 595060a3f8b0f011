# SPDX-License-Identifier: Apache-2.0
"""Judge a page: host_page.py WORKERS SERIES <page. Each worker ran host_worker SERIES: three threads, each series once.

A series that is there is exact, and what is not there was counted as dropped.
"""
import sys
from prometheus_client.parser import text_string_to_metric_families

workers, series = int(sys.argv[1]), int(sys.argv[2])
families = {f.name: f for f in text_string_to_metric_families(sys.stdin.read())}


def samples(of, name):
    return [s for s in families[of].samples if s.name == name] if of in families else []


def total(of, name, **labels):
    return sum(s.value for s in samples(of, name) if all(s.labels.get(k) == v for k, v in labels.items()))


failed = total("muster_attach_failures", "muster_attach_failures_total")
attached = workers - failed
for name, lookups in (("calls", series), ("waits", (series + 7) // 8)):
    sample = "calls_total" if name == "calls" else "waits_count"
    there = samples(name, sample)
    dropped = total("muster_dropped_series", "muster_dropped_series_total", family=sample.replace("_count", ""))
    lost = total("muster_dropped_families", "muster_dropped_families_total", reason="slab_full")
    assert all(s.value % 3 == 0 or dropped for s in there), f"{name}: not a whole number of workers"
    if lost == 0:
        have = sum(s.value for s in there)
        assert have + dropped == 3 * lookups * attached, f"{name}: {have} + {dropped} of {3 * lookups * attached}"
for s in samples("waits", "waits_sum"):
    n = [c.value for c in samples("waits", "waits_count") if c.labels == s.labels][0]
    assert s.value == 0.25 * n, f"waits_sum{s.labels}: {s.value} of {n}"
print(f"attached {attached:g} of {workers}, {len(samples('calls', 'calls_total'))} series")
