#!/usr/bin/env bash
# Process 1 of a lab's host: lays the host's file system over the machine's, then reaps orphans.
# Usage: host-init.sh HOST LAB PACKAGE_ROOT CHECKOUT, in new namespaces.
set -euo pipefail
host=$1 lab=$2 package_root=$3 checkout=$4

# Before the new /proc: the number by which the machine knows this process.
read -r pid _ </proc/self/stat

hostname "$host"
mount -t overlay -o "ro,lowerdir=$package_root/usr:/usr" usr /usr
mount -t overlay -o "ro,lowerdir=$lab/etc:/etc" etc /etc
mount --bind "$lab" "$lab"
mount -o remount,bind,ro /
mount -t proc proc /proc
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx

for folder in /root /home /opt /usr/local "$checkout"; do
  [ ! -d "$folder" ] || mount -t tmpfs -o mode=755 tmpfs "$folder"
done
for folder in /run /var/log /var/mail /var/spool; do
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
for folder in /var/tmp /dev/shm; do
  mount -t tmpfs -o mode=1777 tmpfs "$folder"
done
mkdir /run/sshd

# A /tmp of its own, with the lab's folder at its usual place.
chmod 1777 "$lab/hosts/$host/tmp"
mkdir -p "$lab/hosts/$host$lab"
mount --bind "$lab" "$lab/hosts/$host$lab"
mount --rbind "$lab/hosts/$host/tmp" /tmp

cd /
echo "$pid" >"$lab/run/$host.pid"
while :; do
  sleep infinity &
  wait $! || true
done
