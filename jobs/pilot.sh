#!/bin/bash
# The last lines of a pilot's task, behind task.sh.
run_task --name "$qsweep_name" --threads "${NSLOTS:-1}" --elapsed-seconds "$SECONDS" \
  --sign-off "$qsweep_submission/task-$qsweep_task.left"
