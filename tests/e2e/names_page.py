#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pages of one region by every escaping scheme say the same as its JSON, which has names as they are.

    names_page.py JSON SCHEME TEXT OPENMETRICS [SCHEME TEXT OPENMETRICS...]

Pages of the old alphabet are read by prometheus_client's parsers; names of `values` are turned back. Those with quoted names are
read by the grammar in Prometheus' proposal on UTF-8, in this file. Prints "ok NAME" or "not ok NAME: why"."""
import json
import re
import sys

from exposition_json import samples_of_json
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

SUFFIXES = ("_bucket", "_sum", "_count", "_created", "")


def unquoted(s):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], s)


QUOTED = r'"((?:[^"\\\n]|\\["\\n])*)"'
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
ITEM = re.compile(rf"(?:{QUOTED}|([a-zA-Z_][a-zA-Z0-9_]*))(?:={QUOTED})?")


def sample_of_utf8(line):
    """Name, labels and value of a line."""
    name = re.match(NAME, line)
    at = name.end() if name else 0
    name = name[0] if name else None
    labels = {}
    if line[at] == "{":
        at += 1
        while line[at] != "}":
            item = ITEM.match(line, at)
            assert item, f"at {at} in {line}"
            key = unquoted(item[1]) if item[1] is not None else item[2]
            if item[3] is None:
                assert name is None and not labels and item[1] is not None, f"two names in {line}"
                name = key
            else:
                assert key not in labels, f"{key} comes twice in {line}"
                labels[key] = unquoted(item[3])
            at = item.end()
            assert line[at] in ",}", f"at {at} in {line}"
            at += line[at] == ","
        at += 1
    assert line[at] == " ", f"at {at} in {line}"
    return name, labels, float(line[at + 1 :])


def samples_of_utf8(page):
    described = set()
    for line in page.split("\n"):
        if line.startswith("# TYPE "):
            head = re.fullmatch(rf"# TYPE (?:{QUOTED}|({NAME})) [a-z]+", line)
            assert head, line
            described.add(unquoted(head[1]) if head[1] is not None else head[2])
        elif line and not line.startswith("#"):
            name, labels, value = sample_of_utf8(line)
            assert any(name.removesuffix(s) in described for s in SUFFIXES + ("_total", "_info")), f"{name}: no TYPE"
            yield name, labels, value


def samples_of_old(families):
    for family in families:
        for s in family.samples:
            yield s.name, s.labels, float(s.value)


def as_it_was(name):
    """A name turned back from the scheme `values`; suffixes of samples stand behind."""
    if not name.startswith("U__"):
        return name
    for suffix in ("_bucket", "_sum", "_count", "_created", ""):
        if name.endswith(suffix) and re.fullmatch(r"(?:[a-zA-Z0-9:]|__|_[0-9a-f]+_)*", name[3 : len(name) - len(suffix)]):
            break
    body = name[3 : len(name) - len(suffix)]
    return re.sub(r"__|_([0-9a-f]+)_", lambda m: chr(int(m[1], 16)) if m[1] else "_", body) + suffix


def collected(samples, back=lambda name: name):
    out = {}
    for name, labels, value in samples:
        if name.endswith("_created"):
            continue
        key = back(name), tuple(sorted((back(k), v) for k, v in labels.items()))
        assert key not in out, f"{key} comes twice"
        out[key] = value
    return out


def told(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}: {why}")
    return good


def difference(a, b):
    return sorted(a.items() ^ b.items(), key=repr)[:3]


def main():
    json_path, pages = sys.argv[1], sys.argv[2:]
    true = samples_of_json(json.load(open(json_path, encoding="utf-8")))
    good = told("json_has_all", len(true) > 25, len(true))
    for scheme, text_path, openmetrics_path in zip(pages[::3], pages[1::3], pages[2::3]):
        plain, om = (open(path, encoding="utf-8", newline="\n").read() for path in (text_path, openmetrics_path))
        assert om.endswith("# EOF\n")
        if scheme == "allow-utf-8":
            got = [collected(samples_of_utf8(plain)), collected(samples_of_utf8(om))]
        else:
            back = as_it_was if scheme == "values" else lambda name: name
            got = [collected(samples_of_old(parse(page)), back) for parse, page in ((text, plain), (openmetrics, om))]
        good &= told(f"{scheme}_openmetrics_says_what_text_says", got[0] == got[1], difference(*got))
        if scheme in ("allow-utf-8", "values"):
            good &= told(f"{scheme}_says_what_json_says", got[0] == true, difference(got[0], true))
        else:
            values = [sorted(x.values()) for x in (got[0], true)]
            good &= told(f"{scheme}_loses_nothing", values[0] == values[1], values)
    sys.exit(0 if good else 1)


main()
