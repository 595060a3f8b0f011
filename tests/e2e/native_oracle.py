# SPDX-License-Identifier: Apache-2.0
"""What Prometheus says of the native histograms of native_worker.c, beside the list of values it observed.

    native_oracle.py API all VALUES...     the buckets, counts, sums and quantiles
    native_oracle.py API never_fell        no sample of a count is below the one before
"""
import bisect
import json
import math
import sys
import urllib.parse
import urllib.request

api, what, files = sys.argv[1], sys.argv[2], sys.argv[3:]


def ask(query, **more):
    page = "query_range" if more else "query"
    url = "http://%s/api/v1/%s?%s" % (api, page, urllib.parse.urlencode({"query": query, **more}))
    with urllib.request.urlopen(url, timeout=10) as answer:
        result = json.load(answer)["data"]["result"]
    assert len(result) == 1, (query, result)
    return result[0]


def number(query):
    return float(ask(query)["value"][1])


def buckets_hold(name, values):
    """Each value is in the bucket whose bounds, as Prometheus has them, are around it."""
    histogram = ask(name)["histogram"][1]
    ordered, left = sorted(values), len(values)
    for rule, low, high, count in histogram["buckets"]:
        low, high = float(low), float(high)
        find = bisect.bisect_right if rule == 0 else bisect.bisect_left
        inside = find(ordered, high) - find(ordered, low)
        assert inside == float(count), (name, rule, low, high, count, inside)
        left -= inside
    assert left == 0, (name, left)
    assert float(histogram["count"]) == len(values), (name, histogram["count"])
    widest = max(float(high) / float(low) for rule, low, high, _ in histogram["buckets"] if rule == 0)
    assert 1 < widest < 4, widest
    return widest


def numbers_agree(name, values):
    assert number("histogram_count(%s)" % name) == len(values)
    total = math.fsum(values)
    assert math.isclose(number("histogram_sum(%s)" % name), total, rel_tol=1e-12), (name, total)


def odd_is_whole():
    histogram = ask("odd")["histogram"][1]
    assert float(histogram["count"]) == 6 and histogram["sum"] == "NaN", histogram
    counts = [float(count) for *_, count in histogram["buckets"]]
    assert counts == [1, 1, 1, 2], histogram  # -Inf, 0, 1, +Inf; NaN is in none
    assert histogram["buckets"][0][1] == "-Inf" and histogram["buckets"][3][2] == "+Inf", histogram


def quantiles_agree(name, values, widest):
    ordered = sorted(values)
    for q in (0.01, 0.25, 0.5, 0.9, 0.99):
        exact = ordered[min(int(q * len(ordered)), len(ordered) - 1)]
        told = number("histogram_quantile(%g, %s)" % (q, name))
        assert exact / widest <= told <= exact * widest, (name, q, exact, told)


def main():
    if what == "never_fell":
        with urllib.request.urlopen("http://%s/api/v1/query?query=time()" % api, timeout=10) as answer:
            now = float(json.load(answer)["data"]["result"][0])
        for name in ("wait_seconds", "balance"):
            samples = [float(v) for _, v in ask("histogram_count(%s)" % name, start=now - 120, end=now, step=1)["values"]]
            assert samples == sorted(samples) and samples, samples
        return
    rows = [line.split() for file in files for line in open(file)]
    waits = [float(x) for x, _ in rows]
    widest = buckets_hold("wait_seconds", waits)
    numbers_agree("wait_seconds", waits)
    quantiles_agree("wait_seconds", waits, widest)
    balances = [float(x) * float(sign) for x, sign in rows]
    buckets_hold("balance", balances)
    numbers_agree("balance", balances)
    odd_is_whole()


main()
