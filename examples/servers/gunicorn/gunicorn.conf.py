# SPDX-License-Identifier: Apache-2.0
# gunicorn with the Flask application of ../app.py:
#   muster run -- gunicorn -c /etc/web/gunicorn.conf.py app:app
bind = "127.0.0.1:8080"
workers = 4
pidfile = "/run/web/gunicorn.pid"
accesslog = "/var/log/web/access.log"
max_requests = 10000
max_requests_jitter = 1000
worker_tmp_dir = "/dev/shm"  # gunicorn's heartbeat blocks on a slow disk
