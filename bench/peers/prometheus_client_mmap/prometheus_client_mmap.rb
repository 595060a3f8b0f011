# SPDX-License-Identifier: Apache-2.0
# The cases of ../README.md with prometheus-client-mmap, whose values are in mapped files in every mode.
require 'fileutils'
require 'tmpdir'
ENV['prometheus_multiproc_dir'] = Dir.mktmpdir('prometheus-client-mmap-', '/dev/shm')
require 'prometheus/client'
require 'prometheus/client/formats/text'

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10].freeze
METHODS = %w[GET POST PUT DELETE].freeze
SEED = { state: 1 }

def random
  SEED[:state] = SEED[:state] * 16_807 % 2_147_483_647
end

def value(bucket)
  bucket < BOUNDS.size ? BOUNDS[bucket] * 0.99 : 20.0
end

VALUES = Array.new(4096) { value(random % (BOUNDS.size + 1)) }.freeze
ORDER = Array.new(16_384) { random % 4000 }.freeze
PATHS = Array.new(1000) { |i| "/api/v1/resource/#{i}" }.freeze

client = Prometheus::Client.registry
INC = client.counter(:bench_inc_total, 'Benchmark.')
OBSERVE = client.histogram(:bench_observe_seconds, 'Benchmark.', {}, BOUNDS)
REQUESTS = client.counter(:bench_requests_total, 'Benchmark.')
SECONDS = client.histogram(:bench_seconds, 'Benchmark.', {}, BOUNDS)

def record(counters, histograms)
  counters.times { |i| REQUESTS.increment({ path: "/api/v1/resource/#{i}", method: i.odd? ? 'GET' : 'POST' }, i * 7919) }
  histograms.times do |i|
    (0..BOUNDS.size).each { |k| SECONDS.observe({ path: "/api/v1/resource/#{i}", method: 'GET' }, value(k)) }
  end
end

def worker_start(counters)
  read_end, write_end = IO.pipe
  pid = fork do
    Prometheus::Client.reinitialize_on_pid_change
    record(counters, counters / 10)
    write_end.write('.')
    sleep
  end
  read_end.read(1)
  pid
end

def page
  Prometheus::Client::Formats::Text.marshal_multiprocess
end

def run(name, count)
  case name
  when 'inc' then count.times { INC.increment }
  when 'observe' then count.times { |i| OBSERVE.observe({}, VALUES[i % 4096]) }
  when 'lookup'
    count.times do |i|
      s = ORDER[i % 16_384]
      REQUESTS.increment({ path: PATHS[s / 4], method: METHODS[s % 4] })
    end
  else count.times { page }
  end
end

mode = ARGV[0]
first = ARGV[1].to_i
second = ARGV[2].to_i
workers = []
case mode
when 'update' then 4000.times { |s| REQUESTS.increment({ path: PATHS[s / 4], method: METHODS[s % 4] }, 0) }
when 'scrape' then record(first, 0)
else workers = Array.new(first) { worker_start(second) }
end
$stdout.sync = true
puts 'ready'
while (line = $stdin.gets)
  if line == "page\n"
    puts page, '.'
  else
    name, count = line.split
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
    run(name, count.to_i)
    puts Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start
  end
end
workers.each do |pid|
  Process.kill(:KILL, pid)
  Process.wait(pid)
end
FileUtils.rm_rf(ENV.fetch('prometheus_multiproc_dir'))
