# SPDX-License-Identifier: Apache-2.0
# unicorn with the Rack application of ../config.ru:
#   muster run -- unicorn -c /etc/web/unicorn.conf.rb /srv/web/config.ru
listen "127.0.0.1:8080"
worker_processes 2
pid "/run/web/unicorn.pid"
stderr_path "/var/log/web/unicorn.log"
timeout 30
