#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
# Processes with prometheus-client-mmap's metrics of all types and modes, in the directory prometheus_multiproc_dir.
#
#   import_ruby_writer.rb PROCESSES SEED [lazy]   fork, record, print "ready" and the pids; each then waits to be killed.
#                                                 lazy: the parent has recorded, so that the child's files hold only
#                                                 what the child has touched, in the order in which it did
#   import_ruby_writer.rb compare PAGE            compare muster's page with the library's own, sample by sample
require 'prometheus/client'
require 'prometheus/client/formats/text'

$name = "process_id_#{$$}"
Prometheus::Client.configure do |c|
  c.logger = Logger.new('/dev/null')
  c.pid_provider = -> { $name }
end

def metrics
  r = Prometheus::Client.registry
  {
    calls: r.counter(:calls, 'Calls.', {}), total: r.counter(:runs_total, 'Runs.', {}),
    wait: r.histogram(:wait_seconds, 'Waits.', {}, [0.1, 1, 2.5, 5e6]), size: r.histogram(:size, 'Sizes.', { unit: :b }),
    load: r.summary(:load, 'Loads.', {}),
    gauges: %i[all liveall min max livesum].map { |m| r.gauge(:"g_#{m}_of", 'In a mode.', {}, m) },
    count: r.gauge(:jobs_count, 'A name that ends as a sample of a histogram does.', {}, :max),
    colon: r.gauge(:'ns:jobs', 'A name with a colon.', {}, :livesum)
  }
end

def record(m, dice)
  100.times do
    path = ['/', '/a b', "x\"y\\z\n", 'ü😀', nil, 5, 1.5, true, :sym].sample(random: dice)
    m[:calls].increment({ path: path, code: [200, 500].sample(random: dice) }, [1, 2.5, 0.25].sample(random: dice))
    m[:total].increment
    m[:wait].observe({ path: path }, [0.05, 0.5, 3, 1e7].sample(random: dice))
    m[:size].observe({}, 6 + dice.rand * 12)
    m[:load].observe({ path: path }, dice.rand)
    m[:gauges].each { |g| g.set({ k: 'ab'[dice.rand(2)] }, [-1, 0, dice.rand, 1e300].sample(random: dice)) }
    m[:count].set({}, dice.rand)
    m[:colon].set({}, 2)
  end
end

def processes(count, seed, lazy)
  m = metrics
  record(m, Random.new(seed)) if lazy
  pids = Array.new(count) do |i|
    read, write = IO.pipe
    pid = fork do
      require 'fiddle'
      Fiddle::Function.new(Fiddle.dlopen(nil)['prctl'], [Fiddle::TYPE_INT, Fiddle::TYPE_LONG], Fiddle::TYPE_INT).call(1, 9) # PR_SET_PDEATHSIG
      $name = "worker_id_#{i}-#{seed}"
      Prometheus::Client.reinitialize_on_pid_change unless lazy
      record(m, Random.new(seed + i + 1))
      write.write('x')
      sleep
    end
    read.read(1)
    pid
  end
  puts "ready #{pids.join(' ')}"
  $stdout.flush
  sleep
end

LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/.freeze

# What the library writes twice, because it tells 1 and "1" apart, is added up, as no page may have it.
def samples(page)
  page.lines.map(&:b).reject { |l| l.start_with?('#', 'muster_', 'process_') }.each_with_object(Hash.new(0.0)) do |line, all|
    head, value = line.chomp.match(/\A(.*) (\S+)\z/n).captures
    name = head[/\A[^{]+/n]
    labels = head.scan(LABEL).map { |k, v| [k, k == 'le' && v != '+Inf' ? v.to_f.to_s : v] }.sort
    all[[name, labels]] += value.to_f
  end
end

def compare(file)
  theirs = samples(Prometheus::Client::Formats::Text.marshal_multiprocess)
  ours = samples(File.read(file))
  wrong = (theirs.keys | ours.keys).reject do |k|
    ours.key?(k) && theirs.key?(k) && (ours[k] - theirs[k]).abs <= theirs[k].abs * 1e-12
  end
  wrong.first(10).each { |k| puts "#{k}: muster #{ours.key?(k) ? ours[k] : 'none'}, the library #{theirs.key?(k) ? theirs[k] : 'none'}" }
  puts "#{theirs.size} samples"
  exit(wrong.empty? && !theirs.empty? ? 0 : 1)
end

if ARGV[0] == 'compare'
  compare(ARGV[1])
else
  processes(ARGV[0].to_i, ARGV[1].to_i, ARGV[2] == 'lazy')
end
