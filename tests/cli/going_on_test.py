"""Runs that go on otherwise than they began: for longer than planned, and with items that lie elsewhere now; TOML that is too deep.

usage: going_on_test.py ICL
"""

import resource
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy

ICL = None
TINY = """
[model]
hidden = 12
[data]
K = 24
N = 8
D = 9
[train]
epochs = 2
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
[probe]
sequences = 16
"""
CHECK_FAILED, USAGE, BAD_INPUT, CANNOT_CREATE = 1, 64, 65, 73


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="icl-going-on-")
        self.addCleanup(folder.cleanup)
        self.cwd = Path(folder.name)
        (self.cwd / "tiny.toml").write_text(TINY)

    def icl(self, *args, folder="."):
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd / folder, capture_output=True, text=True, timeout=120)

    def ok(self, *args, folder="."):
        result = self.icl(*args, folder=folder)
        self.assertEqual(result.returncode, 0, f"{args}: {result.stderr}")
        return result

    def fails(self, code, part, *args, folder="."):
        result = self.icl(*args, folder=folder)
        self.assertEqual(result.returncode, code, f"{args}: {result.stderr}")
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, f"one message: {result.stderr}")
        self.assertNotIn("Traceback", result.stderr)
        return result

    def train(self, out, *settings, toml="tiny.toml", resume=False):
        words = [word for setting in settings for word in ("--set", setting)]
        return ["train", toml, "--out", out, "--quiet", "--threads", "1", *words, *(["--resume"] if resume else [])]

    def assert_same(self, a, b):
        diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", a, b], cwd=self.cwd, capture_output=True, text=True)
        self.assertEqual((diff.returncode, diff.stdout), (0, ""), f"{a}, {b}: {diff.stderr}")


class LongerTest(Programs):
    SAME = {
        "default": [],
        "adam": ["train.optimizer=adam", "train.learning_rate=0.003"],
        "adamw": ["train.optimizer=adamw", "train.learning_rate=0.003", "train.warmup=15", "train.clip_norm=0.1"],
        "clipped": ["train.clip_norm=0.05"],
        "refine": ["eval.refine=true", "train.learning_rate=0.5"],
        "every step": ["eval.every=1", "record.snapshot_every=3"],
        "infinite": ["data.K=inf", "eval.every=5"],
        "scalar_beta": ["model.system=scalar_beta", "eval.every=2"],
        "minimal": ["model.system=minimal", "eval.every=2", "record.snapshots=0"],
        "to the end": ["intervene.freeze=memoriser@5:"],
    }

    def test_a_done_run_with_more_epochs_is_the_run_that_was_planned_so(self):
        for name, settings in self.SAME.items():
            with self.subTest(name):
                self.ok(*self.train(f"{name}.h5", *settings))
                self.ok(*self.train(f"{name}.h5", *settings, "train.epochs=4", resume=True))
                self.ok(*self.train("planned.h5", *settings, "train.epochs=4"), "--force")
                self.assert_same(f"{name}.h5", "planned.h5")
                self.assertEqual(self.ok("verify", f"{name}.h5").stdout, "identical\n")

    def test_so_is_a_branch(self):
        self.ok(*self.train("parent.h5"))
        branch = ["branch", "parent.h5", "--at", 10, "--quiet", "--set", "train.learning_rate=0.2", "--out"]
        self.ok(*branch, "branch.h5")
        self.ok(*branch, "branch.h5", "--resume", "--set", "train.epochs=3")
        self.ok(*branch, "planned.h5", "--set", "train.epochs=3")
        self.assert_same("branch.h5", "planned.h5")

    def test_where_the_runs_differ_on_the_way_branch_is_named(self):
        for settings in ["eval.log_points=5"], ["eval.every=7"], ["eval.every=0"]:
            self.ok(*self.train("run.h5", *settings), "--force")
            before = (self.cwd / "run.h5").read_bytes()
            result = self.fails(CANNOT_CREATE, "icl branch 'run.h5' --at 20 --set train.epochs=4 --out NEW.h5",
                                *self.train("run.h5", *settings, "train.epochs=4", resume=True))
            self.assertNotIn("--force", result.stderr)
            self.assertEqual((self.cwd / "run.h5").read_bytes(), before)
        self.ok("branch", "run.h5", "--at", 20, "--set", "train.epochs=4", "--out", "new.h5")

    def test_a_schedule_that_ends_with_the_run_is_another_one_in_a_longer_run(self):
        for schedule in "cosine", "triangle":
            self.ok(*self.train("run.h5", f"train.schedule={schedule}"), "--force")
            self.fails(CANNOT_CREATE, f'train.schedule = "{schedule}" over 20 steps',
                       *self.train("run.h5", f"train.schedule={schedule}", "train.epochs=4", resume=True))

    def test_what_is_no_longer_run_is_refused(self):
        self.ok(*self.train("run.h5"))
        self.fails(CANNOT_CREATE, "the same run with train.epochs = 2, and is not cut to 1",
                   *self.train("run.h5", "train.epochs=1", resume=True))
        self.fails(CANNOT_CREATE, "train.steps_per_epoch is 10 there and 20 here; choose another --out",
                   *self.train("run.h5", "train.steps_per_epoch=20", resume=True))
        self.fails(CANNOT_CREATE, "holds another run", *self.train("run.h5", "train.epochs=4", "data.N=9", resume=True))
        self.ok(*self.train("early.h5", "stop.icl_accuracy=0.01"))
        self.fails(CANNOT_CREATE, "stopped at step 0 by stop.icl_accuracy",
                   *self.train("early.h5", "stop.icl_accuracy=0.01", "train.epochs=4", resume=True))


