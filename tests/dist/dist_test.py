#!/usr/bin/python3
"""The archive of `make -f Makefile.ci dist` in roots that are not this machine's: it must run there, and give this machine's bits.

usage: dist_test.py ARCHIVE ICL [ROOT ...]        (needs root, for chroot)

ICL is a build for this machine, whose bits the archive's must equal. The first root is always an empty one, which holds
the archive and nothing else; each ROOT is the root folder of a system, and keeps nothing of the test. The program runs in
each with /proc and /dev, and without. Everything is mounted in namespaces that end with the command in them.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOML = """
[model]
hidden = 48
[data]
K = 64
N = 8
D = 40
[train]
epochs = 3
steps_per_epoch = 100
learning_rate = 0.1
[eval]
sequences = 200
[probe]
sequences = 64
"""
SWEEP = "[sweep]\nseeds = 4\n"
KERNELS = ("Haswell", "Zen") + (("SkylakeX",) if " avx512dq " in Path("/proc/cpuinfo").read_text() else ())
# The system calls of Linux 5.1 (number 424) and later, up to 6.0; later ones are not known to glibc 2.36 either.
SINCE_4_18 = (
    "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount fspick pidfd_open "
    "clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset "
    "landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv set_mempolicy_home_node").replace(" ", ",")
# $1: the root, $2: the folder that is /trial in it, $3: mounted or bare. The rest: the program and its arguments.
ENTER = """
set -e
mount --bind "$2" "$1/trial"
if [[ $3 == mounted ]]; then
  mount -t proc proc "$1/proc"
  mount --rbind /dev "$1/dev"
