#!/usr/bin/env python3
"""The program under limits of memory, address space, descriptors, processes and files: it works, or says in
one sentence what it lacks, ends with a documented status, and leaves no lock or temporary behind.

Usage: limits_test.py PROGRAM"""
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

PROGRAM = ""
DOCUMENTED = {0, 1, 64, 65, 70, 71, 73, 74, 75, 80}
RUN = """[data]
K = 64
N = 8
[model]
hidden = 16
[train]
epochs = 2
steps_per_epoch = 20
"""
SWEEP = RUN + """[sweep]
seeds = 6
"""
MEBIBYTE = 1 << 20


def sets(*values):
    return [word for value in values for word in ("--set", value)]


class Limits(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="icl_limits_"))
        (self.folder / "run.toml").write_text(RUN)
        (self.folder / "sweep.toml").write_text(SWEEP)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def icl(self, *arguments, limits=(), environment=None, timeout=200):
        """Runs the program with (resource, soft and hard limit) pairs in force."""

        def limit():
            for what, value in limits:
                resource.setrlimit(what, (value, value))

        return subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True, text=True,
                              preexec_fn=limit, timeout=timeout, env={**os.environ, **(environment or {})})

    def expect_one_sentence(self, result, statuses=DOCUMENTED):
        self.assertIn(result.returncode, statuses, result.stderr)
        if result.returncode != 0:
            self.assertRegex(result.stderr, r"\Aicl: [^\n]+\n\Z")
        self.expect_nothing_left()

    def expect_nothing_left(self):
        left = [p.name for p in self.folder.rglob("*") if ".lock" in p.name or ".tmp" in p.name or p.name.startswith(".")]
        self.assertEqual(left, [])

    # ---- How much memory ----

    def test_dry_run_says_how_much_and_of_what_at_once(self):
        result = self.icl("train", "run.toml", "--dry-run", "--threads", "1", *sets("data.K=10000000"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("# memory: at most about 5.2 GB\n", result.stdout)
        self.assertRegex(result.stdout, r"#   items +5.2 GB  data.K, data.D, data.items\n")
        huge = sets("data.K=1000000000", "model.hidden=65536", "train.batch_size=65536", "data.N=65536")
        result = self.icl("train", "run.toml", "--dry-run", *huge, limits=[(resource.RLIMIT_CPU, 5)], timeout=20)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("# time: not measured", result.stdout)
        self.assertIn("more than there is: this machine has ", result.stdout)
        result = self.icl("train", "run.toml", "--dry-run", *sets("train.batch_size=65536", "model.hidden=4096"),
                          limits=[(resource.RLIMIT_CPU, 20)], timeout=60)
        self.assertRegex(result.stdout, r"# time: at most about [^\n]+ a step")  # by steps of fewer sequences

    def test_what_dry_run_says_is_what_a_run_takes(self):
        (self.folder / "run.toml").write_text("[train]\nepochs = 1\nsteps_per_epoch = 3\n[record]\npublish_seconds = 0\n")
        small = ("data.K=1000", "data.N=10", "eval.sequences=8", "probe.sequences=8", "record.snapshots=0")
        for values in (("data.K=300000", "train.batch_size=2"),
                       ("model.hidden=1500", "record.snapshots=5", "data.K=1000", "train.batch_size=8"),
                       ("model.hidden=1500", 'train.optimizer="adam"', "train.batch_size=8", *small),
                       ("model.hidden=512", "train.batch_size=16000", "train.steps_per_epoch=1", *small),
                       ('model.system="multi_layer"', "train.batch_size=500", "train.steps_per_epoch=1", *small),
                       ('model.system="minimal"', "train.batch_size=16000", "train.steps_per_epoch=1", *small),
                       ('model.system="memoriser"', "train.batch_size=16000", "train.steps_per_epoch=1", *small)):
            with self.subTest(values):
                arguments = ["train", "run.toml", "--threads", "1", *sets(*values)]
                dry = self.icl(*arguments, "--dry-run").stdout
                said = float(re.search(r"# memory: at most about (\d+) MB\n", dry)[1])
                with open(self.folder / "log", "wb") as log:
                    process = subprocess.Popen([PROGRAM, *arguments, "--out", "m.h5", "--force"], cwd=self.folder,
                                               stdout=log, stderr=log)
                    _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual(process.returncode, 0, (self.folder / "log").read_text())
                self.assertAlmostEqual(said, usage.ru_maxrss * 1024 / 1e6, delta=0.06 * said)

    # ---- Refused ----

    def test_more_than_the_address_space_is_refused_before_anything_is_made(self):
        limit = [(resource.RLIMIT_AS, 2000 * MEBIBYTE)]
        for values in (["data.K=10000000"], ["model.hidden=20000"], ["train.batch_size=65536", "model.hidden=4096"]):
            with self.subTest(values):
                result = self.icl("train", "run.toml", "--out", "a.h5", *sets(*values), limits=limit)
                self.expect_one_sentence(result, {71})
                self.assertIn("address space of this process (ulimit -v) has ", result.stderr)
                self.assertIn(values[0].split("=")[0], result.stderr)
                self.assertFalse((self.folder / "a.h5").exists())

    def test_an_address_space_that_is_cut_while_a_run_goes_on_ends_it_with_a_message(self):
        arguments = ["train", "run.toml", "--out", "cut.h5", "--threads", "2",
                     *sets("train.epochs=100000", "record.publish_seconds=0.05", "model.hidden=64")]
        process = subprocess.Popen([PROGRAM, *arguments], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not (self.folder / "cut.h5").exists():
            time.sleep(0.02)
        resource.prlimit(process.pid, resource.RLIMIT_AS, (50 * MEBIBYTE, 50 * MEBIBYTE))
        stderr = process.communicate(timeout=100)[1]
        self.assertEqual(process.returncode, 71, stderr)
        self.assertIn("out of memory", stderr)
        verified = self.icl("verify", "cut.h5")
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def in_group(self, limit, arguments, version=2, in_use=100 * MEBIBYTE):
        """Runs the program where /proc/PID/cgroup and mountinfo show a planted control group."""
        group = self.folder / "group" / "job"
        group.mkdir(parents=True, exist_ok=True)
        names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        (group / names[0]).write_text(f"{limit}\n")
        (group / names[1]).write_text(f"{in_use}\n")
        (self.folder / "group.txt").write_text("0::/job\n" if version == 2 else "4:memory:/job\n")
        kind = "cgroup2 cgroup2 rw" if version == 2 else "cgroup cgroup rw,memory"
        (self.folder / "mounts.txt").write_text(f"31 23 0:28 / {self.folder}/group rw,relatime - {kind}\n")
        script = ('mount --bind group.txt /proc/$$/cgroup && mount --bind mounts.txt /proc/$$/mountinfo || exit 200\n'
                  'exec "$@"')
        result = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", PROGRAM, *arguments], cwd=self.folder,
                                capture_output=True, text=True, timeout=200)
        if result.returncode == 200 or "unshare" in result.stderr:
            self.skipTest("needs root: " + result.stderr.strip())
        return result

    def test_more_than_the_control_group_has_is_refused(self):
        for version in (1, 2):
            for values in (["data.K=10000000"], ["model.hidden=20000"],
                           ["train.batch_size=65536", "model.hidden=4096"]):
                with self.subTest(values, version=version):
                    result = self.in_group(2000 * MEBIBYTE, ["train", "run.toml", "--out", "a.h5", *sets(*values)],
                                           version)
                    self.expect_one_sentence(result, {71})
                    self.assertIn("control group of this process has 2.0 GB left of 2.1 GB", result.stderr)

    def test_every_command_that_trains_looks_before(self):
        self.assertEqual(self.icl("train", "run.toml", "--out", "a.h5", "--force", "--quiet").returncode, 0)
        few = 10 * MEBIBYTE
        commands = (["train", "run.toml", "--out", "b.h5"], ["verify", "a.h5"],
                    ["branch", "a.h5", "--at", "20", "--out", "b.h5"], ["bench", "run.toml"],
                    ["export", "a.h5", "--items", "--out", "b.h5"], ["sweep", "sweep.toml", "--out", "s"],
                    ["theory", "landscape", "--run", "a.h5", "--step", "10", "--out", "b.h5"])
        for command in commands:
            with self.subTest(command):
                result = self.in_group(few, command, in_use=0)
                self.expect_one_sentence(result, {71})
                self.assertIn("--ignore-memory-limit", result.stderr)
                self.assertFalse((self.folder / "b.h5").exists())
        for command in commands[:4]:
            with self.subTest(command, ignored=True):
                extra = ["--seconds", "0.01"] if command[0] == "bench" else ["--quiet"]
                result = self.in_group(few, [*command, *extra, "--ignore-memory-limit"], in_use=0)
                self.assertIn(result.returncode, {0, 64}, result.stderr)
                (self.folder / "b.h5").unlink(missing_ok=True)
        # A run that has ended needs none.
        result = self.in_group(few, ["train", "run.toml", "--out", "a.h5", "--resume"], in_use=0)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_sweep_runs_as_many_jobs_as_fit(self):
        one = json.loads(self.icl("sweep", "sweep.toml", "--out", "s", "--dry-run", "--json", "--jobs", "1").stdout)
        need = one["runs"][0]["bytes"]
        self.assertEqual(one["bytes"], need)
        result = self.in_group(int(2.5 * need), ["sweep", "sweep.toml", "--out", "s", "--jobs", "4"], in_use=0)
        self.expect_one_sentence(result, {71})
        self.assertIn("--jobs 2 fits", result.stderr)
        result = self.in_group(int(1.5 * need), ["sweep", "sweep.toml", "--out", "s", "--dry-run", "--json"], in_use=0)
        self.assertEqual(json.loads(result.stdout)["jobs"], 1)

    # ---- The whole program on ladders of limits ----

    def commands(self):
        return (["--version"], ["train", "run.toml", "--out", "n.h5", "--force", "--quiet", "--threads", "2"],
                ["train", "run.toml", "--dry-run"], ["info", "a.h5"], ["verify", "a.h5", "--quiet", "--threads", "2"],
                ["branch", "a.h5", "--at", "20", "--out", "n.h5", "--force", "--quiet"],
                ["export", "a.h5", "--items", "--out", "e.h5", "--force"], ["status", "s"],
                ["sweep", "sweep.toml", "--out", "t", "--quiet", "--jobs", "3"],
                ["merge", "s", "--out", "m.h5", "--force"], ["theory", "tau-star", "--N", "100"])

    def climb(self, what, ladder, commands=None, also=()):
        """Each command under each limit; the statuses that it ended with, by limit."""
        self.assertEqual(self.icl("train", "run.toml", "--out", "a.h5", "--force", "--quiet").returncode, 0)
        self.assertEqual(self.icl("sweep", "sweep.toml", "--out", "s", "--quiet").returncode, 0)
        statuses = {}
        for limit in ladder:
            for command in commands or self.commands():
                with self.subTest(command, limit=limit):
                    result = self.icl(*command, limits=[(what, limit)], timeout=200)
                    statuses.setdefault(limit, []).append(result.returncode)
                    if result.returncode == 127:  # the dynamic loader's
                        continue
                    self.assertIn(result.returncode, DOCUMENTED | set(also), result.stderr)
                    if result.returncode != 0:
                        self.assertRegex(result.stderr, r"icl: [^\n]+\n\Z")
                    if command[0] != "sweep":
                        self.assertLessEqual(result.stderr.count("\n"), 1, result.stderr)
                    self.expect_nothing_left()
                    shutil.rmtree(self.folder / "t", ignore_errors=True)
        return statuses

    def test_address_space(self):
        ladder = [m * MEBIBYTE for m in (100, 320, 440, 480, 520, 600, 4000)]
        for threads in ("1", "2"):  # for which OpenBLAS makes room at the start
            with mock.patch.dict(os.environ, OMP_NUM_THREADS=threads):
                statuses = self.climb(resource.RLIMIT_AS, ladder)
            self.assertEqual(set(statuses[ladder[0]]), {71})
            self.assertEqual(set(statuses[ladder[-1]]), {0})

    def test_products_are_not_begun_without_address_space_for_them(self):
        for threads in ("4", "8"):
            result = self.icl("train", "run.toml", "--out", "n.h5", "--quiet", "--threads", threads, "--ignore-memory-limit",
                              limits=[(resource.RLIMIT_AS, 640 * MEBIBYTE)], environment={"OMP_NUM_THREADS": "1"})
            self.expect_one_sentence(result, {71})
            self.assertIn(f"MiB more of address space for {threads} threads", result.stderr)

    def test_data(self):
        ladder = [m * MEBIBYTE for m in (20, 290, 4000)]
        statuses = self.climb(resource.RLIMIT_DATA, ladder)
        self.assertEqual(set(statuses[ladder[0]]), {71})
        self.assertEqual(set(statuses[ladder[-1]]), {0})

    def test_descriptors(self):
        ladder = [4, 5, 6, 8, 64]
        statuses = self.climb(resource.RLIMIT_NOFILE, ladder)
        self.assertEqual(set(statuses[ladder[-1]]), {0})

    def test_stack(self):
        ladder = [k << 10 for k in (256,)]
        statuses = self.climb(resource.RLIMIT_STACK, ladder)
        self.assertEqual(set(statuses[ladder[-1]]), {0})

    def test_locked_memory(self):
        self.assertEqual(set(self.climb(resource.RLIMIT_MEMLOCK, [0])[0]), {0})

    def test_a_sweep_of_more_jobs_than_descriptors_runs_all(self):
        result = self.icl("sweep", "sweep.toml", "--out", "t", "--quiet", "--jobs", "6",
                          limits=[(resource.RLIMIT_NOFILE, 14)])
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_file_size(self):
        for limit in (0, 100, 5000, 1 << 20):
            result = self.icl("train", "run.toml", "--out", "n.h5", "--quiet", limits=[(resource.RLIMIT_FSIZE, limit)])
            self.expect_one_sentence(result, {0, 73, 74})


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
