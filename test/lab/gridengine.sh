# Grid Engine: the cell on the shared file system, its daemons, the queue.
# shellcheck shell=bash

sge=$lab/sge
spool=$lab/spool

# What Debian's wrappers of qsub and the others read where SGE_ROOT is not set.
write_cell() {
  local part common=$sge/default/common
  cat >"$etc/default/gridengine" <<SETTINGS
SGE_ROOT=$sge
SGE_CELL=default
export SGE_QMASTER_PORT=6444 SGE_EXECD_PORT=6445
SETTINGS
  mkdir -p "$common" "$spool/qmaster" "$spool/execd"
  for part in bin lib utilbin; do
    mkdir "$sge/$part"
    ln -s /usr/lib/gridengine "$sge/$part/lx-amd64"
  done
  ln -s /usr/share/gridengine/util "$sge/util"
  echo qmaster >"$common/act_qmaster"
  cat >"$common/bootstrap" <<BOOTSTRAP
admin_user              sgeadmin
default_domain          none
ignore_fqdn             true
spooling_method         classic
spooling_lib            libspoolc
spooling_params         $common;$spool/qmaster
binary_path             $sge/bin
qmaster_spool_dir       $spool/qmaster
security_mode           none
listener_threads        2
worker_threads          2
scheduler_threads       1
BOOTSTRAP
  write_objects
  chown -R "${user_ids[sgeadmin]}:${user_ids[sgeadmin]}" "$sge" "$spool"
}

