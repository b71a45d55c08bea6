"""What icl info, compare and status say of files and folders, the defaults of --out, and what --json prints.

usage: look_test.py ICL
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import h5py
import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import ICL, TINY, ProgramTest, icl, main  # noqa: E402

RUN = TINY.format(epochs=4, steps_per_epoch=25)
SWEEP = RUN + "\n[sweep]\nseeds = [3, 5]\n[sweep.axes]\ndata.K = [64, 128]\n"


class LookTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.share_a_folder()
        (cls.cwd / "run.toml").write_text(RUN)
        (cls.cwd / "grid.toml").write_text(SWEEP)
        for words in (["train", "run.toml", "-q"], ["train", "run.toml", "-q", "-o", "same.h5"],
                      ["train", "run.toml", "-q", "-o", "other.h5", "--set", "train.seed=1"], ["sweep", "grid.toml"], ["merge", "grid"],
                      ["theory", "landscape", "-o", "landscape.h5", "--w", "0", "1", "3", "--beta", "0", "1", "3"], ["export", "run.h5", "--items"]):
            done = icl(cls.cwd, *words)
            assert done.returncode == 0, done.stderr
            cls.said = getattr(cls, "said", {}) | {words[0]: done.stderr}
        with h5py.File(cls.cwd / "items.h5", "w") as file:
            file["x"] = numpy.zeros((6, 4), "float32")
            file["x"].attrs["long_name"] = numpy.bytes_("some\nitems")
            file["x_labels"] = numpy.arange(6) % 2

    def test_defaults_of_out_are_said(self):
        self.assertIn("folder of the sweep: grid\n", self.said["sweep"])
        self.assertIn("4 runs merged, 0 missing, 0 unfinished, 0 damaged: grid/sweep.h5\n", self.said["merge"])
        self.assertEqual(self.said["export"], "icl: written: run_data.h5\n")
        self.assertIn("exists already", self.icl("export", "run.h5", "--items", status=73).stderr)
        self.assertIn("there is no folder 'nowhere'", self.icl("merge", "nowhere", status=65).stderr)
        self.assertIn("'run.h5' is a file, not the folder of a sweep", self.icl("status", "run.h5", status=65).stderr)
        (self.cwd / "void").mkdir(exist_ok=True)
        self.assertIn("holds no sweep", self.icl("merge", "void", status=65).stderr)
        (self.cwd / "file.toml").write_text(SWEEP)
        (self.cwd / "file").write_text("mine")
        self.assertIn("'file', the folder's name by default, is a file", self.icl("sweep", "file.toml", status=64).stderr)
        self.assertIn("no name to call its folder by", self.icl("sweep", "-", status=64, input=SWEEP).stderr)

    def test_info_of_anything_is_short(self):
        for name, parts in [("run.h5", ["run.h5: a run: S1, K = 64", "done at step 100 of 100", "train 0.", "ICL 0.", "data.K = 64"]),
                            ("grid", ["the folder of a sweep", "4 runs: 4 done", "data.K (2 values)", "seeds: 2"]),
                            ("grid/sweep.h5", ["merged sweep (icl sweep)", "/metrics/", "datasets more (--all)"]),
                            ("landscape.h5", ["icl data file (icl landscape)"]), ("run_data.h5", ["icl data file (icl data)", "/items"]),
                            ("items.h5", ["HDF5 file of another program", "/x ", "[6, 4] float32", "some items", "/x_labels"])]:
            with self.subTest(name):
                text = self.icl("info", name).stdout
                lines = text.splitlines()
                self.assertLessEqual(len(lines), 12, text)
                self.assertGreater(len(lines), 1)
                self.assertLessEqual(max(map(len, lines)), 110, text)
                for part in parts:
                    self.assertIn(part, text)
                document = json.loads(self.icl("info", name, "--json").stdout)
                self.assertIn("kind", document)
                self.assertGreaterEqual(len(self.icl("info", name, "--all").stdout.splitlines()), len(lines))

    def test_info_says_what_runs_of_a_sweep_differ_in(self):
        (self.cwd / "narrow.toml").write_text(SWEEP)
        self.icl("sweep", "narrow.toml", "--axis", "data.K=128", "--axis", "data.N=8,10", "--seeds", "1")
        text = self.icl("info", "narrow").stdout
        self.assertIn("\ndiffer in: data.N (2 values)\n", text)
        self.assertRegex(text, r"\nset: .*data\.K = 128")
        self.icl("sweep", "narrow.toml", "--axis", "data.K=64", "--seeds", "1", "-o", "one")
        text = self.icl("info", "one").stdout
        self.assertNotIn("differ in", text)
        self.assertIn("\n1 run: 1 done", text)
        self.assertRegex(text, r"\nset: .*data\.K = 64")

    def test_info_takes_one_form(self):
        for first, second in (("--all", "--toml"), ("--all", "--json"), ("--toml", "--json")):
            for forms in ((first, second), (second, first)):
                self.assertEqual(self.icl("info", "run.h5", *forms, status=64).stderr, f"icl: {first} excludes {second} (see icl help info)\n")

    def test_info_toml_is_the_configuration(self):
        (self.cwd / "back.toml").write_text(self.icl("info", "run.h5", "--toml").stdout)
        self.icl("train", "back.toml", "-q", "-f")
        self.assertEqual(self.icl("compare", "run.h5", "back.h5").returncode, 0)
        for name in ("grid", "grid/sweep.h5"):
            self.assertEqual(tomllib.loads(self.icl("info", name, "--toml").stdout)["sweep"]["seeds"], [3, 5])
        self.assertIn("holds no configuration", self.icl("info", "items.h5", "--toml", status=64).stderr)

    def test_info_of_what_is_nothing_of_ours(self):
        (self.cwd / "text").write_text("hello")
        (self.cwd / "empty").write_bytes(b"")
        whole = (self.cwd / "run.h5").read_bytes()
        data = (self.cwd / "run_data.h5").read_bytes()
        (self.cwd / "cut.h5").write_bytes(whole[:-100])
        (self.cwd / "flipped.h5").write_bytes(data[:3000] + bytes([data[3000] ^ 1]) + data[3001:])
        for name, part in [("text", "not an icl run file"), ("empty", "not an icl run file"), ("cut.h5", "cut short"), ("none", "No such file"),
                           (".", "sweep.toml")]:
            with self.subTest(name):
                done = self.icl("info", name, status=65)
                self.assertIn(part, done.stderr)
                self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))
        self.assertIn("its content does not match its hash", self.icl("info", "flipped.h5", status=65).stderr)

    def test_compare(self):
        text = self.icl("compare", "run.h5", "same.h5").stdout
        self.assertIn("settings: all equal\nnumbers: equal in 5 common evaluations and ", text)
        text = self.icl("compare", "run.h5", "other.h5", status=1).stdout
        self.assertRegex(text, r"^train\.seed +0  1\nnumbers: differ from step 0 on, first \S+: \S+ and \S+\n$")
        found = json.loads(self.icl("compare", "run.h5", "other.h5", "--json", status=1).stdout)
        self.assertEqual((found["settings"], found["first_difference"]["step"]), ({"train.seed": [0, 1]}, 0))
        # Longer alone: another setting, equal numbers as far as both go.
        self.icl("train", "run.toml", "-q", "-f", "-o", "longer.h5", "--set", "train.epochs=6", "--set", "record.snapshots=0")
        found = json.loads(self.icl("compare", "run.h5", "longer.h5", "--json", status=1).stdout)
        self.assertEqual((set(found["settings"]), found["first_difference"], found["common_evaluations"]),
                         ({"train.epochs", "record.snapshots"}, None, 5))
        # A branch with another rate goes its own way behind its first step.
        self.icl("branch", "run.h5", "--at", "50", "-q", "-f", "-o", "branch.h5", "--set", "train.learning_rate=0.5")
        found = json.loads(self.icl("compare", "run.h5", "branch.h5", "--json", status=1).stdout)
        self.assertEqual(set(found["settings"]), {"train.learning_rate"})
        self.assertIn(found["first_difference"]["step"], range(50, 76))
        self.assertIn("expected an icl run file", self.icl("compare", "run.h5", "run_data.h5", status=65).stderr)

    def test_compare_of_what_is_recorded_inside(self):
        inside = ["--set", "record.activations=logit attention", "--set", "record.probe_set=6"]
        for name, settings in ("a.h5", []), ("b.h5", ["seed.probe=3"]), ("c.h5", ["train.epochs=5"]):
            self.icl("train", "run.toml", "-q", "-f", "-o", name, *inside, *(word for one in settings for word in ("--set", one)))
        found = json.loads(self.icl("compare", "a.h5", "b.h5", "--json", status=1).stdout)
        self.assertEqual((set(found["settings"]), found["first_difference"], found["elsewhere"]),
                         ({"seed.probe"}, None, "/probe_set: other sequences, first in x"))
        found = json.loads(self.icl("compare", "a.h5", "c.h5", "--json", status=1).stdout)
        self.assertEqual((found["first_difference"], found["elsewhere"]), (None, None))
        self.icl("compare", "a.h5", "a.h5")

    def test_compare_of_files_that_are_no_runs(self):
        for name, run in ("w.h5", "run.h5"), ("again.h5", "same.h5"), ("others.h5", "other.h5"):
            self.icl("export", run, "--weights", "3:9:3", "-q", "-o", name)
        self.assertEqual(self.icl("compare", "w.h5", "again.h5").stdout, "settings: all equal\ncontents: equal\n")
        text = self.icl("compare", "w.h5", "others.h5", status=1).stdout
        self.assertRegex(text, r"^train\.seed +0  1\ncontents: differ, with the first file as expected: step 3: /weights/[a-z0-9_.]+\[0[0-9, ]+\]: "
                               r"\S+ expected, \S+ found\n$")
        found = json.loads(self.icl("compare", "w.h5", "others.h5", "--json", status=1).stdout)
        self.assertEqual(found["settings"], {"train.seed": [0, 1]})
        self.assertIn("/weights/", found["difference"])
        self.icl("export", "run.h5", "--weights", "3:9:3", "--items", "-q", "-o", "more.h5")
        self.assertIn("/: items is not expected there", self.icl("compare", "w.h5", "more.h5", status=1).stdout)
        self.icl("theory", "landscape", "-o", "wider.h5", "--w", "0", "2", "3", "--beta", "0", "1", "3")
        self.assertRegex(self.icl("compare", "landscape.h5", "wider.h5", status=1).stdout, r"/landscape/\w+\[[0-9, ]+\]: \S+ expected, \S+ found")

    def test_compare_of_merged_sweeps(self):
        self.icl("sweep", "grid.toml", "--seeds", "[3, 6]", "-q", "-o", "grid2")
        self.icl("merge", "grid2")
        self.icl("merge", "grid", "-o", "merged.h5")
        self.assertIn("contents: equal", self.icl("compare", "grid/sweep.h5", "merged.h5").stdout)
        self.assertIn("/metrics", self.icl("compare", "grid/sweep.h5", "grid2/sweep.h5", status=1).stdout)
        self.icl("merge", "grid", "--series", "icl_loss", "-o", "short.h5")
        self.assertIn("/metrics: ", self.icl("compare", "grid/sweep.h5", "short.h5", status=1).stdout)

    def test_info_does_not_read_the_numbers_of_a_file_of_another_program(self):
        with h5py.File(self.cwd / "big.h5", "w") as file:
            shape = h5py.h5s.create_simple((64 << 20,))
            how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            how.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, shape, how)
        self.assertGreater((self.cwd / "big.h5").stat().st_size, 256 << 20)
        with subprocess.Popen([ICL, "info", "big.h5"], cwd=self.cwd, stdout=subprocess.PIPE, text=True) as process:
            self.assertIn("[67108864] float32", process.stdout.read())
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = status
        self.assertEqual(status, 0)
        self.assertLess(used.ru_maxrss, 100 << 10)

    def test_status_where_and_paths(self):
        paths = self.icl("status", "grid", "--where", "data.K=64", "--paths").stdout.splitlines()
        self.assertEqual(len(paths), 2)
        for path in paths:
            self.assertEqual(json.loads(self.icl("info", path, "--json").stdout)["config"]["data.K"], 64)
        one = self.icl("status", "grid", "--where", "data.K=1.28e2", "--where", "train.seed=5", "--paths").stdout.splitlines()
        config = json.loads(self.icl("info", *one, "--json").stdout)["config"]
        self.assertEqual((config["data.K"], config["train.seed"]), (128, 5))
        self.assertIn("2 runs: 2 done", self.icl("status", "grid", "--where", "train.seed=3").stdout)
        rows = json.loads(self.icl("status", "grid", "--json", "--where", "data.K=128").stdout)
        self.assertEqual(([row["data.K"] for row in rows["runs"]], rows["counts"]["done"]), ([128, 128], 2))
        self.assertTrue((self.cwd / rows["runs"][0]["file"]).is_file())
        self.assertEqual(self.icl("status", "grid", "--where", "data.N=8", "--paths").stdout.count("\n"), 4)
        for where, part in [("data.K=100", "no run has --where data.K=100; data.K is 64, 128 here"), ("data.N=9", "data.N is 8 here"),
                            ("train.seed=4", "train.seed is 3, 5 here"), ("data.k=64", "--where data.k=64: unknown key"), ("data.K", "expected key=value"),
                            ("data.K=x", "--where data.K=x: data.K: expected")]:
            with self.subTest(where):
                self.assertIn(part, self.icl("status", "grid", "--where", where, status=64).stderr)

    def test_json_is_one_document(self):
        trained = json.loads(self.icl("train", "run.toml", "-q", "-f", "-o", "j.h5", "--json").stdout)
        self.assertEqual(trained, json.loads(self.icl("info", "j.h5", "--json").stdout))
        self.assertEqual(json.loads(self.icl("verify", "j.h5", "-q", "--json").stdout), {"file": "j.h5", "identical": True, "difference": None})
        self.icl("train", "run.toml", "--dry-run", "--json", status=64)
        merged = json.loads(self.icl("merge", "grid", "--json", "-f").stdout)
        self.assertEqual((merged["file"], merged["merged"], merged["missing"]), ("grid/sweep.h5", 4, []))
        (self.cwd / "part").mkdir()
        shutil.copytree(self.cwd / "grid", self.cwd / "part", dirs_exist_ok=True)
        (self.cwd / self.icl("status", "part", "--paths").stdout.splitlines()[0]).unlink()
        done = self.icl("merge", "part", "--json", "-f", status=1)
        merged = json.loads(done.stdout)
        self.assertEqual((merged["merged"], len(merged["missing"]), done.stderr), (3, 1, ""))


if __name__ == "__main__":
    main()
