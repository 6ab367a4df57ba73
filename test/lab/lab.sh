#!/usr/bin/env bash
# A real Grid Engine cluster on this machine, for tests. Needs Debian 12 and root; changes neither
# the machine's accounts nor its daemons: each host is a set of namespaces, and the packages are
# unpacked into a cache and laid over /usr inside only. This machine plays the laptop: it reaches
# the host `gateway`, and from there `login`; `qmaster`, `gpu1` and `gpu2` have no sshd.
#
#   npm run lab -- up | down | status           `up` also repairs: hosts, cables and daemons
#   npm run lab -- on HOST CMD...               as user ds; LAB_USER=root for another one
#   npm run lab -- crash HOST | start HOST      cable out and power off | power on
#   npm run lab -- net HOST down | up           cable out | cable in
#   npm run lab -- daemons HOST stop | start    Grid Engine's, sshd and Redis of a host
#   npm run lab -- pids HOST                    as this machine numbers them
#   npm run lab -- check                        says why no lab can run here, if so
#   npm run lab -- hold                         for tests: `up` and an empty queue; others that
#                                               hold wait until this standard input ends
#   npm run lab -- release                      `down`, if it was `hold` that brought it up
#
# QSWEEP_LAB=NAME is another lab, with its own folder, namespaces and addresses. In the folder:
# home/ of the users; ssh/config for `ssh -F` (hosts gateway and login, user ds) and the users'
# passwords; modules/NAME.sh, what `module load NAME` reads; redis/, the broker on login.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=/dev/null
for part in settings requirements packages network accounts gridengine services hosts; do
  . "$here/$part.sh"
done

usage() {
  sed -n '7,16s/^# *//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

lab_up() {
  local host
  check_requirements >&2
  prepare_packages
  if [ ! -e "$lab/complete" ]; then
    lab_down
    mkdir -m 755 "$lab"
    mkdir "$lab/hosts" "$lab/log" "$lab/run"
    write_accounts
    write_services
    write_cell
    write_node
  fi
  connect_switch
  for host in "${hosts[@]}"; do start_host "$host"; done
  for host in "${hosts[@]}"; do start_daemons "$host"; done
  await "the queue of gpu1 and gpu2" queue_ready
  touch "$lab/complete"
}

lab_down() {
  local host
  for host in "${hosts[@]}"; do stop_host "$host"; done
  disconnect_switch
  rm -rf --one-file-system "$lab"
}

lab_status() {
  local host state=0
  echo "lab      $lab"
  for host in "${hosts[@]}"; do
    printf '%-8s %s\n' "$host" "$(host_state "$host")"
    host_healthy "$host" || state=1
  done
  [ "$state" = 0 ] || return 1
  run_on gpu1 root qstat -f
}

# Does one thing at a time to a lab: nothing that it starts inherits the lock.
locked() {
  mkdir -p "$cache"
  exec 9>"$cache/$name.lock"
  flock 9
  "$@"
}

hold_lab() {
  local by_tests=
  mkdir -p "$cache"
  exec 8>"$cache/$name.held"
  flock 8
  if [ ! -e "$lab/complete" ] || [ -e "$lab/by-tests" ]; then by_tests=yes; fi
  "${BASH_SOURCE[0]}" up 8>&- >&2
  [ -z "$by_tests" ] || touch "$lab/by-tests"
  clear_queue 8>&-
  echo held
  cat >/dev/null
}

release_lab() {
  [ -e "$lab/by-tests" ] || return 0
  exec 8>"$cache/$name.held"
  ! flock -n 8 || locked lab_down
}

[ $# -gt 0 ] || usage
command=$1
shift
case "$command" in
  up)
    locked lab_up
    rm -f "$lab/by-tests"
    ;;
  down) locked lab_down ;;
  status) lab_status ;;
  check) check_requirements ;;
  hold) hold_lab ;;
  release) release_lab ;;
  on)
    [ $# -gt 1 ] && known_host "$1" || usage
    host=$1
    shift
    exec_on "$host" "${LAB_USER:-ds}" "$@"
    ;;
  pids | crash | start)
    [ $# = 1 ] && known_host "$1" || usage
    case "$command" in
      pids) pids_of "$1" ;;
      crash) locked stop_host "$1" ;;
      start) locked power_on "$1" ;;
    esac
    ;;
  net | daemons)
    [ $# = 2 ] && known_host "$1" || usage
    case "$command $2" in
      "net down") locked unplug "$1" ;;
      "net up") locked plug "$1" ;;
      "daemons stop") locked stop_daemons "$1" ;;
      "daemons start") locked start_daemons "$1" ;;
      *) usage ;;
    esac
    ;;
  *) usage ;;
esac
