#!/bin/bash
# The last lines of a broker's task, behind task.sh.
run_task --name "$qsweep_name" --elapsed-seconds "$SECONDS" \
  --sign-off "$qsweep_submission/task-$qsweep_task.left"
