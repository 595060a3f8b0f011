// SPDX-License-Identifier: Apache-2.0

//! main.rs - the cases of ../../README.md with the `prometheus` crate: its integer counters, the fast ones.

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};
use std::io::{BufRead, Write};
use std::time::Instant;

const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const VALUES: usize = 4096;
const SERIES: usize = 4000;
const ORDER: usize = 16384;
const STEP: u64 = 7919;

fn random(state: &mut u64) -> usize {
    *state = *state * 16807 % 2147483647;
    *state as usize
}

struct Bench {
    registry: Registry,
    inc: IntCounter,
    histogram: Histogram,
    requests: IntCounterVec,
    values: Vec<f64>,
    order: Vec<usize>,
    paths: Vec<String>,
}

impl Bench {
    fn new(mode: &str, count: usize) -> Bench {
        let mut state = 1;
        let value = |k: usize| if k < BOUNDS.len() { BOUNDS[k] * 0.99 } else { 20.0 };
        let bench = Bench {
            registry: Registry::new(),
            inc: IntCounter::new("bench_inc_total", "Benchmark.").unwrap(),
            histogram: Histogram::with_opts(
                HistogramOpts::new("bench_observe_seconds", "Benchmark.").buckets(BOUNDS.to_vec()),
            )
            .unwrap(),
            requests: IntCounterVec::new(Opts::new("bench_requests_total", "Benchmark."), &["path", "method"]).unwrap(),
            values: (0..VALUES).map(|_| value(random(&mut state) % (BOUNDS.len() + 1))).collect(),
            order: (0..ORDER).map(|_| random(&mut state) % SERIES).collect(),
            paths: (0..SERIES / 4).map(|i| format!("/api/v1/resource/{}", i)).collect(),
        };
        bench.registry.register(Box::new(bench.requests.clone())).unwrap();
        if mode == "update" {
            bench.registry.register(Box::new(bench.inc.clone())).unwrap();
            bench.registry.register(Box::new(bench.histogram.clone())).unwrap();
            for s in 0..SERIES {
                bench.requests.with_label_values(&[&bench.paths[s / 4], METHODS[s % 4]]);
            }
        }
        for i in 0..count {
            let method = if i & 1 == 1 { "GET" } else { "POST" };
            bench.requests.with_label_values(&[&format!("/api/v1/resource/{}", i), method]).inc_by(i as u64 * STEP);
        }
        bench
    }

    fn run(&self, case: &str, n: usize) {
        match case {
            "inc" => {
                for _ in 0..n {
                    self.inc.inc();
                }
            }
            "observe" => {
                for i in 0..n {
                    self.histogram.observe(self.values[i % VALUES]);
                }
            }
            "lookup" => {
                for i in 0..n {
                    let s = self.order[i % ORDER];
                    self.requests.with_label_values(&[&self.paths[s / 4], METHODS[s % 4]]).inc();
                }
            }
            _ => {
                let mut buffer = Vec::new();
                for _ in 0..n {
                    buffer.clear();
                    self.page(&mut buffer);
                }
            }
        }
    }

    fn page(&self, out: &mut Vec<u8>) {
        TextEncoder::new().encode(&self.registry.gather(), out).unwrap();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let count = args.get(2).map_or(0, |s| s.parse().unwrap());
    let bench = Bench::new(&args[1], count);
    let mut out = std::io::stdout();
    writeln!(out, "ready").unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        if line == "page" {
            let mut buffer = Vec::new();
            bench.page(&mut buffer);
            out.write_all(&buffer).unwrap();
            writeln!(out, ".").unwrap();
        } else {
            let (case, n) = line.split_once(' ').unwrap();
            let n = n.parse().unwrap();
            let start = Instant::now();
            bench.run(case, n);
            writeln!(out, "{}", start.elapsed().as_nanos()).unwrap();
        }
        out.flush().unwrap();
    }
}
