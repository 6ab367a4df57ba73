# The daemons of each host: sshd on gateway and login, Redis on login, Grid Engine's elsewhere.
# shellcheck shell=bash

redis=$lab/redis

write_services() {
  local host
  write_sshd_config
  for host in gateway login; do
    ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$etc/ssh/$host"
  done
  write_client_config
  write_redis
}

# On login, ds2fa is asked for a password and a code; on the way there a key is enough.
write_sshd_config() {
  cat >"$etc/ssh/sshd_config" <<SSHD
UsePAM yes
PermitRootLogin no
PasswordAuthentication yes
KbdInteractiveAuthentication yes
UseDNS no
PrintMotd no
PrintLastLog no
Subsystem sftp /usr/lib/openssh/sftp-server
Match User ds2fa LocalAddress ${addresses[login]}
  AuthenticationMethods publickey,keyboard-interactive
SSHD
}

# ssh/config.USER for `ssh -F`.
write_client_config() {
  local key user
  read -r key <"$etc/ssh/gateway.pub"
  echo "$outer.2 $key" >"$lab/ssh/known_hosts"
  read -r key <"$etc/ssh/login.pub"
  echo "login $key" >>"$lab/ssh/known_hosts"
  for user in "${users[@]}"; do
    cat >"$lab/ssh/config.$user" <<CLIENT
Host gateway
  HostName $outer.2

Host login
  ProxyJump gateway

Host gateway login
  User $user
  UserKnownHostsFile $lab/ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentitiesOnly yes
CLIENT
  done
  for user in ds ds2fa; do
    echo "  IdentityFile $lab/ssh/id_ed25519" >>"$lab/ssh/config.$user"
  done
  echo "  IdentityFile none" >>"$lab/ssh/config.dspw"
  ln -s config.ds "$lab/ssh/config"
}

write_redis() {
  mkdir -m 700 "$redis"
  random_text >"$redis/password"
  cat >"$redis/redis.conf" <<REDIS
bind ${addresses[login]} 127.0.0.1
port 6379
daemonize yes
dir $redis
logfile $redis/log
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
requirepass $(<"$redis/password")
REDIS
  chmod 600 "$redis"/*
  chown -R "${user_ids[ds]}:${user_ids[ds]}" "$redis"
}

# start_daemon HOST USER COMMAND...: with a bare environment, since execd gives its own to jobs,
# and with none of the caller's files, which would keep the caller's pipes open.
start_daemon() {
  local host=$1 user=$2
  shift 2
  run_on "$host" "$user" env -i PATH=/usr/bin:/bin:/usr/sbin "$@" \
    </dev/null >>"$lab/log/$host.log" 2>&1
}

start_daemons() {
  daemons_ready "$1" && return
  case "$1" in
    gateway) start_sshd gateway ;;
    login)
      listens login 22 || start_sshd login
      listens login 6379 || start_daemon login ds redis-server "$redis/redis.conf"
      ;;
    qmaster) start_qmaster ;;
    *) start_execd "$1" ;;
  esac
  await "the daemons of $1" daemons_ready "$1"
}

start_sshd() {
  start_daemon "$1" root /usr/sbin/sshd -h "/etc/ssh/$1" -E "$lab/log/sshd-$1"
}

daemons_ready() {
  case "$1" in
    gateway) listens gateway 22 ;;
    login) listens login 22 && listens login 6379 ;;
    qmaster) listens qmaster 6444 ;;
    *) listens "$1" 6445 ;;
  esac
}

# Also ends the sessions of sshd. Jobs run on without their execd, as Grid Engine wants it.
stop_daemons() {
  local pid comm stopped=()
  for pid in $(pids_of "$1"); do
    comm=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
    case "$comm" in
      sshd | redis-server | sge_qmaster | sge_execd)
        kill "$pid" 2>/dev/null || true
        stopped+=("/proc/$pid")
        ;;
    esac
  done
  await "the end of the daemons of $1" all_gone "${stopped[@]}"
}

all_gone() {
  local file
  for file in "$@"; do [ ! -e "$file" ] || return 1; done
}
