#!/usr/bin/python3
"""`icl sweep --slurm` on a real Slurm: slurmctld, two slurmd and munged on this machine, started and ended here.

usage: slurm_cluster_test.py ICL [--all] [--keep]

Needs root, and Debian's slurmctld, slurmd, slurm-client and munge; else it is skipped (exit status 77). An array of
four tasks over 16 runs; one task is preempted, and one node drained, on the way. The merged file must equal the
laptop's. --all: then three tasks reach their time limit. --keep leaves the folder with all logs.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SKIPPED = 77
SWEEP = """
[model]
hidden = 128
[data]
N = 20
[train]
epochs = 60
steps_per_epoch = 40
batch_size = 64
learning_rate = 0.1
[sweep]
seeds = 4
kernels = "avx2"
[sweep.axes]
data.K = [64, 256, 1024, "inf"]
"""
ENDLESS = """
[model]
hidden = 32
[data]
N = 20
[train]
epochs = 4000000
[sweep]
seeds = 3
"""
CONF = """
ClusterName=icl
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool.%n
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
KillWait=10
MpiDefault=none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=8000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=low Nodes=n1,n2 Default=YES PriorityTier=1 GraceTime=5 MaxTime=INFINITE
PartitionName=high Nodes=n1,n2 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.started = []
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}

    def __enter__(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        (self.folder / "state").mkdir()
        for node in "n1", "n2":
            (self.folder / f"spool.{node}").mkdir()
        conf = CONF.format(host=socket.gethostname().split(".")[0], ports=free_ports(3), folder=self.folder)
        (self.folder / "slurm.conf").write_text(conf)
        self.start("munged", "--foreground", "--force", f"--key-file={key}", *(
            f"--{what}={self.folder}/munge.{end}"
            for what, end in (("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))))
        self.wait_for(lambda: (self.folder / "munge.socket").exists(), "munged")
        self.start("slurmctld", "-D")
        for node in "n1", "n2":
            self.start("slurmd", "-D", "-N", node)
        self.wait_for(lambda: self.ask("sinfo", "-h", "-p", "low", "-o", "%T %D") == "idle 2", "two idle nodes")
        return self

    def __exit__(self, *_):
        """Jobs end before the daemons do: slurmstepd tells slurmctld for ever how its job ended."""
        end = time.monotonic() + 20
        while self.ask("squeue", "-h") != "" and time.monotonic() < end:
            self.ask("scancel", "--user=root")
            time.sleep(0.2)
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.started):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, *command):
        log = open(self.folder / f"{command[0]}.{len(self.started)}.out", "wb")
        self.started.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder))

    def ask(self, *command):
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        return result.stdout.strip() if result.returncode == 0 else f"status {result.returncode}: {result.stderr}"

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if any(p.poll() is not None for p in self.started):
                sys.exit(f"slurm_cluster_test: a daemon has ended while waiting for {what}; see {self.folder}")
            if time.monotonic() > end:
                sys.exit(f"slurm_cluster_test: {what} did not come in {seconds} s\n{self.ask('squeue')}\n{self.ask('sinfo')}")
            time.sleep(0.2)

    def hurry(self):
        """A requeued job is held back for two minutes; here it may start at once."""
        for job in self.ask("squeue", "-h", "-r", "-t", "PENDING", "-o", "%A").split():
            self.ask("scontrol", "update", f"jobid={job}", "StartTime=now")

    def restarts(self, job):
        """Of each task of an array."""
        shown = self.ask("scontrol", "show", "job", job)
        return [int(word.split("=")[1]) for word in shown.split() if word.startswith("Restarts=")]


def icl(program, *args, environment=None):
    result = subprocess.run([program, *map(str, args)], capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        sys.exit(f"slurm_cluster_test: icl {args}: status {result.returncode}: {result.stderr}")
    return result.stdout


def counts(program, folder):
    return json.loads(icl(program, "status", folder, "--json"))["counts"]


def same(a, b):
    diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", a, b], capture_output=True, text=True)
    if diff.returncode != 0 or diff.stdout:
        sys.exit(f"slurm_cluster_test: the cluster's file differs: {diff.stdout}{diff.stderr}")


def array_test(program, folder, cluster):
    began = time.monotonic()
    (folder / "sweep.toml").write_text(SWEEP)
    icl(program, "sweep", folder / "sweep.toml", "--out", folder / "laptop", "--quiet")
    icl(program, "merge", folder / "laptop", "--out", folder / "laptop.h5")
    out = icl(program, "sweep", folder / "sweep.toml", "--out", folder / "cluster", "--slurm", "--submit", "--tasks", 4,
              "--jobs", 1, "--sbatch=--partition=low", "--sbatch=--time=60", environment=cluster.environment)
    job = out.split()[-1]
    done = lambda: counts(program, folder / "cluster")["done"]
    cluster.wait_for(lambda: counts(program, folder / "cluster")["running"] == 4, "four runs at once")
    urgent = cluster.ask("sbatch", "--parsable", "--partition=high", "--nodelist=n1", "--wrap=sleep 3",
                         f"--output={folder}/urgent.out")
    cluster.wait_for(lambda: sum(cluster.restarts(job)) >= 1, "a preemption")
    cluster.ask("scontrol", "update", "nodename=n2", "state=drain", "reason=test")
    before = done()

    def finished():
        cluster.hurry()
        return cluster.ask("squeue", "-h") == ""

    cluster.wait_for(finished, "the end of the array", 240)
    drained = cluster.ask("sinfo", "-h", "-n", "n2", "-p", "low", "-o", "%T")
    stand = counts(program, folder / "cluster")
    if stand["done"] != 16 or before == 16 or drained != "drained":
        sys.exit(f"slurm_cluster_test: {stand}, {before} before the drain, n2 {drained}")
    icl(program, "merge", folder / "cluster", "--out", folder / "cluster.h5")
    same(folder / "laptop.h5", folder / "cluster.h5")
    print(f"array: 16 of 16 runs, identical to the laptop's; task of job {job} preempted by {urgent} and requeued, n2 "
          f"drained after {before} runs ({time.monotonic() - began:.0f} s)")
    cluster.ask("scontrol", "update", "nodename=n2", "state=resume")


def time_limit_test(program, folder, cluster):
    began = time.monotonic()
    (folder / "endless.toml").write_text(ENDLESS)
    out = icl(program, "sweep", folder / "endless.toml", "--out", folder / "endless", "--slurm", "--submit", "--tasks", 3, "--jobs", 1,
              "--sbatch=--time=1", "--sbatch=--signal=TERM@50", environment=cluster.environment)
    job = out.split()[-1]
    # Of all three: the last one has the number of the array as its own.
    cluster.wait_for(lambda: cluster.restarts(job) == [1, 1, 1], "the requeue before the time limit", 100)
    stand = counts(program, folder / "endless")
    cluster.ask("scancel", job)
    if stand["interrupted"] != 3:
        sys.exit(f"slurm_cluster_test: before the time limit: {stand}")
    # A job that is cancelled must not come again.
    cluster.wait_for(lambda: cluster.ask("squeue", "-h") == "", "the end of the cancelled job")
    print(f"time limit: three tasks of three published, exit 75, requeued ({time.monotonic() - began:.0f} s)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("icl", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    program = arguments.icl.resolve()
    missing = [tool for tool in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(tool, path=PATH) is None]
    if os.geteuid() != 0 or missing:
        print(f"skipped: {'not root' if os.geteuid() != 0 else 'no ' + ', '.join(missing)}")
        sys.exit(SKIPPED)
    folder = Path(tempfile.mkdtemp(prefix="icl-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with Cluster(folder) as cluster:
            array_test(program, folder, cluster)
            if arguments.all:
                time_limit_test(program, folder, cluster)
    finally:
        if arguments.keep:
            print(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
