#!/usr/bin/env bash
# A Slurm of one node on this machine, with all it writes in one folder: slurm_here.sh start|stop FOLDER. Jobs are sent
# to it with SLURM_CONF=FOLDER/slurm.conf. Needs root, as Slurm does to become who sent a job.
set -euo pipefail
folder=$(realpath -m "$2")

stop() {
  for name in slurmd slurmctld munged; do
    pid=$(cat "$folder/$name.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$folder"
}

refuse() {
  echo "$1" >&2
  stop
  exit 1
}

start() {
  [ "$(id -u)" = 0 ] || { echo "slurmd needs root" >&2; exit 1; }
  for program in munged slurmctld slurmd; do
    command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 1; }
  done
  mkdir -p "$folder/state" "$folder/spool"
  chmod 755 "$folder"
  install -d -o munge -g munge "$folder/munge"
  head -c 1024 /dev/urandom | install -o munge -g munge -m 400 /dev/stdin "$folder/munge/key"
  setpriv --reuid munge --regid munge --clear-groups munged --key-file="$folder/munge/key" \
    --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" --seed-file="$folder/munge/seed" \
    --log-file="$folder/munge/log"
  ln -s munge/pid "$folder/munged.pid"

  local name port cores memory
  name=$(hostname -s)
  port=$((20000 + RANDOM % 10000 * 2))
  cores=$(nproc)
  memory=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) / 1024 * 3 / 4))
  cat >"$folder/slurm.conf" <<CONF
ClusterName=here
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
SlurmctldTimeout=10
MessageTimeout=5
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0
NodeName=$name NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory
PartitionName=all Nodes=$name Default=YES MaxTime=60 State=UP
CONF
  export SLURM_CONF=$folder/slurm.conf
  slurmctld -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF" -N "$name"
  for _ in $(seq 100); do
    sinfo --noheader --format=%T 2>/dev/null | grep -q idle && return
    sleep 0.2
  done
  refuse "Slurm does not start: $(tail -n 3 "$folder"/slurm*.log)"
}

case $1 in
  start) start ;;
  stop) stop ;;
  *) echo "start or stop" >&2; exit 2 ;;
esac
