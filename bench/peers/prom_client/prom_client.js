// SPDX-License-Identifier: Apache-2.0
// The cases of ../README.md with prom-client; "workers" is its aggregator over node's cluster.
'use strict';
const cluster = require('cluster');
const readline = require('readline');
const client = require('prom-client');

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
const [mode, first, second] = [process.argv[2], Number(process.argv[3] || 0), Number(process.argv[4] || 0)];
let state = 1;
const random = () => (state = (state * 16807) % 2147483647);
const value = (k) => (k < BOUNDS.length ? BOUNDS[k] * 0.99 : 20);
const path = (i) => `/api/v1/resource/${i}`;
const VALUES = Array.from({ length: 4096 }, () => value(random() % (BOUNDS.length + 1)));
const ORDER = Array.from({ length: 16384 }, () => random() % 4000);
const PATHS = Array.from({ length: 1000 }, (_, i) => path(i));

const labelNames = ['path', 'method'];
const requests = new client.Counter({ name: 'bench_requests_total', help: 'Benchmark.', labelNames });

function record(counters, histograms) {
	for (let i = 0; i < counters; i++) requests.labels(path(i), i & 1 ? 'GET' : 'POST').inc(i * 7919);
	if (histograms === 0) return;
	const seconds = new client.Histogram({ name: 'bench_seconds', help: 'Benchmark.', labelNames, buckets: BOUNDS });
	for (let i = 0; i < histograms; i++)
		for (let k = 0; k <= BOUNDS.length; k++) seconds.labels(path(i), 'GET').observe(value(k));
}

let inc, observe, aggregator;

const page = () => (mode === 'workers' ? aggregator.clusterMetrics() : client.register.metrics());

async function run(name, n) {
	if (name === 'inc') for (let i = 0; i < n; i++) inc.inc();
	else if (name === 'observe') for (let i = 0; i < n; i++) observe.observe(VALUES[i % 4096]);
	else if (name === 'lookup')
		for (let i = 0; i < n; i++) {
			const s = ORDER[i % 16384];
			requests.labels(PATHS[s >> 2], METHODS[s % 4]).inc();
		}
	else for (let i = 0; i < n; i++) await page();
}

async function serve() {
	console.log('ready');
	for await (const line of readline.createInterface({ input: process.stdin })) {
		if (line === 'page') {
			process.stdout.write((await page()) + '\n.\n');
			continue;
		}
		const [name, n] = line.split(' ');
		const start = process.hrtime.bigint();
		await run(name, Number(n));
		console.log(String(process.hrtime.bigint() - start));
	}
	process.exit(0);
}

async function workers() {
	aggregator = new client.AggregatorRegistry();
	for (let i = 0; i < first; i++) {
		const worker = cluster.fork();
		await new Promise((resolve) => worker.once('message', resolve));
	}
	await serve();
}

if (mode === 'workers' && !cluster.isPrimary) {
	new client.AggregatorRegistry(); // answers the primary's requests
	record(second, second / 10);
	process.send('ready');
} else if (mode === 'workers') {
	workers();
} else {
	if (mode === 'update') {
		inc = new client.Counter({ name: 'bench_inc_total', help: 'Benchmark.' });
		observe = new client.Histogram({ name: 'bench_observe_seconds', help: 'Benchmark.', buckets: BOUNDS });
		for (let s = 0; s < 4000; s++) requests.labels(PATHS[s >> 2], METHODS[s % 4]).inc(0);
	} else record(first, 0);
	serve();
}
