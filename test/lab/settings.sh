# Names, addresses and folders of the lab; QSWEEP_LAB tells labs apart.
# shellcheck shell=bash disable=SC2034

name=${QSWEEP_LAB:-}
if [[ ! $name =~ ^[a-z0-9]{0,12}$ ]]; then
  echo "QSWEEP_LAB is up to 12 small letters and digits, not '$name'" >&2
  exit 2
fi

hosts=(gateway login qmaster gpu1 gpu2)
execution_hosts=(gpu1 gpu2)

# In /tmp itself: short, since Unix sockets allow 107 bytes, and open to the lab's users.
lab=/tmp/qsweep-lab${name:+-$name}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qsweep/lab
prefix=qsweep-${name:+$name-}

# 198.18.0.0/15 is set aside for test networks (RFC 2544). The lab without a name is number 0.
number=0
[ -z "$name" ] || number=$((1 + $(printf %s "$name" | cksum | cut -d ' ' -f 1) % 126))
outer=198.18.$((2 * number))
inner=198.18.$((2 * number + 1))
laptop_interface=qsweep$number

declare -A addresses=(
  [gateway]=$inner.1 [login]=$inner.10 [qmaster]=$inner.11 [gpu1]=$inner.21 [gpu2]=$inner.22
)

# Ids that the machine's own accounts are unlikely to have.
declare -A user_ids=([sgeadmin]=62000 [ds]=62001 [dspw]=62002 [ds2fa]=62003)
users=(ds dspw ds2fa)

known_host() {
  [ -n "${addresses[$1]:-}" ]
}

# await WHAT COMMAND...: until the command succeeds, or a minute has passed.
await() {
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "the lab waited a minute for $what; its logs are in $lab/log" >&2
      return 1
    fi
    sleep 0.05
  done
}
