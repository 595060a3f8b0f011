# SPDX-License-Identifier: Apache-2.0
# A Rack application, for unicorn and puma.
run ->(env) { [200, { "Content-Type" => "text/plain" }, ["hello\n"]] }
