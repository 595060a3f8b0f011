// SPDX-License-Identifier: Apache-2.0

// harness.go - what the Go harnesses share: the agreed values and orders, and the command loop of ../README.md.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	valueCount  = 4096
	seriesCount = 4000
	orderCount  = 16384
	step        = 7919
)

var (
	bounds  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	methods = []string{"GET", "POST", "PUT", "DELETE"}
	values  [valueCount]float64
	order   [orderCount]int
	paths   [seriesCount / 4]string
)

func agree() {
	state := uint64(1)
	random := func() int {
		state = state * 16807 % 2147483647
		return int(state)
	}
	for i := range values {
		k := random() % (len(bounds) + 1)
		values[i] = 20
		if k < len(bounds) {
			values[i] = bounds[k] * 0.99
		}
	}
	for i := range order {
		order[i] = random() % seriesCount
	}
	for i := range paths {
		paths[i] = path(i)
	}
}

func path(i int) string { return "/api/v1/resource/" + strconv.Itoa(i) }

func method(i int) string {
	if i&1 == 1 {
		return "GET"
	}
	return "POST"
}

func arg(i int) string {
	if len(os.Args) > i {
		return os.Args[i]
	}
	return ""
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func serve(cases map[string]func(n int), page func(w io.Writer)) {
	out := bufio.NewWriter(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	fmt.Fprintln(out, "ready")
	out.Flush()
	for in.Scan() {
		if in.Text() == "page" {
			page(out)
			fmt.Fprintln(out, ".")
		} else {
			words := strings.Fields(in.Text())
			n := number(words[1])
			start := time.Now()
			cases[words[0]](n)
			fmt.Fprintln(out, time.Since(start).Nanoseconds())
		}
		out.Flush()
	}
}