class ItemsTest(Programs):
    def setUp(self):
        super().setUp()
        for folder in "project", "elsewhere":
            (self.cwd / folder).mkdir()
        random = numpy.random.default_rng(1)
        for name in "items", "other":
            with h5py.File(self.cwd / "project" / f"{name}.h5", "w") as file:
                file["x"] = random.normal(size=(60, 9))
        (self.cwd / "project" / "run.toml").write_text(TINY.replace("[data]", '[data]\nitems = "items.h5:/x"'))

    def moved(self):
        self.ok(*self.train("run.h5", toml="project/run.toml"))
        (self.cwd / "project/items.h5").rename(self.cwd / "elsewhere/a b.h5")

    def test_items_beside_the_toml_file_are_found_from_any_folder(self):
        self.ok(*self.train("run.h5", toml="project/run.toml"))
        self.ok(*self.train("../there.h5", toml="run.toml"), folder="project")
        self.ok(*self.train("../far.h5", toml="../project/run.toml"), folder="elsewhere")
        for file in "there.h5", "far.h5":
            self.assert_same("run.h5", file)
        self.assertEqual(self.ok("verify", "../run.h5", folder="elsewhere").stdout, "identical\n")
        self.ok("branch", "run.h5", "--at", 5, "--out", "branch.h5", "--set", "train.learning_rate=0.2")
        self.ok("verify", "branch.h5")
        self.ok("train", "project/run.toml", "--dry-run")

    def test_what_is_not_found_was_looked_for(self):
        (self.cwd / "project/items.h5").unlink()
        for command in ["train", "project/run.toml", "--out", "bad.h5"], ["sweep", "project/run.toml", "--out", "bad"]:
            result = self.fails(BAD_INPUT, f"looked for '{self.cwd}/items.h5' and '{self.cwd}/project/items.h5'", *command)
            self.assertIn("items 'items.h5:/x': there is no such file", result.stderr)

    def test_another_folder_may_be_named(self):
        (self.cwd / "project/items.h5").rename(self.cwd / "elsewhere/items.h5")
        self.ok(*self.train("run.h5", toml="project/run.toml"), "--items-folder", "elsewhere")
        self.ok("verify", "run.h5")

    def test_moved_items_are_known_by_their_hash(self):
        self.moved()
        now = ["--set", "data.items=elsewhere/a b.h5:/x"]
        self.fails(BAD_INPUT, "--set data.items=FILE.h5:/DATASET says where", "verify", "run.h5")
        self.assertEqual(self.ok("verify", "run.h5", *now).stdout, "identical\n")
        self.ok("export", "run.h5", "--items", "--out", "data.h5", *now)
        self.ok("branch", "run.h5", "--at", 5, "--out", "branch.h5", "--set", "train.learning_rate=0.2", *now)
        longer = self.train("run.h5", "train.epochs=3", toml="project/run.toml", resume=True)
        self.fails(BAD_INPUT, "there is no such file", *longer)
        self.ok(*longer, *now)
        (self.cwd / "elsewhere/a b.h5").rename(self.cwd / "project/items.h5")
        self.ok(*self.train("planned.h5", "train.epochs=3", toml="project/run.toml"))
        self.assert_same("run.h5", "planned.h5")

    def test_other_items_are_not_taken_for_them(self):
        self.moved()
        other = ["--set", "data.items=project/other.h5:/x"]
        self.fails(BAD_INPUT, "other items", "verify", "run.h5", *other)
        self.fails(BAD_INPUT, "other items", "export", "run.h5", "--items", "--out", "data.h5", *other)
        self.fails(CANNOT_CREATE, "these are other items", *self.train("run.h5", toml="project/run.toml", resume=True), *other)
        self.fails(USAGE, "data.N is 8 there and 9 here", "verify", "run.h5", "--set", "data.N=9")
        self.ok(*self.train("plain.h5"))
        self.fails(USAGE, "data.items", "verify", "plain.h5", *other)

    def test_a_sweep_finds_what_its_file_names(self):
        toml = self.cwd / "project/run.toml"
        toml.write_text(toml.read_text() + "[sweep.axes]\ndata.N = [6, 8]\n")
        self.ok("sweep", "project/run.toml", "--out", "out", "--jobs", 1, "--quiet")
        self.ok("sweep", "../project/run.toml", "--out", "../out", "--jobs", 1, "--quiet", folder="elsewhere")
        self.assertEqual(len(list(self.cwd.glob("out/runs/*/*.h5"))), 2)
        script = self.ok("sweep", "project/run.toml", "--out", "out", "--slurm").stdout.strip()
        text = (self.cwd / script).read_text()
        self.assertIn(f"#SBATCH --chdir='{self.cwd}'\n", text)
        self.assertIn(f" --items-folder '{self.cwd}/project' ", text)


class ConfigurationTest(Programs):
    def test_deep_toml_is_refused_on_a_small_stack(self):
        """A key of 4,000 dots overflowed a stack of 1 MiB."""
        def small_stack():
            resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))

        for text in "a" + ".a" * 4000 + " = 1\n", "[" + ".".join("a" * 4000) + "]\n", "a = " + "[" * 30000, "a = " + "{a = " * 9000:
            (self.cwd / "deep.toml").write_text(text)
            for command in ["train", "deep.toml", "--dry-run"], ["sweep", "deep.toml", "--out", "out"]:
                result = subprocess.run([ICL, *command], cwd=self.cwd, capture_output=True, text=True, preexec_fn=small_stack)
                self.assertEqual((result.returncode, result.stderr),
                                 (USAGE, "icl: deep.toml:1: a key or value is nested more than 256 deep\n"), text[:20])


if __name__ == "__main__":
    ICL = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
