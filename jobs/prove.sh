#!/bin/bash
# The last lines of a proof's task, behind task.sh.
run_task
