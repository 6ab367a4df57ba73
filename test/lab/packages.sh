# Debian's packages, unpacked into the cache: no maintainer script runs, nothing is installed.
# shellcheck shell=bash

packages=(
  gridengine-master gridengine-exec gridengine-client gridengine-common
  openssh-server openssh-sftp-server redis-server libpam-google-authenticator
)

# Programs of this machine that a cluster does not have on PATH.
hidden_programs=(node nodejs npm npx corepack)

contents=$(printf '%s ' "${packages[@]}" "${hidden_programs[@]}" | cksum)
package_root=$cache/root-${contents%% *}

prepare_packages() {
  [ -d "$package_root" ] && return
  # All labs share the packages, so this is another lock than that of one lab.
  exec 7>"$cache/packages.lock"
  flock 7
  [ -d "$package_root" ] || unpack_packages "$cache/unpacking"
  exec 7>&-
}

unpack_packages() {
  local archives=$1/archives root=$1/root archive
  rm -rf "$1"
  mkdir -p "$archives/partial" "$root/usr/"{bin,sbin,lib,lib64}
  download_packages "$archives" || { apt-get update -qq && download_packages "$archives"; }
  ln -s usr/{bin,sbin,lib,lib64} "$root"
  for archive in "$archives"/*.deb; do
    case "${archive##*/}" in
      # A mail server comes along as a dependency; the lab sends no mail.
      exim4* | bsd-mailx*) ;;
      *) dpkg-deb --fsys-tarfile "$archive" | tar -x --keep-directory-symlink -C "$root" ;;
    esac
  done
  hide_programs "$root/usr/bin"
  mv -T "$root" "$package_root"
  rm -rf "$1"
}

# --reinstall: also what this machine has installed already; the missing dependencies come along.
download_packages() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --reinstall \
    --download-only -o "Dir::Cache::archives=$1" -o APT::Sandbox::User=root \
    "${packages[@]}" >/dev/null
}

# A character device 0/0 in an upper layer of an overlay hides the file below it.
hide_programs() {
  local program
  for program in "${hidden_programs[@]}"; do mknod "$1/$program" c 0 0; done
}
