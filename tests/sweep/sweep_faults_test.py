#!/usr/bin/python3
"""What goes wrong with sweeps: one clear message for it, and one file a run whatever happens on the way.

usage: sweep_faults_test.py ICL [--runs N]

--runs: size of the sweep that is sharded and killed (default 30; 1000 is the full size).
"""

import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

from sweeping import BASE, ICL, SMALL, SweepingTest, main

RUNS = 30


class SweepFaultsTest(SweepingTest):
    def test_bad_input(self):
        run = lambda *args: ("sweep", "sweep.toml", "--out", "out", *args)
        for text, part in ((BASE + "[sweep.axes]\ndata.k = [24]\n", "sweep.toml:15: unknown key \"data.k\"; did you mean data.K?"),
                           (BASE + "[sweep.axes]\ndata.K = []\n", "the list is empty"),
                           (BASE + "[sweep.axes]\ndata.K = [24, 25]\n", "expected an even integer"),
                           (BASE + "[sweep.axes]\ndata.K = [4, 24]\n", "the run with data.K = 4, seed 0: data.K = 4 must be at least"),
                           (BASE + "[sweep]\nseeds = 2000001\n", "seeds = 2000001"),
                           (BASE + "[sweep]\nseed = 2\n", "unknown key \"seed\" in [sweep]")):
            with self.subTest(part):
                self.write(text)
                self.fails(64, part, *run())
        self.write(BASE + "[sweep]\nseeds = 1000\n[sweep.axes]\ntrain.weight_decay_mlp = { linear = [0.1, 1], count = 2000 }\n")
        self.fails(64, "2000000 runs; --yes if that is meant", *run())
        self.write(SMALL)
        for shard in "0/0", "4/3", "-1/2", "1", "a/b", "0/2/3":
            self.fails(64, "expected i/n", *run(f"--shard={shard}"))
        self.fails(64, "--scale desk: sweep.toml has no [scale.desk]", *run("--scale", "desk"))
        self.fails(64, "data.K is an axis of the sweep", *run("--set", "data.K=24"))
        self.fails(64, "data.K is an axis of the sweep", *run("--set", " data.K = 24"))
        self.fails(64, "--jobs", *run("--jobs=-1"))
        self.fails(64, "--threads", *run("--threads", "0"))
        self.fails(64, "--tasks", *run("--slurm", "--tasks", "1002"))
        self.fails(65, "holds no sweep", "status", ".")
        self.fails(65, "cannot read nothing.toml", "sweep", "nothing.toml", "--out", "out")
        self.fails(64, "icl sweep", "train", "sweep.toml")

    def test_another_sweeps_folder(self):
        self.sweep("out")
        self.write(SMALL.replace("N = 8", "N = 9"))
        self.fails(73, "'out' holds another sweep: data.N is 8 there and 9 here", "sweep", "sweep.toml", "--out", "out")
        self.write("a file", "plain")
        self.fails(73, "cannot make the folder", "sweep", "sweep.toml", "--out", "plain")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become another user")
    def test_runs_are_not_called_damaged_where_no_process_can_be_started(self):
        self.sweep("out")
        self.cwd.chmod(0o777)  # another user is to reach it
        program = self.cwd / "icl"
        shutil.copy(ICL, program)

        def as_nobody():
            os.setgid(65533)  # of whom there is no other process
            os.setuid(65533)
            resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))  # itself, and the thread that keeps the lock

        merge = subprocess.run([program, "merge", "out", "--out", "out.h5"], cwd=self.cwd, capture_output=True, text=True,
                               timeout=60, preexec_fn=as_nobody)
        self.assertEqual(merge.returncode, 71, merge.stderr)
        self.assertRegex(merge.stderr, r"\Aicl: cannot start a process that reads 'out/runs/[^\n]*\n\Z")
        self.assertFalse((self.cwd / "out.h5").exists())

    def test_a_run_that_cannot_be_read_is_not_called_damaged(self):
        self.sweep("out")
        file = self.run_files("out")[2]
        file.unlink()
        with socket.socket(socket.AF_UNIX) as unreadable:  # a file that cannot be opened, as on a device that is gone
            unreadable.bind(os.path.relpath(file))
        merge = self.icl("merge", "out", "--out", "out.h5")
        self.assertEqual(merge.returncode, 74, merge.stderr)
        self.assertRegex(merge.stderr, "not read: .*: cannot read '.*': No such device or address")
        self.assertIn("5 runs merged, 0 missing, 0 unfinished, 0 damaged, 1 not read", merge.stderr)

    def test_a_damaged_run_is_reported_and_left(self):
        self.sweep("out")
        file = self.run_files("out")[2]
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        result = self.icl("sweep", "sweep.toml", "--out", "out")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, "run data.K = .* failed: .*cut short.*remove it")
        self.assertEqual(file.read_bytes(), whole[:-1])
        merge = self.icl("merge", "out", "--out", "out.h5")
        self.assertEqual(merge.returncode, 65, "what was trained is in the file, or the status says that it is not")
        self.assertIn("5 runs merged, 0 missing, 0 unfinished, 1 damaged", merge.stderr)
        file.unlink()
        merge = self.icl("merge", "out", "--out", "out.h5", "--force")
        self.assertEqual(merge.returncode, 1, merge.stderr)
        self.assertIn("5 runs merged, 1 missing, 0 unfinished, 0 damaged", merge.stderr)
        stray = file.parent / "the best one.h5"
        stray.write_bytes(whole)
        merge = self.icl("merge", "out", "--out", "out.h5", "--force")
        self.assertEqual(merge.returncode, 65, merge.stderr)
        self.assertIn(f"{stray.name}: is left out: a run lies at runs/xx/HASH.h5", merge.stderr)
        stray.unlink()
        self.sweep("out")
        self.assert_same(self.merged("out"), self.merged("out"))
        self.assertEqual(self.counts("out")["done"], 6)

    def test_a_diverged_run_has_ended(self):
        self.write(SMALL.replace("learning_rate = 0.1", "learning_rate = 1e18"))
        result = self.ok("sweep", "sweep.toml", "--out", "out")
        self.assertIn("6 of them diverged", result.stderr)
        self.assertEqual(self.counts("out")["diverged"], 6)

    def test_full_disk(self):
        self.sweep("whole")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
        result = self.icl("sweep", "sweep.toml", "--out", "out", "--jobs", "2", preexec_fn=limit)
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertIn("no other was started", result.stderr)
        self.assertLessEqual(result.stderr.count(" failed: "), 2, "two were running; no more are tried")
        self.assertEqual([p for p in (self.cwd / "out/runs").rglob("*") if p.is_file()], [], "nothing half-written")
        self.sweep("out")
        self.assert_same(self.merged("whole"), self.merged("out"))

    def test_interrupted(self):
        self.sweep("whole")
        process = self.start("sweep", "sweep.toml", "--out", "out", "--set", "record.publish_seconds=0", "--jobs", "2")
        while not list(self.cwd.glob("out/runs/*/*.h5")):
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
        if process.returncode == 75:  # else it was done already
            self.assertIn("the same command goes on", error)
        self.assertEqual(list(self.cwd.glob("out/runs/*/*.lock")), [])
        self.sweep("out")
        self.assert_same(self.merged("whole"), self.merged("out"))

    def test_children_end_with_their_parent(self):
        self.write(SMALL.replace("epochs = 4", "epochs = 40000000"))
        process = self.start("sweep", "sweep.toml", "--out", "out", "--set", "record.publish_seconds=0.05", "--jobs", "2")
        while len(list(self.cwd.glob("out/runs/*/*.h5"))) < 2:
            time.sleep(0.005)
        self.assertEqual(self.counts("out")["running"], 2)
        process.kill()
        process.communicate()
        end = time.monotonic() + 30
        while self.counts("out")["interrupted"] != 2:
            self.assertLess(time.monotonic(), end, self.counts("out"))
            time.sleep(0.05)
        while list(self.cwd.glob("out/runs/*/*.lock")):
            self.assertLess(time.monotonic(), end, "the locks stay")
            time.sleep(0.05)

    def test_a_child_that_was_stopped_ends_too(self):
        self.write(SMALL.replace("epochs = 4", "epochs = 40000000"))
        process = self.start("sweep", "sweep.toml", "--out", "out", "--set", "record.publish_seconds=0.05", "--jobs", "2")
        while len(list(self.cwd.glob("out/runs/*/*.h5"))) < 2:
            time.sleep(0.005)
        os.kill(int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]), signal.SIGSTOP)
        process.terminate()
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 75)
        self.assertEqual(self.counts("out")["interrupted"], 2)

    def test_two_at_once_share_the_work(self):
        self.sweep("whole")
        both = [self.start("sweep", "sweep.toml", "--out", "out", "--jobs", "2") for _ in range(2)]
        for process in both:
            _, error = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, error)
        self.assert_same(self.merged("whole"), self.merged("out"))

    def test_shards_and_kills_leave_the_same_file(self):
        """The whole in one call; in three shards, last first; and killed (parent and children) five times at random."""
        self.write(BASE + f"[sweep]\nseeds = {RUNS // 3}\n[sweep.axes]\ndata.K = [24, 48, \"inf\"]\n")
        self.sweep("whole")
        for shard in 2, 0, 1:
            self.sweep("shards", "--shard", f"{shard}/3")
        self.assert_same(self.merged("whole"), self.merged("shards"))
        chance = random.Random(1)
        kills = 0
        while kills < 5:
            process = subprocess.Popen([ICL, "sweep", "sweep.toml", "--out", "killed", "--set", "record.publish_seconds=0",
                                        "--jobs", "3"], cwd=self.cwd, stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(chance.uniform(0.02, 0.05 + RUNS * 0.0015))
            if process.poll() is not None:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        self.assertEqual(kills, 5, "the sweep was over too soon")
        self.sweep("killed")
        self.assert_same(self.merged("whole"), self.merged("killed"))
        left = [p.name for p in (self.cwd / "killed/runs").rglob("*") if p.is_file() and p.suffix != ".h5"]
        self.assertLessEqual(len(left), 3 * kills, left)

    def test_other_kernels(self):
        """A sweep that began under other BLAS kernels goes on only if told so, and merge says it."""
        self.write(SMALL.replace("epochs = 4", "epochs = 40000000"))
        process = self.start("sweep", "sweep.toml", "--out", "out", "--scale", "smoke", "--set", "record.publish_seconds=0.05")
        while not list(self.cwd.glob("out/runs/*/*.h5")):
            time.sleep(0.005)
        process.terminate()
        process.communicate()
        result = self.icl("sweep", "sweep.toml", "--out", "out", "--scale", "smoke",
                          env=os.environ | {"OPENBLAS_CORETYPE": "Sandybridge"})
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, "failed: .*Sandybridge.*--allow-kernel-change")

    def test_a_lost_manifest(self):
        self.sweep("out")
        manifest = self.cwd / "out/sweep.toml"
        whole = manifest.read_text()
        manifest.write_text(whole[:200])
        self.fails(65, "holds no sweep", "status", "out")
        self.fails(65, "makes it anew", "sweep", "sweep.toml", "--out", "out")
        manifest.unlink()
        self.write(SMALL.replace("N = 8", "N = 9"), "other.toml")
        self.fails(73, "none of this sweep's", "sweep", "other.toml", "--out", "out")
        self.sweep("out")
        self.assertEqual(manifest.read_text(), whole)

    def test_merge_replaces_merged_files_only(self):
        self.sweep("out")
        self.merged("out")
        self.merged("out")
        self.fails(73, "an icl ", "merge", "out", "--out", self.run_files("out")[0], "--force")
        self.fails(64, "ends in .h5 or .csv", "merge", "out", "--out", "out/sweep.toml", "--force")

    def test_an_obstacle_stops_no_other_run(self):
        """A file where a run's folder should be: that run fails, those in flight end as usual."""
        hashes = [r["hash"] for r in json.loads(self.ok("sweep", "sweep.toml", "--out", "x", "--dry-run", "--json").stdout)["runs"]]
        (self.cwd / "out/runs").mkdir(parents=True)
        (self.cwd / "out/runs" / hashes[2][:2]).write_text("in the way")
        result = self.icl("sweep", "sweep.toml", "--out", "out", "--jobs", "3")
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertIn("no other was started", result.stderr)
        self.assertEqual(len(self.run_files("out")), 2)
        self.assertEqual(list(self.cwd.glob("out/runs/*/*.lock")), [])

    def test_merge_needs_an_ended_run(self):
        self.sweep("out", "--scale", "smoke")
        for file in self.run_files("out"):
            file.unlink()
        result = self.icl("merge", "out", "--out", "out.h5")
        self.assertEqual(result.returncode, 65)
        self.assertIn("no run has ended yet", result.stderr)


if __name__ == "__main__":
    if "--runs" in sys.argv:
        at = sys.argv.index("--runs")
        RUNS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    main()
