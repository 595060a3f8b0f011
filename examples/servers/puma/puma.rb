# SPDX-License-Identifier: Apache-2.0
# puma's cluster with the Rack application of ../config.ru:
#   muster run -- puma -C /etc/web/puma.rb /srv/web/config.ru
bind "tcp://127.0.0.1:8080"
environment "production"
workers 2
threads 4, 4
pidfile "/run/web/puma.pid"
# With a file to reopen, HUP reopens it; without one, HUP ends puma.
stdout_redirect "/var/log/web/puma.log", "/var/log/web/puma.log", true
# TERM ends puma with status 0 and not 143.
raise_exception_on_sigterm false
