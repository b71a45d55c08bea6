"""Nothing is lost: kills, failing system calls and full disks, against the program itself.

usage: trust.py ICL FAULT_LIBRARY [--share X]     X = 1 is the whole table; CI runs a tenth
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TINY = """
[model]
hidden = 16
[data]
K = 24
N = 8
D = 9
[train]
epochs = 100
steps_per_epoch = 100
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 20
[probe]
sequences = 0
[record]
snapshots = 4
publish_seconds = 0.02
"""

LAST_STEP = 100 * 100


class Trust:
    def __init__(self, icl, library, share):
        self.icl, self.library, self.share = icl, library, share
        self.failures = []

    def run(self, folder, *args, **kwargs):
        return subprocess.run([self.icl, *args], cwd=folder, capture_output=True, text=True, timeout=120, **kwargs)

    def check(self, condition, message):
        if not condition:
            self.failures.append(message)
            print(f"  FAILED: {message}", flush=True)

    def same(self, a, b):
        result = subprocess.run(["h5diff", "--exclude-path", "/provenance", a, b], capture_output=True, text=True)
        return result.returncode == 0 and not result.stdout + result.stderr

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="icl-trust-")
        (Path(folder.name) / "tiny.toml").write_text(TINY)
        return folder

    def kills(self):
        """kill -9 at random moments, in chains of at least 5 for a run."""
        wanted, rng = int(2000 * self.share), random.Random(1)
        kills = lost = chains = 0
        with self.folder() as name:
            folder = Path(name)
            train = [self.icl, "train", "tiny.toml", "--quiet", "--threads", "1", "--out"]
            subprocess.run([*train, "whole.h5"], cwd=folder, check=True)
            begin = time.monotonic()
            subprocess.run([*train, "timed.h5"], cwd=folder, check=True)
            length = time.monotonic() - begin
            while kills < wanted:
                out, step, chain = folder / "run.h5", -1, 0
                out.unlink(missing_ok=True)
                while True:
                    run = subprocess.Popen([*train, "run.h5", "--resume"], cwd=folder, stderr=subprocess.DEVNULL)
                    try:
                        # Short enough that a run meets several kills, long enough that it moves on at all.
                        run.wait(timeout=length * rng.uniform(0.05, 0.5) if chain < 8 else None)
                    except subprocess.TimeoutExpired:
                        run.kill()
                        run.wait()
                        kills, chain = kills + 1, chain + 1
                    else:
                        self.check(run.returncode == 0, f"a resumed run exits with {run.returncode}")
                        break
                    if out.exists():
                        info = self.run(folder, "info", "run.h5", "--json")
                        self.check(info.returncode == 0, f"unreadable after kill {kills}: {info.stderr}")
                        now = json.loads(info.stdout)["step"] if info.returncode == 0 else -1
                        lost += now < step
                        step = max(step, now)
                chains += chain >= 5
                self.check(self.same(folder / "whole.h5", out), f"other bits after {chain} kills")
                expected = {"tiny.toml", "whole.h5", "timed.h5", "run.h5"}
                if step == LAST_STEP:
                    # Killed between its last publication and its end: a finished file is not touched, nor its dead lock.
                    expected.add("run.h5.lock")
                    (folder / "run.h5.lock").unlink(missing_ok=True)
                leftovers = [p.name for p in folder.iterdir() if p.name not in expected]
                self.check(not leftovers, f"left behind: {leftovers}")
            self.check(lost == 0, f"{lost} times published rows were lost")
            self.check(chains > 0, "no chain of five kills")
        return f"{kills} kills, {chains} runs with at least five of them, {lost} losses"

    def faults(self):
        """Each open, write, fsync, close and rename of a publication failed in turn."""
        counts = dict.fromkeys(("open", "write", "fsync", "close", "rename"), 0)
        with self.folder() as name:
            folder = Path(name)
            args = ["train", "tiny.toml", "--quiet", "--threads", "1", "--force", "--out", "run.h5",
                    "--set", "train.epochs=2", "--set", f"train.steps_per_epoch={2 if self.share < 1 else 5}",
                    "--set", "record.publish_seconds=0"]
            self.check(self.run(folder, *args).returncode == 0, "the run without faults")
            whole = (folder / "run.h5").read_bytes()
            shutil.copy(folder / "run.h5", folder / "good.h5")
            log = Path(tempfile.gettempdir()) / f"icl-fault-{os.getpid()}"
            for call in counts:
                for kind in ("ENOSPC", "EIO", "short") if call == "write" else ("ENOSPC", "EIO"):
                    number = 0
                    while True:
                        number += 1
                        log.unlink(missing_ok=True)
                        (folder / "run.h5").write_bytes(whole)
                        env = os.environ | {"LD_PRELOAD": self.library, "FAULT_FOLDER": str(folder), "FAULT_CALL": call,
                                            "FAULT_NUMBER": str(number), "FAULT_KIND": kind, "FAULT_LOG": str(log)}
                        result = self.run(folder, *args, env=env)
                        if not log.exists():
                            self.check(result.returncode == 0, f"without a fault: {result.returncode} {result.stderr}")
                            break
                        counts[call] += 1
                        where = f"{call} {number} {kind}"
                        hit = log.read_text()
                        # No harm: what was only read closes, the search for what killed runs left does not begin, the
                        # old file's access list or at the end the lock is not read, HDF5 looks whether a file of its
                        # image's name exists.
                        read_only = {"close": ("", "/run.h5", "/run.h5.lock"), "open": ("/.", "/run.h5", "/run.h5.lock")}
                        harmless = hit in [str(folder) + end for end in read_only.get(call, ())] or "/icl-image-" in hit
                        self.check(result.returncode == 74 or result.returncode == 0 and harmless, f"{where}: exit {result.returncode}: {result.stderr}")
                        if result.returncode == 74:
                            self.check("run.h5" in result.stderr, f"{where}: the message names no path: {result.stderr}")
                        info = self.run(folder, "info", "run.h5", "--json")
                        self.check(info.returncode == 0, f"{where}: the file is not readable: {info.stderr}")
                        # A fault that is survived must not have harmed the result.
                        if result.returncode == 0:
                            self.check(self.same(folder / "good.h5", folder / "run.h5"), f"{where}: exit 0 and other bits")
            log.unlink(missing_ok=True)
            # Each publication renames once, and brings both the file and its folder to disk.
            self.check(counts["rename"] > 0 and counts["fsync"] == 2 * counts["rename"], f"faults of each call: {counts}")
            self.check(all(counts.values()), f"faults of each call: {counts}")
        return f"{sum(counts.values())} faults: " + ", ".join(f"{n} of {call}" for call, n in counts.items())

    def stopped(self, folder, args, call, number):
        """Starts a command that stops in one of its calls; None if it has fewer of them (and has ended then)."""
        log = Path(tempfile.gettempdir()) / f"icl-fault-{os.getpid()}"
        log.unlink(missing_ok=True)
        env = os.environ | {"LD_PRELOAD": self.library, "FAULT_FOLDER": str(folder), "FAULT_CALL": call,
                            "FAULT_NUMBER": str(number), "FAULT_KIND": "stop", "FAULT_LOG": str(log)}
        process = subprocess.Popen([self.icl, *args], cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
        status = os.waitpid(process.pid, os.WUNTRACED)[1]
        if os.WIFSTOPPED(status):
            return process
        process.returncode = os.waitstatus_to_exitcode(status)
        self.check(process.returncode == 0, f"{args} without a stop: {process.returncode} {process.stderr.read()}")
        process.stderr.close()
        return None

    def go_on(self, process):
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=60)[1]
        return process.returncode, said

    def free_lock(self, lock, how):
        """What happens to the lock of a process that sleeps: its age shows, or somebody removes it (or: the process)."""
        if lock.exists() and how == "aged":
            os.utime(lock, (time.time() - 100,) * 2)
        elif how == "removed":
            lock.unlink(missing_ok=True)

    def stops(self):
        """A writer that is stopped at any point of its publications, while another takes over and finishes."""
        counts = {}
        with self.folder() as name:
            folder = Path(name)
            out, lock = folder / "run.h5", folder / "run.h5.lock"
            args = ["train", "tiny.toml", "--quiet", "--threads", "1", "--resume", "--out", "run.h5",
                    "--set", "train.epochs=1", "--set", "train.steps_per_epoch=3", "--set", "record.publish_seconds=0"]
            self.check(self.run(folder, *args).returncode == 0, "the run without stops")
            shutil.copy(out, folder / "good.h5")
            for call in ("rename", "fsync", "unlink", "link", "look", "open", "write", "close"):
                counts[call] = number = 0
                # A tenth of the table stops in some of the calls that there are most of.
                step = 4 if self.share < 1 and call in ("look", "open", "write", "close") else 1
                while True:
                    number += step
                    how = ("aged", "removed", "dead")[number // step % 3]
                    where = f"stopped in {call} {number}, lock {how}"
                    out.unlink(missing_ok=True)
                    lock.unlink(missing_ok=True)
                    sleeper = self.stopped(folder, args, call, number)
                    if sleeper is None:
                        break
                    counts[call] += 1
                    self.free_lock(lock, how)
                    if how == "dead":
                        sleeper.kill()
                        sleeper.communicate()
                    other = self.run(folder, *args)
                    self.check(other.returncode == 0, f"{where}: the other exits with {other.returncode}: {other.stderr}")
                    after = out.read_bytes()
                    code, said = (73, "run.h5") if how == "dead" else self.go_on(sleeper)
                    # 0 of one that slept before it had the lock, and then found the run finished.
                    self.check(code == 73 or code == 0, f"{where}: exit {code}: {said}")
                    self.check(code == 0 or "run.h5" in said, f"{where}: exit {code}: {said}")
                    self.check(out.read_bytes() == after, f"{where}: the finished file was replaced")
                    self.check(self.same(folder / "good.h5", out), f"{where}: other bits")
                    # A finished file is not touched, nor the lock of who was killed right after it.
                    expected = {"tiny.toml", "run.h5", "good.h5"} | ({"run.h5.lock"} if how == "dead" and call == "unlink" else set())
                    left = {p.name for p in folder.iterdir()} - expected
                    self.check(not left, f"{where}: left behind: {left}")
                    for stray in left:
                        (folder / stray).unlink()
            self.check(all(counts.values()), f"stops in each call: {counts}")
        return f"{sum(counts.values())} stops: " + ", ".join(f"{n} in {call}" for call, n in counts.items())

    def late_writers(self):
        """The same of all else that is published: what another wrote meanwhile stays."""
        done = []
        with self.folder() as name:
            folder = Path(name)
            small = ["--set", "train.epochs=1", "--set", "train.steps_per_epoch=2", "--quiet", "--threads", "1"]
            self.check(self.run(folder, "train", "tiny.toml", "--out", "run.h5", *small).returncode == 0, "a run")
            for seeds in 1, 2, 3:
                (folder / f"s{seeds}.toml").write_text(f"{TINY}\n[sweep]\nseeds = {seeds}\n")
            sweeping = ["--out", "S", "--quiet", "--set", "train.epochs=1", "--set", "train.steps_per_epoch=2"]
            self.check(self.run(folder, "sweep", "s1.toml", *sweeping).returncode == 0, "a sweep")
            landscape = ["theory", "landscape", "--out", "l.h5", "--force", "--N"]
            for output, first, second in (
                ("x.h5", ["export", "run.h5", "--items", "--out", "x.h5", "--force"],
                 ["export", "run.h5", "--batch", "0", "--out", "x.h5", "--force"]),
                ("l.h5", [*landscape, "8"], [*landscape, "9"]),
                ("m.h5", ["merge", "S", "--out", "m.h5", "--force"], ["merge", "S", "--out", "m.h5", "--force"]),
                ("S/sweep.toml", ["sweep", "s2.toml", *sweeping], ["sweep", "s3.toml", *sweeping]),
            ):
                for call in "fsync", "rename":
                    where = f"{output}, stopped in {call}"
                    path = folder / output
                    # A sweep looks after the folder above its own first; then it writes its sweep.toml.
                    number = 2 if first[0] == "sweep" and call == "fsync" else 1
                    if first[0] == "sweep":
                        shutil.rmtree(folder / "S")
                        self.check(self.run(folder, "sweep", "s1.toml", *sweeping).returncode == 0, f"{where}: a sweep")
                    else:
                        path.unlink(missing_ok=True)
                    sleeper = self.stopped(folder, first, call, number)
                    if sleeper is None:
                        self.check(False, f"{where}: it does not")
                        continue
                    self.free_lock(path.with_name(path.name + ".lock"), "aged")
                    other = self.run(folder, *second)
                    self.check(other.returncode == 0, f"{where}: the other: {other.returncode} {other.stderr}")
                    after = path.read_bytes()
                    code, said = self.go_on(sleeper)
                    self.check(code == 73 and path.name in said, f"{where}: exit {code}: {said}")
                    self.check(path.read_bytes() == after, f"{where}: replaced")
                    left = [p for p in (*folder.rglob(".*"), *folder.rglob("*.lock"), *folder.rglob("*.2"))]
                    self.check(not left, f"{where}: left behind: {left}")
                done.append(output)
        return ", ".join(done)

    def odd_file_systems(self):
        """Folders that cannot be brought to disk, no hard links, and calls that report a failure though they are done."""
        odd = [("sync", kind) for kind in ("EINVAL", "EBADF", "EROFS", "ENOTSUP")]
        odd += [("link", kind) for kind in ("EPERM", "ENOTSUP", "ENOSYS", "late")] + [("rename", "late"), ("unlink", "late")]
        with self.folder() as name:
            folder = Path(name)
            args = ["train", "tiny.toml", "--quiet", "--threads", "1", "--force", "--out", "run.h5",
                    "--set", "train.epochs=1", "--set", "train.steps_per_epoch=3", "--set", "record.publish_seconds=0"]
            self.check(self.run(folder, *args).returncode == 0, "the run without faults")
            shutil.copy(folder / "run.h5", folder / "good.h5")
            for call, kind in odd:
                for existing in True, False:
                    if not existing:
                        (folder / "run.h5").unlink()
                    env = os.environ | {"LD_PRELOAD": self.library, "FAULT_FOLDER": str(folder), "FAULT_CALL": call,
                                        "FAULT_NUMBER": "0", "FAULT_KIND": kind, "FAULT_LOG": "/dev/null"}
                    result = self.run(folder, *args, env=env)
                    where = f"{call} {kind}"
                    self.check(result.returncode == 0, f"{where}: exit {result.returncode}: {result.stderr}")
                    self.check(self.same(folder / "good.h5", folder / "run.h5"), f"{where}: other bits")
                    left = {p.name for p in folder.iterdir()} - {"tiny.toml", "run.h5", "good.h5"}
                    self.check(not left, f"{where}: left behind: {left}")
            # The library itself ends a process that makes a folder and does not sync the one above.
            (folder / "s.toml").write_text(f"{TINY}\n[sweep]\nseeds = 3\n")
            env = os.environ | {"LD_PRELOAD": self.library, "FAULT_FOLDER": str(folder)}
            result = self.run(folder, "sweep", "s.toml", "--out", "a/b/c", "--quiet", "--set", "train.epochs=1", env=env)
            self.check(result.returncode == 0, f"a sweep in new folders: {result.returncode} {result.stderr}")
            result = self.run(folder, "sweep", "s.toml", "--out", "a/b/d", "--slurm", env=env)
            self.check(result.returncode == 0, f"a batch script in new folders: {result.returncode} {result.stderr}")
        return ", ".join(f"{kind} of {call}" for call, kind in odd)

    def clocks(self):
        """Hosts whose clocks differ by minutes agree on which runs are being written."""
        with self.folder() as name:
            folder = Path(name)
            (folder / "s.toml").write_text(f"{TINY}\n[sweep]\nseeds = 1\n".replace("epochs = 100", "epochs = 100000"))
            sweep = subprocess.Popen([self.icl, "sweep", "s.toml", "--out", "S", "--quiet"], cwd=folder,
                                     stderr=subprocess.DEVNULL)
            try:
                end = time.monotonic() + 60
                while not list(folder.glob("S/runs/*/*.h5")) and time.monotonic() < end:
                    time.sleep(0.05)
                run = next(folder.glob("S/runs/*/*.h5"))
                for ahead in 600, -600:
                    env = os.environ | {"LD_PRELOAD": self.library, "FAULT_CLOCK": str(ahead)}
                    status = self.run(folder, "status", "S", "--json", env=env)
                    counts = json.loads(status.stdout)["counts"] if status.returncode == 0 else {}
                    self.check(counts.get("running") == 1, f"a clock {ahead} s ahead: {counts} {status.stderr}")
                    other = self.run(folder, "theory", "landscape", "--N", "8", "--force", "--out", str(run), env=env)
                    self.check(other.returncode == 73 and "is being written" in other.stderr,
                               f"a clock {ahead} s ahead: exit {other.returncode}: {other.stderr}")
                left = [p.name for p in run.parent.iterdir() if p not in (run, Path(f"{run}.lock"))]
                self.check(not [name for name in left if not name.startswith(f".{run.name}.tmp-")], f"left behind: {left}")
            finally:
                sweep.terminate()
                sweep.wait()
        return "two"

    def full_disk(self):
        """A disk that is really full, and a limit on file sizes."""
        done = []
        with self.folder() as name:
            folder = Path(name)
            disk = folder / "disk"
            disk.mkdir()
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True).returncode == 0:
                try:
                    small = ["--quiet", "--threads", "1", "--force", "--set", "record.snapshots=0", "--set", "train.epochs=2"]
                    self.check(self.run(folder, "train", "tiny.toml", "--out", "disk/run.h5", *small).returncode == 0, "a small run")
                    old = (disk / "run.h5").read_bytes()
                    (disk / "filler").write_bytes(bytes(280_000 - 2 * len(old) if 280_000 > 2 * len(old) else 0))
                    result = self.run(folder, "train", "tiny.toml", "--out", "disk/run.h5", *small[:-4], "--set", "record.snapshots=100")
                    self.check(result.returncode == 74, f"a full disk: exit {result.returncode}: {result.stderr}")
                    self.check("run.h5" in result.stderr and "No space left" in result.stderr, f"a full disk: {result.stderr}")
                    info = self.run(folder, "info", "disk/run.h5")
                    self.check(info.returncode == 0, f"a full disk: {info.stderr}")
                    self.check(not list(disk.glob(".*")), "a full disk: something is left behind")
                    done.append("tmpfs")
                finally:
                    subprocess.run(["umount", disk], check=True)
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            result = self.run(folder, "train", "tiny.toml", "--out", "run.h5", "--quiet", preexec_fn=limit)
            self.check(result.returncode == 74 and "File too large" in result.stderr, f"ulimit -f: {result.returncode} {result.stderr}")
            self.check(not (folder / "run.h5").exists(), "ulimit -f: a file appeared")
            done.append("ulimit -f")
        return ", ".join(done)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("icl", type=os.path.abspath)
    parser.add_argument("library", type=os.path.abspath)
    parser.add_argument("--share", type=float, default=0.1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="icl-trust-") as folder:
        # LD_PRELOAD takes a blank for the end of a path, and the sources may lie under one.
        trust = Trust(args.icl, shutil.copy(args.library, folder), args.share)
        for part in (trust.kills, trust.faults, trust.stops, trust.late_writers, trust.odd_file_systems, trust.clocks,
                     trust.full_disk):
            begin = time.monotonic()
            said = part()
            print(f"{part.__name__}: {said} ({time.monotonic() - begin:.0f} s)", flush=True)
    if trust.failures:
        sys.exit(f"{len(trust.failures)} failures")


if __name__ == "__main__":
    main()
