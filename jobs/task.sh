#!/bin/bash
# What a task of an array does, be it a pilot's or the broker's: the site's set-up lines, a look at
# Node, then the program in the background, so that this shell outlives every signal but KILL.
# The lines in front of this text, written for each submission, set qsweep_submission,
# qsweep_setup and qsweep_command; run_task is called by the lines behind it.
# Own exit codes: 71 a set-up line failed, 72 no `module`, 73 no Node, 74 Node is too old.

# The word `undefined` where the grid job is no array.
case ${SGE_TASK_ID:-undefined} in
  undefined) qsweep_task=1 ;;
  *) qsweep_task=$SGE_TASK_ID ;;
esac
qsweep_name=${JOB_ID:-0}.$qsweep_task
qsweep_leaving=
qsweep_interrupted=
qsweep_forwarded=
qsweep_child=

say() {
  printf '%s task %s: %s\n' "$(date -u +%FT%TZ)" "$qsweep_name" "$1"
}

# fail CODE LINE
fail() {
  say "$2"
  exit "$1"
}

# Kept by the task itself: the accounting comes late, and has nothing of a task that was resumed.
record_exit() {
  local status=$? file=$qsweep_submission/task-$qsweep_task.${JOB_ID:-0}.exit
  printf '{"version":1,"job":"%s","task":%d,"status":%d,"restarted":%d,"seconds":%d,"host":"%s"}\n' \
    "${JOB_ID:-0}" "$qsweep_task" "$status" "${RESTARTED:-0}" "$SECONDS" "${HOSTNAME:-}" \
    >"$file.tmp" && mv -f "$file.tmp" "$file"
}

# Signals come twice, to every process of the task.
on_signal() {
  qsweep_leaving=1
  qsweep_interrupted=1
  if [ -n "$qsweep_child" ]; then forward_once; fi
}

trap on_signal USR1 USR2 TERM
trap record_exit EXIT

leave_if_asked() {
  if [ -n "$qsweep_leaving" ]; then
    say 'asked to leave before it began'
    exit 0
  fi
}

# Node takes the default action, its end, for USR2 until the program has set its own handler.
child_listens() {
  local caught
  caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
  [ -n "$caught" ] && ((0x$caught & 0x800))
}

forward_once() {
  until [ -n "$qsweep_forwarded" ] || child_listens "$qsweep_child"; do
    kill -0 "$qsweep_child" 2>/dev/null || return
    sleep 0.2
  done
  if [ -n "$qsweep_forwarded" ]; then return; fi
  qsweep_forwarded=1
  kill -USR2 "$qsweep_child" 2>/dev/null
}

# run_task OPTION...: the program with these options, and its status as the task's.
run_task() {
  local latest status=
  leave_if_asked
  "${qsweep_command[@]}" "$@" &
  qsweep_child=$!
  # Of a signal before this line, the trap could tell no child.
  if [ -n "$qsweep_leaving" ]; then forward_once; fi
  while :; do
    qsweep_interrupted=
    wait "$qsweep_child"
    latest=$?
    # A signal just after the end: that status is taken already.
    if [ "$latest" -eq 127 ] && [ -n "$status" ]; then break; fi
    status=$latest
    if [ -z "$qsweep_interrupted" ] || [ "$status" -le 128 ]; then break; fi
  done
  say "ended with status $status after $SECONDS s"
  exit "$status"
}

say "on ${HOSTNAME:-?}, ${NSLOTS:-1} slots, restarted ${RESTARTED:-0}"
# A queue that ignores the first line starts a shell without `module`.
if ! shopt -q login_shell && [ -r /etc/profile ]; then . /etc/profile; fi
for qsweep_line in ${qsweep_setup[@]+"${qsweep_setup[@]}"}; do
  case $qsweep_line in
    'module '* | 'ml '*)
      type module >/dev/null 2>&1 || fail 72 "no module command here: $qsweep_line" ;;
  esac
  eval "$qsweep_line"
  qsweep_status=$?
  leave_if_asked
  [ "$qsweep_status" -eq 0 ] ||
    fail 71 "set-up line ended with status $qsweep_status: $qsweep_line"
done
set +e -u
qsweep_version=$("${qsweep_command[0]}" --version 2>&1) ||
  fail 73 "no Node at ${qsweep_command[0]} after the set-up lines: $qsweep_version"
IFS=. read -r qsweep_major qsweep_minor _ <<<"${qsweep_version#v}"
if ! ((qsweep_major > 20 || (qsweep_major == 20 && qsweep_minor >= 19))); then
  fail 74 "Node $qsweep_version is too old: 20.19 or later is needed"
fi
