// SPDX-License-Identifier: Apache-2.0

// client_golang.go - the cases of ../README.md with github.com/prometheus/client_golang.
package main

import (
	"bytes"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

func main() {
	agree()
	registry := prometheus.NewRegistry()
	incCounter := prometheus.NewCounter(prometheus.CounterOpts{Name: "bench_inc_total", Help: "Benchmark."})
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "bench_observe_seconds", Help: "Benchmark.", Buckets: bounds})
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bench_requests_total", Help: "Benchmark."}, []string{"path", "method"})
	registry.MustRegister(requests)
	if arg(1) == "update" {
		registry.MustRegister(incCounter, histogram)
		for s := 0; s < seriesCount; s++ {
			requests.WithLabelValues(paths[s/4], methods[s%4])
		}
	} else {
		for i, n := 0, number(arg(2)); i < n; i++ {
			requests.WithLabelValues(path(i), method(i)).Add(float64(i * step))
		}
	}

	page := func(w io.Writer) {
		families, err := registry.Gather()
		if err != nil {
			panic(err)
		}
		for _, family := range families {
			expfmt.MetricFamilyToText(w, family)
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
				histogram.Observe(values[i%valueCount])
			}
		},
		"lookup": func(n int) {
			for i := 0; i < n; i++ {
				s := order[i%orderCount]
				requests.WithLabelValues(paths[s/4], methods[s%4]).Inc()
			}
		},
		"scrape": func(n int) {
			for i := 0; i < n; i++ {
				buffer.Reset()
				page(&buffer)
			}
		},
	}, page)
}
