#!/usr/bin/env bash
# Runs a command as a SLURM batch job and waits for it: RUN=scripts/sbatch_wait.sh make figure4
#
#   SBATCH_OPTIONS="--gpus=1 --time=24:00:00"   more options of sbatch
#   ARRAY=1-16                                  an array job; %a in the command is the task's number: --part %a/16
#   SBATCH_LOGS=runs/slurm                      folder for the output, on a disk that all nodes see
#
# A job that is pre-empted, or 2 minutes from its time limit, is asked to save itself (SIGTERM). When it answers with
# exit code 75 ("requeue me") it goes back into the queue and on from its checkpoint; the waiting goes on, too.
# Stopping this script asks the job to save itself and end. Exit code: the job's (of an array: the highest).
set -euo pipefail
if [ $# -eq 0 ]; then
    echo "usage: $0 COMMAND [ARGUMENT]..." >&2
    exit 2
fi

logs=${SBATCH_LOGS:-runs/slurm}
mkdir -p "$logs"
log=$(mktemp -d "$(realpath "$logs")/job-XXXXXX")

# The command is quoted into the script; SLURM keeps its own copy of it.
cat > "$log/script.sh" <<SCRIPT
#!/usr/bin/env bash
command=($(printf '%q ' "$@"))
SCRIPT
cat >> "$log/script.sh" <<'SCRIPT'
command=("${command[@]//%a/${SLURM_ARRAY_TASK_ID:-%a}}")
# As a step, because SLURM's signals (pre-emption, time limit, scancel --signal) go to steps.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
code=0
srun --ntasks=1 "${command[@]}" || code=$?
if [ "$code" -eq 75 ]; then
    # SLURM ends this script meanwhile; the requeued job starts it again.
    scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit "$code"
SCRIPT

options=(--parsable --wait --requeue --open-mode=append --signal=TERM@120 --job-name="$(basename "$1")")
if [ -n "${ARRAY:-}" ]; then
    options+=(--array="$ARRAY" --output="$log/%a.log")
else
    options+=(--output="$log/0.log")
fi
# shellcheck disable=SC2206  # options are words
options+=(${SBATCH_OPTIONS:-})

# Whoever stops the waiting wants the job to save itself and end: no requeue of what is asked to stop from here.
stop() {
    local job
    # Asked to stop before the job has its number: sbatch is about to say it, or has failed.
    while [ ! -s "$log/job" ] && kill -0 "$waiting" 2>/dev/null; do sleep 0.1; done
    job=$(cut -d';' -f1 "$log/job")
    [ -n "$job" ] || return 0
    scontrol update JobId="$job" Requeue=0 || true
    scancel --state=PENDING "$job" || true
    scancel --signal=TERM "$job" || true
}

stopping=false
trap 'stopping=true' TERM INT # until there is something to stop
sbatch "${options[@]}" "$log/script.sh" > "$log/job" &
waiting=$!
trap stop TERM INT
if $stopping; then stop; fi

# A trapped signal ends `wait` early: wait again until sbatch itself has ended.
while true; do
    code=0
    wait "$waiting" || code=$?
    kill -0 "$waiting" 2>/dev/null || break
done
find "$log" -name '*.log' -print0 | sort -z | xargs -0 --no-run-if-empty cat || true # the job's own code counts
exit "$code"
