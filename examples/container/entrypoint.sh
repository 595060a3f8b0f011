#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Entrypoint of a container: muster is process 1 and what is given is the server. The region is on the container's
# /dev/shm, of which Docker gives 64 MB and Kubernetes half of the memory limit; say `--shm-size` if that is short.
set -eu
exec muster run --region /dev/shm/muster --metrics "${MUSTER_METRICS:-:9464}" --drain "${MUSTER_DRAIN:-5}" -- "$@"
