"""A sweep's wrapper on a real SLURM: one node, on loopback, started and ended by the test (Debian: slurm-wlm)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = str(ROOT / "scripts" / "sbatch_wait.sh")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in PROGRAMS) or os.geteuid() != 0,
        reason="needs SLURM (Debian: apt-get install slurm-wlm) and root",
    ),
]

CONFIG = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={other_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES PriorityTier=1 GraceTime=20
PartitionName=high Nodes={host} PriorityTier=10
"""

# A run as igsm.training behaves: goes on from its checkpoint, saves itself on SIGTERM and answers 75.
RUN = """
import signal, sys, time, pathlib
checkpoint = pathlib.Path(sys.argv[1])
step = int(checkpoint.read_text()) if checkpoint.exists() else 0
print("from step", step, flush=True)
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
while step < int(sys.argv[2]) and not asked:
    time.sleep(0.2)
    step += 1
checkpoint.write_text(str(step))
sys.exit(75 if asked else int(sys.argv[3]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def slurm(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A one-node SLURM with a partition that pre-empts the other; its commands find it through SLURM_CONF."""
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)  # munge refuses a socket in a folder that others cannot enter
    (folder / "spool").mkdir()
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    config = CONFIG.format(folder=folder, host=host, port=free_port(), other_port=free_port())
    (folder / "slurm.conf").write_text(config)
    (folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/seed"]
    daemons = []
    try:
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D"]):
            with open(folder / f"{command[0]}.out", "wb") as output:
                daemons.append(subprocess.Popen(command, stdout=output, stderr=output))
            time.sleep(0.5)
        deadline = time.monotonic() + 60
        while "idle" not in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout:
            assert time.monotonic() < deadline, (folder / "slurmctld.log").read_text()[-2000:]
            time.sleep(0.5)
        yield folder
    finally:
        subprocess.run(["scancel", "--user=root"], capture_output=True, timeout=30)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before


@pytest.fixture
def submit(cluster: Path, tmp_path: Path):
    """Starts the wrapper with a run of so many steps and this exit code; returns the process."""
    script = tmp_path / "run.py"
    script.write_text(RUN)

    def start(steps: int, code: int = 0, name: str = "checkpoint", **environment: str) -> subprocess.Popen[str]:
        command = [WRAPPER, sys.executable, str(script), str(tmp_path / name), str(steps), str(code)]
        full = os.environ | {"SBATCH_LOGS": str(tmp_path / "logs")} | environment
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=full)

    return start


def wait_for(state: str) -> str:
    """The id of the first job in that state."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        jobs = slurm("squeue", "-h", "-t", state, "-o", "%i").split()
        if jobs:
            return jobs[0]
        time.sleep(0.3)
    raise AssertionError(f"no job became {state}: {slurm('squeue')}")


def release(job: str) -> None:
    """Let a requeued job start soon: SLURM would hold it back for two minutes.

    Not at once: within the second in which it was stopped its credential counts as revoked, and starting fails.
    """
    time.sleep(3)
    slurm("scontrol", "update", f"JobId={job}", "StartTime=now")


def test_exit_code_and_output_come_back(submit) -> None:
    """Guards against `make` going on after a failed job, and against output that is lost on the node."""
    process = submit(1, code=3)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "from step 0" in output


def test_preempted_run_is_requeued_and_goes_on_from_its_checkpoint(submit, tmp_path: Path) -> None:
    """Guards against a pre-empted run starting from nothing, or the sweep taking it for failed or finished."""
    process = submit(50)
    job = wait_for("RUNNING")
    time.sleep(2)
    slurm("srun", "--partition=high", "true")
    release(wait_for("PENDING"))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    starts = [int(line.split()[-1]) for line in output.splitlines() if line.startswith("from step")]
    assert len(starts) == 2
    assert starts[0] == 0 < starts[1] < 50
    assert (tmp_path / "checkpoint").read_text() == "50"
    assert int(job) > 0


def test_stopped_waiting_stops_the_job_too(submit, tmp_path: Path) -> None:
    """Guards against jobs that burn GPU-hours after the sweep that wanted them was stopped."""
    process = submit(500)
    wait_for("RUNNING")
    time.sleep(2)
    process.terminate()
    process.communicate(timeout=120)
    assert process.returncode == 75
    assert 0 < int((tmp_path / "checkpoint").read_text()) < 500
    assert slurm("squeue", "-h") == ""


def test_array_jobs_get_their_numbers(submit, tmp_path: Path) -> None:
    """Guards against every task of an array making the same shard."""
    process = submit(1, name="part-%a", ARRAY="0-2")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert sorted(path.name for path in tmp_path.glob("part-*")) == ["part-0", "part-1", "part-2"]
    assert output.count("from step 0") == 3
