# `module` of the lab's login shells, in the manner of Lmod.
# shellcheck shell=bash

module() {
  local action=${1:-} wanted file
  shift || true
  case "$action" in
    load | add)
      for wanted in "$@"; do
        file=@MODULES@/${wanted%%/*}.sh
        if [ ! -r "$file" ]; then
          printf '%s  The following module(s) are unknown: "%s"\n' \
            "Lmod has detected the following error:" "$wanted" >&2
          return 1
        fi
        # shellcheck source=/dev/null
        . "$file"
      done
      ;;
    avail) (cd @MODULES@ && for file in *.sh; do echo "${file%.sh}"; done) >&2 ;;
    *) return 0 ;;
  esac
}
