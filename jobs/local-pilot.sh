#!/bin/bash
# Keeps one pilot of a local site going: a pilot that is killed is followed by the next slice, as
# the next task of an array follows on a cluster. A pilot that leaves by itself (status 0) ends it.
# usage: local-pilot.sh LOG SLICES COMMAND…
set -u
log=$1 slices=$2
shift 2
exec >>"$log" 2>&1 </dev/null
for ((slice = 1; slice <= slices; slice++)); do
  "$@" && exit 0
  echo "slice $slice of $slices ended with status $?"
  sleep 1
done
exit 1