fi
root=$1
shift 3
exec chroot "$root" "$@"
"""


def check(right, what):
    if not right:
        sys.exit(f"dist_test: {what}")


def check_static(program):
    """No dynamic linker and no library: nothing but a kernel is asked for."""
    shown = subprocess.run(["readelf", "--wide", "--program-headers", "--dynamic", program], capture_output=True, text=True, check=True)
    for word in "INTERP", "NEEDED", "DYNAMIC":
        check(word not in shown.stdout, f"{program} is not static: {word}")


def older_kernel(program, work):
    """Runs as on Linux 4.18, as far as its system calls are concerned: it answers later ones with ENOSYS."""
    trace = work / "trace"
    seen = ""
    folder = work / "older"
    folder.mkdir()
    for arguments in (["train", work / "run.toml", "--out", folder / "run.h5", "--quiet", "--threads", 2],
                      ["verify", folder / "run.h5"], ["export", folder / "run.h5", "--items", "--out", folder / "data.h5"],
                      ["sweep", work / "sweep.toml", "--out", folder / "sweep", "--jobs", 2, "--quiet"], ["status", folder / "sweep"],
                      ["merge", folder / "sweep", "--out", folder / "sweep.h5"], ["bench", "--seconds", 0.2, "--set", "data.K=1000"]):
        traced = ["strace", "-f", "-qq", "-e", f"trace={SINCE_4_18}", "-e", f"inject={SINCE_4_18}:error=ENOSYS", "-o", trace, program]
        done = subprocess.run([*map(str, traced), *map(str, arguments)], capture_output=True, text=True,
                              env=os.environ | {"OPENBLAS_CORETYPE": KERNELS[0]})
        check(done.returncode == 0, f"without system calls since 4.18: icl {arguments[0]}: status {done.returncode}\n{done.stderr}")
        seen += trace.read_text()
    check("(INJECTED)" in seen, "no system call since 4.18 was tried: strace has not answered any")
    equal_bits(work / f"{KERNELS[0]}.h5", folder / "run.h5")


class Root:
    def __init__(self, path, work, mounts):
        self.path, self.work, self.mounts = path, work, mounts
        self.name = f"{path.name} ({mounts})"

    def start(self, *arguments, kernels=KERNELS[0], threads=1, **options):
        """Starts the archive's program in this root; it has the process id of what is returned."""
        enter = ["unshare", "--mount", "bash", "-c", ENTER, "bash", self.path, self.work, self.mounts]
        environment = {"OPENBLAS_CORETYPE": kernels, "OMP_NUM_THREADS": str(threads), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        return subprocess.Popen([*enter, "/trial/icl/bin/icl", *map(str, arguments)], env=environment, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def run(self, *arguments, status=0, **options):
        process = self.start(*arguments, **options)
        shown, _ = process.communicate()
        check(process.returncode == status, f"in {self.name}: icl {' '.join(map(str, arguments))}: status {process.returncode}, "
                                            f"not {status}\n{shown}")
        return shown

    def interrupted_and_resumed(self, out):
        """Trains into `out` on two threads, is told to stop on the way, and goes on to the end."""
        run = ("train", "/trial/run.toml", "--out", f"/trial/{out}", "--resume", "--quiet", "--set", "train.epochs=60")
        process = self.start(*run, "--threads", 2)
        threads = 0
        while process.poll() is None and not (self.work / out).exists():
            time.sleep(0.001)
            threads = max(threads, len(os.listdir(f"/proc/{process.pid}/task")) if process.poll() is None else 0)
        process.send_signal(signal.SIGTERM)
        shown, _ = process.communicate()
        check(process.returncode == 75, f"in {self.name}: status {process.returncode} after SIGTERM, not 75\n{shown}")
        check(threads >= 2, f"in {self.name}: --threads 2 is {threads} thread")
        self.run(*run)


def equal_bits(a, b):
    diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", a, b], capture_output=True, text=True)
    check(diff.returncode == 0 and not diff.stdout and not diff.stderr, f"{a} and {b} have other bits\n{diff.stdout}{diff.stderr}")


def train_here(icl, work, out, kernels, *settings):
    subprocess.run([icl, "train", work / "run.toml", "--out", work / out, "--quiet", "--threads", "1", *settings], check=True,
                   env=os.environ | {"OPENBLAS_CORETYPE": kernels})


def refuse(root):
    """What works in the program before main() and in a child process: as elsewhere, whatever the root lacks."""
    mebibyte = 1 << 20
    shown = root.run("--version", status=71, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (100 * mebibyte,) * 2))
    check("ulimit -v" in shown and shown.count("\n") == 1, f"in {root.name}: 100 MiB of address space: it says\n{shown}")
    shown = root.run("info", "/trial/changed.h5", status=65)
    check("changed by another program" in shown and shown.count("\n") == 1, f"in {root.name}: a changed file: it says\n{shown}")


def try_root(root):
    refuse(root)
    work = root.work
    for kernels in KERNELS:
        for threads in 1, 2:
            root.run("train", "/trial/run.toml", "--out", "/trial/run.h5", "--force", "--quiet", "--threads", threads, kernels=kernels,
                     threads=8 // threads)
            equal_bits(work / f"{kernels}.h5", work / "run.h5")
    check("identical" in root.run("verify", "/trial/run.h5", kernels=KERNELS[-1]), f"in {root.name}: verify")
    check('"status"' in root.run("info", "/trial/run.h5", "--json"), f"in {root.name}: info")
    (work / "long.h5").unlink(missing_ok=True)
    root.interrupted_and_resumed("long.h5")
    equal_bits(work / "long-here.h5", work / "long.h5")
    check("OpenBLAS" in root.run("bench", "--seconds", 0.2, "--set", "data.K=1000"), f"in {root.name}: bench")

    sweep = ("sweep", "/trial/sweep.toml", "--out", "/trial/sweep", "--jobs", 2, "--quiet")
    if root.mounts == "bare":
        shown = root.run(*sweep, status=74)
        check("mount /proc" in shown and shown.count("\n") == 1, f"in {root.name}: a sweep without /proc says\n{shown}")
        return
    subprocess.run(["rm", "-rf", work / "sweep", work / "sweep.h5"], check=True)
    root.run(*sweep)
    check("4 done" in root.run("status", "/trial/sweep"), f"in {root.name}: status")
    root.run("merge", "/trial/sweep", "--out", "/trial/sweep.h5")
    check((work / "sweep.h5").exists(), f"in {root.name}: merge")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        sys.exit("dist_test: needs root, for chroot")
    archive, icl = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="icl-dist-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        subprocess.run(["tar", "-C", work, "-xJf", archive], check=True)
        (extracted,) = work.iterdir()
        extracted.rename(work / "icl")
        check_static(work / "icl/bin/icl")
        (work / "run.toml").write_text(TOML)
        (work / "sweep.toml").write_text(TOML + SWEEP)
        for kernels in KERNELS:
            train_here(icl, work, f"{kernels}.h5", kernels)
        # The 512 bytes with the hashes are gone, as after h5py: the child process that reads it finds HDF5.
        run = (work / f"{KERNELS[0]}.h5").read_bytes()
        (work / "changed.h5").write_bytes(run[:-512])
        older_kernel(work / "icl/bin/icl", work)
        print("dist_test: with the system calls of Linux 4.18 alone: passed", flush=True)
        train_here(icl, work, "long-here.h5", KERNELS[0], "--set", "train.epochs=60")
        empty = Path(folder) / "empty"
        roots = [empty, *map(Path, sys.argv[3:])]
        for path in roots:
            for mounts in "bare", "mounted":
                # The mount points are all that a root holds of this test, and are removed unless they were there.
                places = [path / "trial"] + ([path / "proc", path / "dev"] if mounts == "mounted" else [])
                made = [place for place in places if not place.exists()]
                for place in made:
                    place.mkdir(parents=True)
                try:
                    try_root(Root(path, work, mounts))
                    print(f"dist_test: {path.name}, {mounts}: passed", flush=True)
                finally:
                    for place in made:
                        place.rmdir()
    print(f"dist_test: static; in roots {', '.join(path.name for path in roots)}, bare and with /proc and /dev: "
          f"the bits of {icl} with kernels {', '.join(KERNELS)}")


if __name__ == "__main__":
    main()
