#!/usr/bin/python3
"""Sweeps as a user meets them: one file a run, and all that has ended in one.

usage: sweep_test.py ICL
"""

import json
import time
import warnings
from pathlib import Path

import h5py
import numpy as np

from sweeping import BASE, SMALL, SweepingTest, main


class SweepTest(SweepingTest):
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

    def test_merge_reads_fast(self):
        # Not a timing: the series lies in one piece, so that reading it is one read.
        self.sweep("out")
        with h5py.File(self.merged("out")) as merged:
            self.assertIsNone(merged["metrics/icl_accuracy"].chunks)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
