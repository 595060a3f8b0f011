# SPDX-License-Identifier: Apache-2.0
# Processes that write files in the format of client_ruby's DirectFileStore, which Debian does not have: this is a writer of
# its own, by the format's description. What each has recorded is added up here, and printed as the page should have it.
#
#   import_direct_writer.rb DIR PROCESSES EXPECTED   fork, record, write the expected page to EXPECTED, print "ready" and
#                                                    the pids; each then waits to be killed
require 'cgi'
require 'json'

BOUNDS = [0.1, 1, 2.5].freeze

# One metric of one process: used bytes, then per label set a length, the padded query, value and monotonic time.
class Store
  def initialize(dir, metric)
    @file = File.open(File.join(dir, "metric_#{metric}___#{$$}.bin"), 'w+b')
    @file.truncate(1 << 20)
    @used = 8
    @at = {}
    @values = Hash.new(0.0)
  end

  def put(labels, value)
    key = labels.sort.map { |k, v| "#{k}=#{CGI.escape(v.to_s)}" }.join('&')
    @values[key] = value
    append(key) unless @at.key?(key)
    @file.pwrite([value, Process.clock_gettime(Process::CLOCK_MONOTONIC)].pack('dd'), @at[key])
  end

  def add(labels, value)
    put(labels, @values[labels.sort.map { |k, v| "#{k}=#{CGI.escape(v.to_s)}" }.join('&')] + value)
  end

  private

  def append(key)
    padded = key + ' ' * (8 - (key.length + 4) % 8)
    @file.pwrite([padded.length, padded, 0.0, 0.0].pack("lA#{padded.length}dd"), @used)
    @used += 4 + padded.length + 16
    @file.pwrite([@used].pack('l'), 0)
    @at[key] = @used - 16
  end
end

# Returns what was recorded: [sample, how it is aggregated, value].
def record(dir, dice)
  stores = %w[calls_total wait_seconds load g_sum g_max g_all].to_h { |m| [m, Store.new(dir, m)] }
  done = []
  300.times do
    path = %w[/ /a&b=ü].sample(random: dice)
    stores['calls_total'].add({ path: path }, 1.0)
    done << ["calls_total{path=\"#{path}\"}", 'sum', 1.0]
    seconds = [0.05, 0.5, 2, 7].sample(random: dice)
    le = BOUNDS.find { |b| b >= seconds } || '+Inf'
    stores['wait_seconds'].add({ path: path, le: le }, 1.0)
    stores['wait_seconds'].add({ path: path, le: 'sum' }, seconds)
    (BOUNDS + ['+Inf']).each do |b|
      done << ["wait_seconds_bucket{path=\"#{path}\",le=\"#{b == '+Inf' ? b : b.to_f}\"}", 'sum', b == '+Inf' || seconds <= b ? 1.0 : 0.0]
    end
    done << ["wait_seconds_count{path=\"#{path}\"}", 'sum', 1.0] << ["wait_seconds_sum{path=\"#{path}\"}", 'sum', seconds]
    stores['load'].add({ quantile: 'count' }, 1.0)
    stores['load'].add({ quantile: 'sum' }, seconds)
    done << ['load_count', 'sum', 1.0] << ['load_sum', 'sum', seconds]
  end
  stores['g_sum'].put({}, 2.5)
  stores['g_max'].put({}, (high = dice.rand))
  stores['g_all'].put({ pid: $$ }, high)
  done << ['g_sum', 'sum', 2.5] << ['g_max', 'max', high] << ["g_all{pid=\"#{$$}\"}", 'sum', high]
end

dir, count, expected = ARGV
all = {}
pids = Array.new(count.to_i) do |i|
  read, write = IO.pipe
  pid = fork do
    write.puts(JSON.generate(record(dir, Random.new(i))))
    write.close
    sleep
  end
  write.close
  JSON.parse(read.read).each do |sample, how, value|
    all[sample] = all.key?(sample) ? (how == 'max' ? [all[sample], value].max : all[sample] + value) : value
  end
  pid
end
File.write(expected, all.sort.map { |sample, value| "#{sample} #{value.round(9)}\n" }.join)
puts "ready #{pids.join(' ')}"
$stdout.flush
sleep
