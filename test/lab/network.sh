# Namespaces, cables and the switch. The machine itself gets one interface, towards the gateway.
# shellcheck shell=bash

switch=${prefix}switch

has_namespace() {
  [ -e "/run/netns/$1" ]
}

connect_switch() {
  has_namespace "$switch" && return
  ip netns add "$switch"
  ip -n "$switch" -batch - <<<"
    link add br0 type bridge
    link set br0 up"
}

disconnect_switch() {
  ! has_namespace "$switch" || ip netns del "$switch"
  ip route del unreachable "$inner.0/24" 2>/dev/null || true
}

# The host's network, made anew: a crashed host has none.
connect_host() {
  local host=$1 space=$prefix$1
  ip netns add "$space"
  # A new namespace copies the machine's setting, and a gateway must not be a router.
  nsenter --net="/run/netns/$space" sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
  ip -n "$switch" -batch - <<<"
    link add $host type veth peer name eth0 netns $space
    link set $host master br0
    link set $host up"
  ip -n "$space" -batch - <<<"
    link set lo up
    address add ${addresses[$host]}/24 dev eth0
    link set eth0 up"
  [ "$host" != gateway ] || connect_laptop "$space"
}

# The others' old connections to a host that has crashed. A boot takes longer than their time-outs;
# without one, the qmaster takes the new execd for a second one and refuses it for a minute.
end_connections() {
  local host
  for host in "${hosts[@]}"; do
    has_namespace "$prefix$host" || continue
    nsenter --net="/run/netns/$prefix$host" ss -K dst "${addresses[$1]}" >/dev/null 2>&1 || true
  done
}

connect_laptop() {
  ip -batch - <<<"
    link add $laptop_interface type veth peer name eth1 netns $1
    address add $outer.1/24 dev $laptop_interface
    link set $laptop_interface up
    route replace unreachable $inner.0/24"
  ip -n "$1" -batch - <<<"
    address add $outer.2/24 dev eth1
    link set eth1 up"
}

# For good, and at once: a namespace gives its interfaces back only some time after its end.
cut_cables() {
  ip -n "$switch" link del "$1" 2>/dev/null || true
  [ "$1" != gateway ] || ip link del "$laptop_interface" 2>/dev/null || true
}

unplug() {
  ip -n "$switch" link set "$1" down
  [ "$1" != gateway ] || ip -n "$prefix$1" link set eth1 down
}

# Failed neighbour entries would answer "No route to host" for some seconds more.
plug() {
  local host
  ip -n "$switch" link set "$1" up
  [ "$1" != gateway ] || ip -n "$prefix$1" link set eth1 up
  for host in "${hosts[@]}"; do
    ! has_namespace "$prefix$host" || ip -n "$prefix$host" neigh flush all
  done
  ip neigh flush dev "$laptop_interface"
}

# listens HOST PORT
listens() {
  [ -n "$(nsenter --net="/run/netns/$prefix$1" ss -Hltn "sport = :$2")" ]
}
