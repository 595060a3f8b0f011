# SPDX-License-Identifier: Apache-2.0
"""The samples of a page in JSON, by name and labels, as text has them."""


def samples_of_json(page):
    out = {}
    for family in page:
        for metric in family["metrics"]:
            def put(suffix, value, **more):
                out[family["name"] + suffix, tuple(sorted({**metric["labels"], **more}.items()))] = float(value)
            if "value" in metric:
                put("", metric["value"])
            else:
                put("_sum", metric["sum"])
                put("_count", metric["count"])
                for quantile, value in metric.get("quantiles", {}).items():
                    put("", value, quantile=quantile)
                for bound, count in metric.get("buckets", {}).items():
                    put("_bucket", count, le=bound)
    return out
