# SPDX-License-Identifier: Apache-2.0
# A Rack application with prometheus-client-mmap, for unicorn and puma.
require "prometheus/client"

HELLOS = Prometheus::Client.registry.counter(:hellos_total, "Hellos said.")

run lambda { |env|
  name = env["PATH_INFO"].delete_prefix("/hello/")
  HELLOS.increment({ name: name })
  [200, { "Content-Type" => "text/plain" }, ["Hello #{name}\n"]]
}
