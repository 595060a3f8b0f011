// SPDX-License-Identifier: Apache-2.0

// victoriametrics.go - the cases of ../README.md with github.com/VictoriaMetrics/metrics.
//
// It has no labels of its own: a series is looked up by its whole name. The names are made before the timing, which
// favours it. Its histograms have log-linear buckets ("vmrange"), so only their count and sum are compared.
package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/VictoriaMetrics/metrics"
)

func name(path, method string) string {
	return fmt.Sprintf("bench_requests_total{path=%q,method=%q}", path, method)
}

func main() {
	agree()
	set := metrics.NewSet()
	var incCounter *metrics.Counter
	var histogram *metrics.Histogram
	var names [seriesCount]string
	if arg(1) == "update" {
		incCounter = set.NewCounter("bench_inc_total")
		histogram = set.NewHistogram("bench_observe_seconds")
		for s := range names {
			names[s] = name(paths[s/4], methods[s%4])
			set.GetOrCreateCounter(names[s])
		}
	} else {
		for i, n := 0, number(arg(2)); i < n; i++ {
			set.GetOrCreateCounter(name(path(i), method(i))).Set(uint64(i * step))
		}
	}

	var buffer bytes.Buffer
	serve(map[string]func(n int){
		"inc": func(n int) {
			for i := 0; i < n; i++ {
				incCounter.Inc()
			}
		},
		"observe": func(n int) {
			for i := 0; i < n; i++ {
				histogram.Update(values[i%valueCount])
			}
		},
		"lookup": func(n int) {
			for i := 0; i < n; i++ {
				set.GetOrCreateCounter(names[order[i%orderCount]]).Inc()
			}
		},
		"scrape": func(n int) {
			for i := 0; i < n; i++ {
				buffer.Reset()
				set.WritePrometheus(&buffer)
			}
		},
	}, func(w io.Writer) { set.WritePrometheus(w) })
}
