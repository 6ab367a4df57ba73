# What the lab needs of this machine.
# shellcheck shell=bash

# Prints why no lab can run here, and fails; else prints nothing.
check_requirements() {
  local program missing=()
  if ! grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
    echo "the lab's packages are those of Debian 12"
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "the lab needs root"
    return 1
  fi
  for program in apt-get dpkg-deb perl ip ss nsenter unshare setpriv flock ssh ssh-keygen node; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "the lab needs these programs: ${missing[*]}"
    return 1
  fi
  if ! unshare --mount --net --uts --ipc --pid --fork \
    mount -t overlay -o ro,lowerdir=/etc:/usr usr /usr 2>/dev/null; then
    echo "the lab needs to make namespaces and overlay mounts (CAP_SYS_ADMIN)"
    return 1
  fi
}
