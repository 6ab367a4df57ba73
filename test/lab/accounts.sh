# The lab's users, their secrets and homes, and the /etc that its hosts see over the machine's.
# shellcheck shell=bash

etc=$lab/etc

write_accounts() {
  local user
  mkdir -m 755 "$lab/home" "$lab/modules" "$etc"
  mkdir "$etc/"{default,pam.d,profile.d,ssh}
  mkdir -m 700 "$lab/ssh" "$etc/one-time-codes"
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$lab/ssh/id_ed25519"
  for user in "${users[@]}"; do
    random_text >"$lab/ssh/$user.password"
  done
  for user in "${!user_ids[@]}"; do write_home "$user"; done
  write_user_database
  write_one_time_code ds2fa
  write_environment
}

random_text() {
  head -c 15 /dev/urandom | base64
}

write_home() {
  local home=$lab/home/$1
  mkdir "$home"
  if [ -e "$lab/ssh/$1.password" ] && [ "$1" != dspw ]; then
    mkdir -m 700 "$home/.ssh"
    cp "$lab/ssh/id_ed25519.pub" "$home/.ssh/authorized_keys"
  fi
  chown -R "${user_ids[$1]}:${user_ids[$1]}" "$home"
}

write_user_database() {
  local user
  grep -E '^(root|daemon|nobody):' /etc/passwd >"$etc/passwd"
  echo "sshd:x:62010:62010::/run/sshd:/usr/sbin/nologin" >>"$etc/passwd"
  grep -E '^(root|daemon|tty|nogroup):' /etc/group >"$etc/group"
  echo "sshd:x:62010:" >>"$etc/group"
  printf '%s:*:19700:0:99999:7:::\n' root daemon nobody sshd sgeadmin >"$etc/shadow"
  chmod 640 "$etc/shadow"
  for user in "${!user_ids[@]}"; do
    printf '%s:x:%s:%s::%s:/bin/bash\n' "$user" "${user_ids[$user]}" "${user_ids[$user]}" \
      "$lab/home/$user" >>"$etc/passwd"
    printf '%s:x:%s:\n' "$user" "${user_ids[$user]}" >>"$etc/group"
  done
  for user in "${users[@]}"; do
    printf '%s:%s:19700:0:99999:7:::\n' "$user" "$(crypted "$lab/ssh/$user.password")" \
      >>"$etc/shadow"
  done
  cp "$etc/shadow" "$etc/gshadow"
}

# shellcheck disable=SC2016
crypted() {
  perl -e 'chomp($text = <STDIN>); print crypt($text, "\$6\$qsweeplab\$")' <"$1"
}

# Codes of 30 s by RFC 6238; one may be used again while it lasts, so that tests need not wait.
write_one_time_code() {
  head -c 20 /dev/urandom | base32 >"$lab/ssh/$1.one-time-code"
  printf '%s\n' "$(<"$lab/ssh/$1.one-time-code")" '" WINDOW_SIZE 3' '" TOTP_AUTH' \
    >"$etc/one-time-codes/$1"
  chmod 600 "$etc/one-time-codes/$1"
  cat >"$etc/pam.d/sshd" <<PAM
auth required pam_unix.so
auth [success=done default=ignore] pam_succeed_if.so quiet user != ds2fa
auth required pam_google_authenticator.so secret=/etc/one-time-codes/\${USER} user=root
account required pam_unix.so
session required pam_permit.so
PAM
}

# As on real clusters: `module` is a function of login shells, and only modules put Node on PATH.
write_environment() {
  local host
  echo "127.0.0.1 localhost" >"$etc/hosts"
  for host in "${hosts[@]}"; do echo "${addresses[$host]} $host" >>"$etc/hosts"; done
  printf '%s: files\n' passwd group shadow gshadow hosts services >"$etc/nsswitch.conf"
  : >"$etc/resolv.conf"
  : >"$etc/environment"
  : >"$etc/bash.bashrc"
  cat >"$etc/profile" <<'PROFILE'
export PATH=/usr/local/bin:/usr/bin:/bin
. /etc/profile.d/modules.sh
PROFILE
  sed "s|@MODULES@|$lab/modules|" "$here/modules.sh" >"$etc/profile.d/modules.sh"
}

# The machine's Node, for `module load nodejs`.
write_node() {
  mkdir -p "$lab/software/nodejs/bin"
  cp "$(node -p process.execPath)" "$lab/software/nodejs/bin/node"
  echo "export PATH=$lab/software/nodejs/bin:\$PATH" >"$lab/modules/nodejs.sh"
}
