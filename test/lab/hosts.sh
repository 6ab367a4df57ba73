# A host: a network namespace that outlives its processes, and a process 1 that holds the others.
# shellcheck shell=bash

# init_of HOST: the process 1 as this machine numbers it; fails where the host is off.
init_of() {
  local pid
  [ -s "$lab/run/$1.pid" ] || return 1
  pid=$(<"$lab/run/$1.pid")
  [ "/proc/$pid/ns/net" -ef "/run/netns/$prefix$1" ] && echo "$pid"
}

host_on() {
  init_of "$1" >/dev/null
}

pids_of() {
  ! has_namespace "$prefix$1" || ip netns pids "$prefix$1"
}

host_gone() {
  [ -z "$(pids_of "$1")" ]
}

start_host() {
  local host=$1
  if host_on "$host"; then
    plug "$host"
    return
  fi
  stop_host "$host"
  end_connections "$host"
  connect_host "$host"
  mkdir -p "$lab/hosts/$host/tmp"
  # The checkout is the laptop's, and hidden from the cluster.
  setsid env -i PATH=/usr/sbin:/usr/bin nsenter --net="/run/netns/$prefix$host" \
    unshare --mount --uts --ipc --pid --fork \
    bash "$here/host-init.sh" "$host" "$lab" "$package_root" "${here%/test/lab}" \
    <&- >"$lab/log/$host.log" 2>&1 9>&- &
  await "host $host" host_on "$host"
}

# First the cable: nobody is told that its processes end, as when power fails.
stop_host() {
  local pid
  cut_cables "$1"
  for pid in $(pids_of "$1"); do kill -KILL "$pid" 2>/dev/null || true; done
  await "the end of $1" host_gone "$1"
  rm -rf --one-file-system "${lab:?}/run/$1.pid" "$lab/hosts/$1"
  ! has_namespace "$prefix$1" || ip netns del "$prefix$1"
}

power_on() {
  start_host "$1"
  start_daemons "$1"
}

# exec_on HOST USER COMMAND...: becomes the command there, in the user's home.
exec_on() {
  local host=$1 user=$2 home=/root pid
  shift 2
  [ "$user" = root ] || home=$lab/home/$user
  pid=$(init_of "$host") || {
    echo "the lab's host $host is off" >&2
    exit 1
  }
  exec nsenter --target "$pid" --mount --uts --ipc --net --pid \
    setpriv --reuid="$user" --regid="$user" --init-groups \
    env -i -C "$home" HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin LANG=C.UTF-8 "$@"
}

run_on() {
  (exec_on "$@") 9>&-
}

host_state() {
  if ! host_on "$1"; then
    echo off
  elif ! daemons_ready "$1"; then
    echo "on, daemons stopped"
  else
    echo "on"
  fi
}

host_healthy() {
  host_on "$1" && daemons_ready "$1"
}