# The files that spooldefaults and qconf read. The settings are those of Debian's cell but for:
write_objects() {
  local objects=$sge/objects stock=$package_root/usr/share/gridengine host
  mkdir -p "$objects/"{complexes,pes,local}
  cp "$stock"/util/resources/centry/* "$objects/complexes"
  # JOB: a job of 4 slots takes one GPU for each it asks for, not 4.
  grid_object name gpus shortcut gpus type INT relop '<=' requestable YES consumable JOB \
    default 0 urgency 0 >"$objects/complexes/gpus"
  sed -e "s|^execd_spool_dir .*|execd_spool_dir $spool/execd|" \
    -e 's|^mailer .*|mailer /bin/true|' \
    -e 's|^min_\(.\)id .*|min_\1id 1000|' \
    -e 's|^load_report_time .*|load_report_time 00:00:05|' \
    -e 's|^max_unheard .*|max_unheard 00:00:20|' \
    -e 's|^loglevel .*|loglevel log_info|' \
    "$stock/default-configuration" >"$objects/configuration"
  grid_object pe_name omp slots 999 user_lists NONE xuser_lists NONE start_proc_args NONE \
    stop_proc_args NONE allocation_rule '$pe_slots' control_slaves FALSE \
    job_is_first_task TRUE urgency_slots min accounting_summary FALSE qsort_args NONE \
    >"$objects/pes/omp"
  # Jobs are known by a group id, and the hosts share a kernel.
  grid_object gid_range 63000-63099 >"$objects/local/gpu1"
  grid_object gid_range 63100-63199 >"$objects/local/gpu2"
  for host in "${execution_hosts[@]}"; do
    grid_object hostname "$host" load_scaling NONE complex_values gpus=1 user_lists NONE \
      xuser_lists NONE projects NONE xprojects NONE usage_scaling NONE \
      report_variables NONE >"$objects/host-$host"
  done
  grid_object name ds598 oticket 0 fshare 0 acl NONE xacl NONE >"$objects/project"
  write_scheduler >"$objects/scheduler"
  write_queue >"$objects/queue"
}

# grid_object KEY VALUE...: one line a pair, as qconf wants it.
grid_object() {
  printf '%-20s %s\n' "$@"
}

write_scheduler() {
  grid_object algorithm default schedule_interval 0:0:1 maxujobs 0 queue_sort_method load \
    job_load_adjustments NONE load_adjustment_decay_time 0:7:30 load_formula np_load_avg \
    schedd_job_info true flush_submit_sec 1 flush_finish_sec 1 params none \
    reprioritize_interval 0:0:0 halftime 168 usage_weight_list cpu=1.000000 \
    compensation_factor 5.000000 weight_user 0.250000 weight_project 0.250000 \
    weight_department 0.250000 weight_job 0.250000 weight_tickets_functional 0 \
    weight_tickets_share 0 share_override_tickets TRUE share_functional_shares TRUE \
    max_functional_jobs_to_schedule 200 report_pjob_tickets TRUE \
    max_pending_tasks_per_job 50 halflife_decay_list none policy_hierarchy OFS \
    weight_ticket 0.010000 weight_waiting_time 0.000000 weight_deadline 3600000.000000 \
    weight_urgency 0.100000 weight_priority 1.000000 max_reservation 0 \
    default_duration INFINITY
}

# load_thresholds NONE: on a small busy machine the queues would be in alarm.
write_queue() {
  local limit
  grid_object qname gpu.q hostlist 'gpu1 gpu2' seq_no 0 load_thresholds NONE \
    suspend_thresholds NONE nsuspend 1 suspend_interval 00:05:00 priority 0 \
    min_cpu_interval 00:05:00 processors UNDEFINED qtype 'BATCH INTERACTIVE' ckpt_list NONE \
    pe_list omp rerun FALSE slots 8 tmpdir /tmp shell /bin/bash prolog NONE epilog NONE \
    shell_start_mode unix_behavior starter_method NONE suspend_method NONE \
    resume_method NONE terminate_method NONE notify 00:00:05 owner_list NONE \
    user_lists NONE xuser_lists NONE subordinate_list NONE complex_values NONE projects NONE \
    xprojects NONE calendar NONE initial_state default
  for limit in rt cpu fsize data stack core rss vmem; do
    grid_object "s_$limit" INFINITY "h_$limit" INFINITY
  done
}

start_qmaster() {
  [ -e "$sge/spooled" ] || spool_cell
  start_daemon qmaster root sge_qmaster
  await "the qmaster" listens qmaster 6444
  [ -e "$sge/configured" ] || configure_cell
}

start_execd() {
  start_daemon "$1" root sge_execd
}

# By absolute paths: these programs change their directory before they read.
spool_cell() {
  run_on qmaster sgeadmin env SGE_ROOT="$sge" SPOOL="$spool" bash -euc '
    objects=$SGE_ROOT/objects tools=/usr/lib/gridengine
    export LD_LIBRARY_PATH=$tools
    "$tools/spoolinit" classic libspoolc "$SGE_ROOT/default/common;$SPOOL/qmaster" init
    "$tools/spooldefaults" configuration "$objects/configuration"
    "$tools/spooldefaults" complexes "$objects/complexes"
    "$tools/spooldefaults" pes "$objects/pes"
    "$tools/spooldefaults" usersets "$SGE_ROOT/util/resources/usersets"
    "$tools/spooldefaults" managers sgeadmin root
    touch "$SGE_ROOT/spooled"
  ' >"$lab/log/spool" 2>&1
}

# Before execd runs, which would add its host itself, without the host's GPU.
configure_cell() {
  run_on qmaster root bash -euc '
    cd "$1/objects"
    qconf -as login
    for host in gpu1 gpu2; do
      qconf -ah "$host"
      qconf -as "$host"
      qconf -Ae "host-$host"
      qconf -Aconf "local/$host"
    done
    qconf -Msconf scheduler
    qconf -Aprj project
    qconf -Aq queue
    touch "$1/configured"
  ' configure "$sge" >"$lab/log/configure" 2>&1
}

# Whether both hosts report: none of the queue's instances is in state u (unknown).
queue_ready() {
  [ "$(run_on qmaster root qselect -q gpu.q 2>/dev/null | wc -l)" = 2 ] &&
    ! run_on qmaster root qselect -q gpu.q -qs u >/dev/null 2>&1
}

# By force: jobs of a host that crashed would stay until it has reported.
clear_queue() {
  run_on login root qdel -f -u '*' >/dev/null 2>&1 || true
  await "the end of all jobs" queue_empty
}

queue_empty() {
  local rows
  rows=$(run_on login root qstat -u '*') && [ -z "$rows" ]
}
