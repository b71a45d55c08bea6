#!/usr/bin/python3
"""Sweeps as a user meets them: one file a run whatever happens on the way, and one clear message for what is wrong.

usage: sweep_test.py ICL [--runs N]

--runs: size of the sweep that is sharded and killed (default 30; 1000 is the full size).
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from pathlib import Path

import h5py
import numpy as np

ICL = None
RUNS = 30
BASE = """
[model]
hidden = 16
[data]
N = 8
D = 9
[train]
epochs = 4
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
"""
SMALL = BASE + """
[sweep]
seeds = 2
[sweep.axes]
data.K = [24, 48, "inf"]
[scale.smoke]
seeds = 1
axes.data.K = [24]
"""


class SweepTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-sweep-")
        self.cwd = Path(self.folder.name)
        self.write(SMALL)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, text, name="sweep.toml"):
        (self.cwd / name).write_text(text)

    def icl(self, *args, **kwargs):
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd, capture_output=True, text=True, timeout=300, **kwargs)

    def start(self, *args):
        return subprocess.Popen([ICL, *map(str, args)], cwd=self.cwd, stderr=subprocess.PIPE, text=True)

    def ok(self, *args, **kwargs):
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def sweep(self, out, *args, **kwargs):
        return self.ok("sweep", "sweep.toml", "--out", out, "--quiet", *args, **kwargs)

    def fails(self, code, part, *args):
        before = self.files()
        result = self.icl(*args)
        self.assertEqual(result.returncode, code, f"{args}: {result.stderr}")
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, f"one message: {result.stderr}")
        self.assertEqual(before, self.files(), "a failing command must create and change nothing")

    def files(self, under="."):
        return {p.relative_to(self.cwd): p.read_bytes() for p in (self.cwd / under).rglob("*") if p.is_file()}

    def run_files(self, out):
        return sorted((self.cwd / out / "runs").rglob("*.h5"))

    def counts(self, out):
        return json.loads(self.ok("status", out, "--json").stdout)["counts"]

    def merged(self, out):
        self.ok("merge", out, "--out", f"{out}.h5", "--force")
        return self.cwd / f"{out}.h5"

    def assert_same(self, a, b):
        diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", a, b], capture_output=True, text=True)
        self.assertEqual((diff.returncode, diff.stdout), (0, ""), diff.stderr)

    # ---- What it is for ----

    def test_trains_every_run_once(self):
        self.sweep("out")
        files = {f: f.read_bytes() for f in self.run_files("out")}
        self.assertEqual(len(files), 6)
        self.assertEqual({f.parent.name for f in files}, {f.name[:2] for f in files})
        with h5py.File(next(iter(files))) as run:
            self.assertEqual(len(run["snapshots/step"]), 1, "a sweep records the final parameters only")
        result = self.ok("sweep", "sweep.toml", "--out", "out")
        self.assertIn("6 runs done", result.stderr)
        self.assertEqual(files, {f: f.read_bytes() for f in self.run_files("out")}, "finished runs are not touched")

    def test_a_run_equals_icl_train(self):
        self.sweep("out")
        listed = json.loads(self.ok("status", "out", "--json").stdout)["runs"]
        run = next(r for r in listed if r["data.K"] == 48 and r["seed"] == 1)
        self.write(BASE, "run.toml")
        self.ok("train", "run.toml", "--quiet", "--set", "data.K=48", "--set", "train.seed=1", "--set",
                "record.snapshots=0", "--out", "run.h5")
        self.assert_same(self.cwd / "run.h5", self.cwd / "out/runs" / run["hash"][:2] / f"{run['hash']}.h5")

    def test_a_changed_axis_only_adds_runs(self):
        self.sweep("out")
        before = {f: f.stat().st_mtime_ns for f in self.run_files("out")}
        self.write(SMALL.replace("[24, 48, ", "[24, 96, "))
        self.sweep("out")
        self.assertEqual(self.counts("out")["done"], 6)
        after = {f: f.stat().st_mtime_ns for f in self.run_files("out")}
        self.assertEqual(len(after), 8)
        self.assertEqual(before, {f: t for f, t in after.items() if f in before})
        with h5py.File(self.merged("out")) as merged:
            self.assertEqual(sorted(set(merged["runs"]["data.K"])), [24, 48, 96, np.inf], "runs of earlier axes too")

    def test_an_axis_that_earlier_runs_did_not_have(self):
        self.sweep("out", "--scale", "smoke")
        self.write(SMALL.replace("[24, 48, \"inf\"]", "[24]\nseed.items = [5]\nstop.icl_accuracy = [0.9]"))
        self.sweep("out")
        with h5py.File(self.merged("out")) as merged:
            table = merged["runs"][:]
            self.assertEqual(len(table), 3)
            for axis, value in ("seed.items", 5), ("stop.icl_accuracy", 0.9):
                self.assertEqual(list(table[axis][~np.isnan(table[axis])]), [value, value])

    def test_a_scale_may_vary_what_the_base_sets(self):
        self.write(BASE + "[sweep]\n[scale.desk]\naxes.train.learning_rate = [0.05, 0.1]\nset.data.K = 24\n")
        self.sweep("out", "--scale", "desk")
        self.assertEqual(self.counts("out")["done"], 2)

    def test_scales_and_overrides(self):
        self.sweep("out", "--scale", "smoke", "--set", "train.epochs=2")
        self.assertEqual(self.counts("out")["done"], 1)
        with h5py.File(self.run_files("out")[0]) as run:
            self.assertEqual(run["/config"].attrs["train.epochs"], 2)

    def test_dry_run_looks_at_the_folder(self):
        self.sweep("out")
        self.write(SMALL.replace("N = 8", "N = 9"), "other.toml")
        self.fails(73, "holds another sweep: data.N is", "sweep", "other.toml", "--out", "out", "--dry-run")
        self.ok("sweep", "sweep.toml", "--out", "out", "--dry-run")
        (self.cwd / "file").write_text("")
        self.fails(73, "'file' is not a folder", "sweep", "sweep.toml", "--out", "file", "--dry-run")
        self.fails(73, "'file' is not a folder", "sweep", "sweep.toml", "--out", "file/new", "--dry-run")
        self.ok("sweep", "sweep.toml", "--out", "new/er", "--dry-run")
        self.assertFalse((self.cwd / "new").exists())

    def test_children_are_called_icl(self):
        sweep = self.start("sweep", "sweep.toml", "--out", "out", "--quiet", "--set", "train.epochs=100000")
        names = set()
        for _ in range(200):
            children = Path(f"/proc/{sweep.pid}/task/{sweep.pid}/children").read_text().split()
            names = {Path(f"/proc/{child}/comm").read_text().strip() for child in children}
            if names == {"icl"}:
                break
            time.sleep(0.05)
        sweep.terminate()
        sweep.communicate()
        self.assertEqual(names, {"icl"})

    def test_dry_run_writes_nothing(self):
        before = self.files()
        text = self.ok("sweep", "sweep.toml", "--out", "out", "--dry-run").stdout
        self.assertIn("# runs: 6", text)
        plan = json.loads(self.ok("sweep", "sweep.toml", "--out", "out", "--dry-run", "--json").stdout)
        self.assertEqual(len(plan["runs"]), 6)
        self.assertGreaterEqual(plan["core_seconds"], plan["seconds"])
        self.assertEqual(before, self.files())

    def test_merged_file_in_python(self):
        import pandas as pd
        import xarray as xr
        self.write(SMALL + "[stop]\nicl_accuracy = 0.45\n")
        self.sweep("out")
        path = self.merged("out")
        with h5py.File(path) as merged:
            table = pd.DataFrame(merged["runs"][:])
            self.assertEqual(list(table["data.K"]), [24, 24, 48, 48, np.inf, np.inf])
            self.assertEqual(list(table["seed"]), [0, 1, 0, 1, 0, 1])
            for row, entry in table.iterrows():
                with h5py.File(self.cwd / "out" / entry["file"].decode()) as run:
                    steps = run["metrics/step"][:]
                    at = np.searchsorted(merged["metrics/step"][:], steps)
                    for name in "icl_accuracy", "iwl_loss", "train_loss":
                        series = merged[f"metrics/{name}"][row]
                        np.testing.assert_array_equal(series[at], run[f"metrics/{name}"][:])
                        rest = np.delete(series, at)
                        self.assertTrue(np.isnan(rest).all(), "no values after the end of a run")
                        np.testing.assert_array_equal(entry[f"final_{name}"], run[f"metrics/{name}"][-1])
                    self.assertEqual(entry["last_step"], run.attrs["step"])
                    t_icl = run["metrics"].attrs.get("t_icl_step")
                    np.testing.assert_equal(entry["t_icl_step"], np.nan if t_icl is None else float(t_icl))
                    self.assertEqual(entry["acquired"], t_icl is not None)
        with xr.open_dataset(path, group="metrics", engine="h5netcdf") as data:
            self.assertEqual(data["icl_accuracy"].dims, ("run", "step"))
            self.assertIn("data.K", data["icl_accuracy"].coords)
        csv = self.cwd / "out.csv"
        self.ok("merge", "out", "--out", "out.csv")
        again = pd.read_csv(csv, float_precision="round_trip")
        self.assertEqual(list(again.columns), list(table.columns))
        for name in table:
            if table[name].dtype == object:
                self.assertEqual(list(again[name].fillna("")), [text.decode() for text in table[name]])
            else:
                np.testing.assert_array_equal(again[name].to_numpy(float), table[name].to_numpy(float), name)
        self.ok("merge", "out", "--out", "out.csv", "--force")
        csv.write_text("mine,1\n")
        self.fails(73, "not a table of runs", "merge", "out", "--out", "out.csv", "--force")
        self.assertEqual(csv.read_text(), "mine,1\n")

    def test_status_says_how_runs_stand(self):
        self.sweep("out")
        files = self.run_files("out")
        files[0].unlink()
        files[1].write_bytes(files[1].read_bytes()[:600])
        result = self.ok("status", "out")
        self.assertIn("6 runs: 4 done, 0 diverged, 0 running, 0 interrupted, 1 waiting, 1 damaged", result.stdout)
        self.assertIn("cut short", result.stdout)

    # ---- What goes wrong ----

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

    def test_merge_reads_fast(self):
        # Not a timing: the series lies in one piece, so that reading it is one read.
        self.sweep("out")
        with h5py.File(self.merged("out")) as merged:
            self.assertIsNone(merged["metrics/icl_accuracy"].chunks)

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

    def test_slurm_script(self):
        out = self.ok("sweep", "sweep.toml", "--out", "a folder's", "--slurm", "--tasks", "3", "--jobs", "2",
                      "--sbatch=--time=02:00:00").stdout.strip()
        script = self.cwd / out
        subprocess.run(["bash", "-n", script], check=True)
        text = script.read_text()
        for line in "#SBATCH --array=0-2", "#SBATCH --cpus-per-task=2", "#SBATCH --time=02:00:00", "#SBATCH --requeue":
            self.assertIn(line + "\n", text)
        self.assertEqual(list(self.cwd.glob("*/runs")), [], "nothing is trained")

    def test_slurm_script_asks_for_what_it_needs(self):
        (self.cwd / "modules.sh").write_text("module load gcc\nexport A='b c'")
        result = self.ok("sweep", "sweep.toml", "--out", "out", "--slurm", "--prologue", "modules.sh")
        text = (self.cwd / "out/sweep.sbatch").read_text()
        self.assertRegex(text, r"\n#SBATCH --time=00:1[0-9]:00\n")
        self.assertRegex(text, r"\n#SBATCH --mem=[0-9]+M\n")
        self.assertIn(f"\n#SBATCH --chdir='{self.cwd}'\n", text)
        self.assertIn("\nmodule load gcc\nexport A='b c'\nsrun ", text)
        self.assertRegex(result.stderr, r"6 runs in 1 tasks of 16 CPUs: about .* a task")
        self.fails(65, "cannot read 'no.sh'", "sweep", "sweep.toml", "--out", "new", "--slurm", "--prologue", "no.sh")
        for text, part in ((b"a\n\tmodule load gcc\r\n", "line 2 holds the control character \\x0d, as lines end on Windows"),
                           (b"echo '\x1b[31m'\n", "line 1 holds the control character \\x1b;"), (b"a\0b", "control character \\x00;")):
            (self.cwd / "bad.sh").write_bytes(text)
            self.fails(65, part, "sweep", "sweep.toml", "--out", "new", "--slurm", "--prologue", "bad.sh")
        for text in ("cat <<EOF\nhello\n", "module load 'gcc\n", "if true; then\n", "A=$(ls\n", "true &&\n"):
            (self.cwd / "open.sh").write_text(text)
            self.fails(65, "leaves something open", "sweep", "sweep.toml", "--out", "new", "--slurm", "--prologue", "open.sh")
        for end in ("", "\n"):
            (self.cwd / "modules.sh").write_text("module load \\" + end)
            self.ok("sweep", "sweep.toml", "--out", "out", "--slurm", "--prologue", "modules.sh")
            self.assertIn("\nmodule load \\\n\nsrun ", (self.cwd / "out/sweep.sbatch").read_text())
        self.fails(64, "--tasks sets the array", "sweep", "sweep.toml", "--out", "new", "--slurm", "--sbatch=--arr=0-9")

    def test_a_failed_sbatch_is_one_message(self):
        bin = self.cwd / "bin"
        bin.mkdir()
        submit = ["sweep", "sweep.toml", "--out", "out", "--slurm", "--submit", "--kernels", "avx2"]

        def said(script):
            if script:
                (bin / "sbatch").write_text("#!/bin/bash\n" + script)
                (bin / "sbatch").chmod(0o755)
            result = self.icl(*submit, env=os.environ | {"PATH": f"{bin}:/usr/bin:/bin" if script else str(bin)})
            lines = [line for line in result.stderr.splitlines() if "runs in" not in line]
            return result.returncode, result.stdout, lines

        script = "out/sweep.sbatch"
        self.assertEqual(said(None), (69, "", [f"icl: cannot run 'sbatch': No such file or directory; the script is '{script}'"]))
        self.assertEqual(said("echo sbatch: error: a >&2; echo b >&2; exit 3"),
                         (69, "", [f"icl: sbatch refused the script '{script}' (exit status 3): sbatch: error: a;b"]))
        self.assertEqual(said("echo Submitted batch job 7; [[ $1 == out/sweep.sbatch ]]"), (0, "Submitted batch job 7\n", []))


def main():
    global ICL, RUNS
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("icl", type=Path)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments, rest = parser.parse_known_args()
    ICL, RUNS = arguments.icl.resolve(), arguments.runs
    unittest.main(argv=[sys.argv[0], *rest], verbosity=1)


if __name__ == "__main__":
    main()
