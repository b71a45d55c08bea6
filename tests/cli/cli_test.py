"""The program as a user meets it: every bad input gets one clear message and its exit status, and nothing is lost.

usage: cli_test.py ICL
"""

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy

ICL = None
TINY = """
[model]
hidden = 16
[data]
K = 24
N = 8
D = 9
[train]
epochs = 6
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
[probe]
sequences = 0
[record]
snapshots = 4
"""
ENDLESS = ["--set", "train.epochs=400000000", "--set", "record.publish_seconds=0.05"]


def strip_provenance(path, other):
    """What h5diff says of two files outside of /provenance; nothing when they are equal."""
    result = subprocess.run(["h5diff", "--exclude-path", "/provenance", path, other], capture_output=True, text=True)
    return (result.stdout + result.stderr).strip() if result.returncode == 0 else f"status {result.returncode}: {result.stdout}"


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-cli-")
        self.cwd = Path(self.folder.name)
        (self.cwd / "tiny.toml").write_text(TINY)

    def tearDown(self):
        self.folder.cleanup()

    def icl(self, *args, **kwargs):
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd, capture_output=True, text=True, timeout=120, **kwargs)

    def start(self, *args):
        return subprocess.Popen([ICL, *map(str, args)], cwd=self.cwd, stderr=subprocess.PIPE, text=True)

    def wait_for(self, name, seconds=30):
        """Until a run has published its file."""
        end = time.monotonic() + seconds
        while not (self.cwd / name).exists():
            self.assertLess(time.monotonic(), end, f"{name} did not appear")
            time.sleep(0.005)

    def ok(self, *args, **kwargs):
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def fails(self, code, part, *args, **kwargs):
        before = {p.name: p.read_bytes() for p in self.cwd.iterdir() if p.is_file()}
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, code, f"{args}: {result.stderr}")
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, f"one message: {result.stderr}")
        self.assertTrue(result.stderr.startswith("icl: "), result.stderr)
        after = {p.name: p.read_bytes() for p in self.cwd.iterdir() if p.is_file()}
        self.assertEqual(before, after, "a failing command must create and change nothing")
        return result

    # --- bad input --------------------------------------------------------------------------------------------------

    def test_bad_keys_and_values(self):
        for setting, part in [
            ("train.lerning_rate=1", 'unknown key "train.lerning_rate"; did you mean train.learning_rate?'),
            ("data.K=ten", "data.K"), ("data.K=7", "even"), ("data.K=6", "data.N = 8"), ("data.N=1", "data.N"),
            ("data.K=nan", "data.K"), ("data.K=-2", "data.K"), ("train.batch_size=0", "train.batch_size"),
            ("train.learning_rate=nan", "train.learning_rate"), ("train.learning_rate=0", "train.learning_rate"),
            ("train.learning_rate=inf", "train.learning_rate"), ("train.seed=010", "leading zero"),
            ("train.seed=-1", "train.seed"), ("train.epochs=1.5", "train.epochs"), ("train.epochs=true", "train.epochs"),
            ("train.weight_decay_mlp=-1e-3", "train.weight_decay_mlp"), ("stop.icl_accuracy=1.5", "stop.icl_accuracy"),
            ("model.system=three_layer", "one_layer"), ("model.hidden=0", "model.hidden"), ("train", "train"),
            ("train.seed", "train.seed"), ("=3", "=3"), ("train.seed=[1]", "train.seed"),
        ]:
            with self.subTest(setting):
                self.fails(64, part, "train", "tiny.toml", "--set", setting, "--out", "run.h5")

    def test_bad_files(self):
        for text, code, part in [
            ("[data]\nK = \n", 64, "bad.toml:2"), ("[data]\nKay = 3\n", 64, "bad.toml:2"), ("[dat]\nK = 4\n", 64, 'bad.toml:2: unknown key "dat.K"; did you mean data.K?'),
            ("[data]\nK = 010\n", 64, "bad.toml:2"), ('[data]\nK = "ten"\n', 64, "bad.toml:2"), ("data = 3\n", 64, "data"),
            ("\x00\x01\x02", 64, "bad.toml:1"), ("[train]\nseed = 1\nseed = 2\n", 64, "bad.toml:3"),
        ]:
            with self.subTest(text):
                (self.cwd / "bad.toml").write_text(text)
                self.fails(code, part, "train", "bad.toml", "--out", "run.h5")
        self.fails(65, "nofile.toml", "train", "nofile.toml")
        self.fails(65, "Is a directory", "train", ".")

    def test_bad_command_lines(self):
        for part, *args in [("no command fly", "fly"), ("--nothing", "train", "tiny.toml", "--nothing"),
                            ("FILE", "train"), ("--threads", "train", "tiny.toml", "--threads", "0.5"),
                            ("--threads 65", "train", "tiny.toml", "--threads", "65"),
                            ("--threads -1", "train", "tiny.toml", "--threads", "-1"),
                            ("--resume", "train", "tiny.toml", "--force", "--resume")]:
            with self.subTest(args):
                self.fails(64, part, *args)

    def test_outputs_that_cannot_be(self):
        (self.cwd / "taken.h5").write_bytes(b"mine")
        self.fails(73, "not an icl run file; it exists already", "train", "tiny.toml", "--out", "taken.h5")
        self.fails(73, "nowhere", "train", "tiny.toml", "--out", "nowhere/run.h5")
        (self.cwd / "folder").mkdir()
        self.fails(73, "folder", "train", "tiny.toml", "--out", "folder")
        self.fails(65, "not an icl run file", "train", "tiny.toml", "--out", "taken.h5", "--resume")
        (self.cwd / "taken.h5").write_bytes(b"")
        self.fails(73, "'taken.h5' exists already; --force replaces it", "train", "tiny.toml", "--out", "taken.h5")
        self.ok("train", "tiny.toml", "--out", "taken.h5", "--force", "--quiet")
        self.ok("info", "taken.h5")

    def test_files_that_are_not_ours_or_damaged(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        good = (self.cwd / "run.h5").read_bytes()
        for name, data, part in [("text", b"hello\n", "not an icl run file"), ("empty", b"", "not an icl run file"),
                                 ("cut", good[:-100], "cut short"), ("cut2", good[:600], "cut short"), ("longer", good + b"x", ""),
                                 ("flipped", good[:5000] + bytes([good[5000] ^ 1]) + good[5001:], "damaged"),
                                 ("header", good[:30] + b"?" + good[31:], "damaged")]:
            (self.cwd / "bad.h5").write_bytes(data)
            for command in (["info", "bad.h5"], ["verify", "bad.h5"], ["export", "bad.h5", "--items", "--out", "d.h5"],
                            ["branch", "bad.h5", "--at", "5", "--out", "b.h5"],
                            ["train", "tiny.toml", "--resume", "--out", "bad.h5"]):
                with self.subTest(name=name, command=command):
                    self.assertIn("bad.h5", self.fails(65, part, *command).stderr)
        self.fails(65, "No such file", "info", "missing.h5")
        self.fails(65, "sweep.toml", "info", ".")

    # --- what commands print ----------------------------------------------------------------------------------------

    def test_info_json(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet", "--set", "stop.icl_accuracy=0.9")
        info = json.loads(self.ok("info", "run.h5", "--json").stdout)
        self.assertEqual((info["status"], info["step"], info["config"]["data.K"]), ("done", 60, 24))
        self.assertEqual(info["config"]["stop.icl_accuracy"], 0.9)
        self.assertIn("t_icl_step", info)
        self.assertEqual(set(info["final"]), {"step", "train_loss", "train_accuracy", "icl_loss", "icl_accuracy", "iwl_loss", "iwl_accuracy"})
        self.ok("train", "tiny.toml", "--out", "inf.h5", "--quiet", "--set", "data.K=inf")
        info = json.loads(self.ok("info", "inf.h5", "--json").stdout)
        self.assertEqual((info["config"]["data.K"], info["final"]["iwl_loss"]), ("inf", None))

    def test_dry_run_writes_nothing_and_its_toml_is_the_run(self):
        before = sorted(p.name for p in self.cwd.iterdir())
        text = self.ok("train", "tiny.toml", "--dry-run", "--set", "data.K=1e2").stdout
        self.assertEqual(sorted(p.name for p in self.cwd.iterdir()), before)
        self.assertIn("K = 100\n", text)
        self.assertRegex(text, r"# parameters: \d+\n")
        (self.cwd / "resolved.toml").write_text(text)
        self.ok("train", "resolved.toml", "--out", "a.h5", "--quiet")
        self.ok("train", "tiny.toml", "--out", "b.h5", "--quiet", "--set", "data.K=100")
        self.assertEqual(strip_provenance(self.cwd / "a.h5", self.cwd / "b.h5"), "")

    def test_default_output_and_last_option_wins(self):
        self.ok("train", "tiny.toml", "--quiet", "--threads", "3", "--threads", "1")
        info = json.loads(self.ok("info", "tiny.h5", "--json").stdout)
        self.assertEqual(info["provenance"][-1]["threads"], 1)

    def test_progress_line(self):
        result = self.ok("train", "tiny.toml", "--out", "run.h5")
        self.assertRegex(result.stderr, r"^step 0/60  train \d\.\d+ \(\d\.\d+\)  ICL .*IWL .*steps/s")
        self.assertNotIn("\x1b", result.stderr)
        self.assertNotIn("\r", result.stderr)
        self.assertEqual(self.ok("train", "tiny.toml", "--out", "quiet.h5", "--quiet").stderr, "")
        for extra, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | extra
            text = subprocess.run(["script", "-qec", f"{shlex.quote(ICL)} train tiny.toml --out tty.h5 --force", "/dev/null"],
                                  cwd=self.cwd, capture_output=True, env=env).stdout.decode()
            self.assertIn("\r", text)
            self.assertEqual("\x1b[36m" in text, colour)

    def test_help_and_version(self):
        self.assertRegex(self.ok("--version").stdout, r"^icl \d+\.\d+\.\d+")
        text = self.ok("--help").stdout
        for code in ("0 ", "1 ", "64", "65", "70", "73", "74", "75", "80"):
            self.assertRegex(text, rf"(?m)^ +{code}")
        self.assertIn("icl keys", self.ok("train", "--help").stdout)
        self.assertIn("train.weight_decay_attention", self.ok("keys").stdout)
        self.assertNotIn("data.K ", self.ok("keys", "weight_decay").stdout)
        self.fails(64, "no key has 'wieght'", "keys", "wieght")
        self.fails(64, "010: a number does not begin with 0", "bench", "--threads", "010")
        self.fails(64, "ends in .h5 or .csv", "merge", ".", "--out", "x.txt")

    def test_export_errors(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        self.ok("train", "tiny.toml", "--out", "inf.h5", "--quiet", "--set", "data.K=inf")
        for part, *args in [("nothing to export", "run.h5"),
                            ("--batch 60: the run trained on batches 0 to 59", "run.h5", "--batch", "60"),
                            ("--batch 50:70: the run trained on batches 0 to 59", "run.h5", "--batch", "50:70"),
                            ("--batch -1: expected a step", "run.h5", "--batch=-1"), ("found \"all\"", "run.h5", "--batch", "all"),
                            ("--evaluation 5", "run.h5", "--evaluation", "5"), ("--evaluation 70", "run.h5", "--evaluation", "70"),
                            ("--evaluation 11", "run.h5", "--evaluation", "10:12"), ("probe.sequences = 0", "run.h5", "--probe", "all"),
                            ("--weights 61: the run goes from step 0 to step 60", "run.h5", "--weights", "61"),
                            ("--weights 20:10: the range descends", "run.h5", "--weights", "20:10"),
                            ("--weights 0:9:0: steps at a distance of 0", "run.h5", "--weights", "0:9:0"),
                            ("--weights 5:5: the range holds no step", "run.h5", "--weights", "5:5"),
                            ("--weights x: expected a step", "run.h5", "--weights", "3,x"), ("--items", "inf.h5", "--items")]:
            self.fails(64, part, "export", *args, "--out", "d.h5")
        self.assertFalse((self.cwd / "d.h5").exists())
        self.fails(64, "is the file that is read", "export", "run.h5", "--items", "--out", "run.h5", "--force")
        self.ok("branch", "run.h5", "--at", "25", "--out", "branch.h5", "--quiet", "--set", "seed.data=5")
        self.fails(64, "those before are its parent's", "export", "branch.h5", "--batch", "3", "--out", "d.h5")
        self.fails(64, "from step 25 to step 60; those before", "export", "branch.h5", "--weights", "24", "--out", "d.h5")
        (self.cwd / "d.h5").write_bytes(b"mine")
        self.fails(73, "exists already", "export", "run.h5", "--items", "--out", "d.h5")

    def test_weights_of_any_step_are_those_of_a_run_that_took_snapshots_there(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        self.ok("train", "tiny.toml", "--out", "every.h5", "--quiet", "--set", "record.snapshot_every=1")
        self.ok("export", "run.h5", "--weights", "9:31:7,45", "--weights", "60", "--batch", "0:3,5", "--evaluation", "all", "--out", "w.h5")
        with h5py.File(self.cwd / "w.h5") as data, h5py.File(self.cwd / "every.h5") as every, h5py.File(self.cwd / "run.h5") as run:
            steps = data["weights/step"][:]
            self.assertEqual(list(steps), [9, 16, 23, 30, 45, 60])
            names = [name for name, d in every["snapshots"].items() if "torch_name" in d.attrs]
            self.assertEqual(names, [name for name, d in data["weights"].items() if "torch_name" in d.attrs])
            for name in names:
                self.assertTrue(numpy.array_equal(data["weights"][name], every["snapshots"][name][steps]), name)
            self.assertEqual(list(data["batches/step"]), [0, 1, 2, 5])
            self.assertEqual(list(data["icl_evaluation/step"]), list(run["metrics/step"]))
        # Snapshots are read, without training again: whatever kernels there are.
        other = os.environ | {"OPENBLAS_CORETYPE": "Sandybridge"}
        self.ok("export", "run.h5", "--weights", "0,60", "--out", "s.h5", env=other)
        verdict = self.fails(73, "OPENBLAS_CORETYPE", "verify", "run.h5", env=other)
        refused = self.fails(73, "OPENBLAS_CORETYPE", "export", "run.h5", "--weights", "7", "--out", "o.h5", env=other)
        self.assertEqual(refused.stderr, verdict.stderr)
        self.assertNotIn("--allow-kernel-change", verdict.stderr)  # which neither has

    def test_force_replaces_nothing_but_outputs(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        self.fails(64, "is the file that is read", "train", "tiny.toml", "--out", "tiny.toml", "--force")
        self.fails(64, "is the file that is read", "branch", "run.h5", "--at", "5", "--out", "run.h5", "--force")
        self.fails(73, "no regular file", "train", "tiny.toml", "--out", "/dev/null", "--force")
        self.fails(73, "cannot create '': the name is empty", "train", "tiny.toml", "--out", "")
        self.fails(73, "cannot create '/dev/stdout': it is no regular file", "train", "tiny.toml", "--out", "/dev/stdout")
        self.ok("train", "tiny.toml", "--out", "other.h5", "--quiet")
        self.ok("export", "run.h5", "--items", "--out", "data.h5")
        (self.cwd / "plain.toml").write_text((self.cwd / "tiny.toml").read_text())
        (self.cwd / "grid.toml").write_text((self.cwd / "tiny.toml").read_text() + "\n[sweep]\nseeds = 1\n")
        self.ok("sweep", "grid.toml", "--out", "grid", "--quiet")
        self.ok("merge", "grid", "--out", "merged.h5")
        self.ok("merge", "grid", "--out", "merged.csv")
        (self.cwd / "cut.h5").write_bytes((self.cwd / "run.h5").read_bytes()[:-7])
        grid = ["--w", "0", "1", "2", "--beta", "0", "1", "2"]
        train = ("train", "plain.toml", "--quiet")
        branch = ("branch", "run.h5", "--at", "5", "--quiet")
        export = ("export", "other.h5", "--items")
        landscape = ("theory", "landscape", *grid)
        merge = ("merge", "grid")
        for name, commands in [
                ("run.h5", [export, landscape, merge]), ("data.h5", [train, branch, merge]),
                ("merged.h5", [train, branch, export, landscape]), ("merged.csv", [train, branch, export, landscape]),
                ("cut.h5", [train, branch, export, landscape, merge]), ("tiny.toml", [train, branch, export, landscape]),
                ("grid/sweep.toml", [train, branch, export, landscape])]:
            before = (self.cwd / name).read_bytes()
            for command in commands:
                with self.subTest(name=name, command=command):
                    self.fails(73, "; it exists already, and --force replaces whole ", *command, "--out", name, "--force")
                    self.assertEqual((self.cwd / name).read_bytes(), before)
        self.ok("train", "tiny.toml", "--out", "run.h5", "--force", "--quiet")
        self.ok("export", "run.h5", "--items", "--out", "data.h5", "--force")
        self.ok("merge", "grid", "--out", "merged.csv", "--force")

    def test_dry_run_looks_at_the_output(self):
        before = sorted(self.cwd.iterdir())
        self.fails(73, "'nowhere' does not exist", "train", "tiny.toml", "--dry-run", "--out", "nowhere/run.h5")
        self.fails(73, "it is a folder", "train", "tiny.toml", "--dry-run", "--out", ".")
        self.fails(64, "is the file that is read", "train", "tiny.toml", "--dry-run", "--out", "tiny.toml")
        self.ok("train", "tiny.toml", "--dry-run", "--out", "run.h5")
        self.assertEqual(sorted(self.cwd.iterdir()), before)
        self.ok("train", "tiny.toml", "--quiet")
        self.ok("train", "tiny.toml", "--dry-run")
        self.fails(73, "exists already", "train", "tiny.toml", "--dry-run", "--out", "tiny.h5")
        self.ok("train", "tiny.toml", "--dry-run", "--out", "tiny.h5", "--force")
        self.ok("train", "tiny.toml", "--dry-run", "--out", "tiny.h5", "--resume")

    def test_output_that_cannot_be_written(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        for command in (["info", "run.h5", "--json"], ["train", "tiny.toml", "--dry-run"], ["verify", "run.h5", "--quiet"]):
            with open("/dev/full", "w") as full:
                result = subprocess.run([ICL, *command], cwd=self.cwd, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual((result.returncode, "standard output" in result.stderr), (74, True))

    def test_branches_of_equal_parents_are_equal_and_survive_that_the_parent_goes_on(self):
        for name in ("a", "b"):
            self.ok("train", "tiny.toml", "--out", f"{name}.h5", "--quiet")
            self.ok("branch", f"{name}.h5", "--at", "25", "--out", f"{name}-branch.h5", "--quiet")
        self.assertEqual(strip_provenance(self.cwd / "a-branch.h5", self.cwd / "b-branch.h5"), "")
        self.ok("branch", "b.h5", "--at", "25", "--out", "a-branch.h5", "--quiet", "--resume")

    # --- nothing lost -----------------------------------------------------------------------------------------------

    def test_divergence_keeps_what_was_recorded(self):
        result = self.icl("train", "tiny.toml", "--out", "run.h5", "--quiet", "--set", "train.learning_rate=1e12")
        self.assertEqual(result.returncode, 80)
        self.assertRegex(result.stderr, r"not finite.* step \d+")
        info = json.loads(self.ok("info", "run.h5", "--json").stdout)
        self.assertEqual(info["status"], "diverged")
        self.assertGreaterEqual(info["evaluations"], 1)
        self.fails(80, "would do so again", "train", "tiny.toml", "--out", "run.h5", "--quiet", "--resume", "--set", "train.learning_rate=1e12")

    def test_bench_measures_the_run_that_it_is_given(self):
        arguments = ("bench", "tiny.toml", "--seconds", "0.1", "--threads", "2")
        bench = json.loads(self.ok(*arguments, "--json").stdout)
        self.assertEqual(bench["config"]["data.N"], 8)
        self.assertEqual(bench["threads"], 2)
        self.assertGreater(bench["steps"], 0)
        self.assertGreater(bench["ms_per_step"]["median"], 0)
        self.assertAlmostEqual(bench["share_of_peak"], bench["gflops"] / bench["peak_gflops"])
        self.assertEqual(bench["machine"]["threads"], 2)
        self.assertIn("MLP products", self.ok(*arguments).stdout)
        self.assertEqual([p.name for p in self.cwd.iterdir() if p.name.startswith(".")], [])
        for seconds in ("0", "-1", "nan", "inf"):
            self.fails(64, "must be positive", "bench", "tiny.toml", "--seconds", seconds)
        self.fails(64, "3 steps are too few to measure, at least 11", "bench", "tiny.toml", "--set", "train.epochs=1", "--set", "train.steps_per_epoch=3")

    def test_bench_stops_on_a_signal_and_leaves_nothing(self):
        bench = self.start("bench", "tiny.toml", "--seconds", "1000", "--set", "train.epochs=1000000")
        deadline = time.monotonic() + 20
        while not list(self.cwd.glob(".icl-bench-*/run.h5")) and time.monotonic() < deadline:
            time.sleep(0.01)
        bench.send_signal(signal.SIGTERM)
        self.assertIn("interrupted", bench.communicate(timeout=20)[1])
        self.assertEqual(bench.returncode, 75)
        self.assertEqual(list(self.cwd.glob(".icl*")), [])

    def test_threads_default_to_the_affinity_even_if_openmp_binds_them(self):
        cpus = sorted(os.sched_getaffinity(0))
        for variables, used in (({}, cpus), ({"OMP_PROC_BIND": "true"}, cpus), ({}, cpus[:1])):
            self.ok("train", "tiny.toml", "--out", "cpus.h5", "--quiet", "--force", env=os.environ | variables,
                    preexec_fn=lambda used=used: os.sched_setaffinity(0, used))
            run = json.loads(self.ok("info", "cpus.h5", "--json").stdout)
            self.assertEqual(run["provenance"][-1]["cpus_available"], len(used), variables)
            self.assertEqual(run["provenance"][-1]["threads"], min(len(used), 64), variables)

    def test_signals_publish_and_resume_ends_in_the_same_bits(self):
        self.ok("train", "tiny.toml", "--out", "whole.h5", "--quiet", "--set", "train.epochs=5000")
        args = ["train", "tiny.toml", "--out", "run.h5", "--quiet", "--resume", "--set", "train.epochs=5000"]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            run = self.start(*args, "--threads", "2" if number == signal.SIGINT else "1")
            # The first signal waits for a file: one that comes before ends the run with nothing to publish.
            self.wait_for("run.h5.lock" if (self.cwd / "run.h5").exists() else "run.h5")
            run.send_signal(number)
            began = time.monotonic()
            message = run.communicate(timeout=20)[1]
            self.assertEqual(run.returncode, 75, message)
            self.assertIn("--resume", message)
            self.assertLess(time.monotonic() - began, 2)
            self.assertEqual(json.loads(self.ok("info", "run.h5", "--json").stdout)["status"], "interrupted")
        self.ok(*args)
        self.assertEqual(strip_provenance(self.cwd / "whole.h5", self.cwd / "run.h5"), "")
        stretches = json.loads(self.ok("info", "run.h5", "--json").stdout)["provenance"]
        self.assertGreater(len(stretches), 1)
        steps = [s["from_step"] for s in stretches]
        self.assertEqual((steps[0], steps), (0, sorted(steps)))
        with h5py.File(self.cwd / "run.h5") as file:
            self.assertEqual(file["provenance/stretches"]["from_step"].tolist(), steps)
        finished = (self.cwd / "run.h5").read_bytes()
        self.ok(*args)
        self.assertEqual((self.cwd / "run.h5").read_bytes(), finished)
        self.assertEqual(list(self.cwd.glob("*.lock")), [])

    def test_kill_and_resume_at_once(self):
        run = self.start("train", "tiny.toml", "--out", "run.h5", "--quiet", *ENDLESS)
        self.wait_for("run.h5")
        run.kill()
        run.communicate()
        self.assertTrue((self.cwd / "run.h5.lock").exists())
        step = json.loads(self.ok("info", "run.h5", "--json").stdout)["step"]
        run = self.start("train", "tiny.toml", "--out", "run.h5", "--quiet", "--resume", *ENDLESS)
        time.sleep(0.5)
        run.terminate()
        self.assertIn("taking over the lock", run.communicate()[1])
        self.assertEqual(run.returncode, 75)
        self.assertGreater(json.loads(self.ok("info", "run.h5", "--json").stdout)["step"], step)

    def test_two_at_once(self):
        run = self.start("train", "tiny.toml", "--out", "run.h5", "--quiet", *ENDLESS)
        self.wait_for("run.h5")
        for how in ("--force", "--resume"):
            second = self.icl("train", "tiny.toml", "--out", "run.h5", "--quiet", how, *ENDLESS)
            self.assertEqual(second.returncode, 73)
            self.assertIn(f"is being written by process {run.pid}", second.stderr)
        run.terminate()
        run.communicate()
        self.assertEqual(run.returncode, 75)

    def test_resume_refuses_another_run(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        self.fails(73, "holds another run: train.seed is 0 there and 1 here", "train", "tiny.toml", "--out", "run.h5",
                   "--resume", "--quiet", "--set", "train.seed=1")

    def test_resume_under_other_kernels(self):
        info = lambda: json.loads(self.ok("info", "run.h5", "--json").stdout)
        run = self.start("train", "tiny.toml", "--out", "run.h5", "--quiet", *ENDLESS)
        self.wait_for("run.h5")
        run.terminate()
        run.communicate()
        other = "Sandybridge" if info()["provenance"][-1]["blas_kernel_set"] != "Sandybridge" else "Haswell"
        env = os.environ | {"OPENBLAS_CORETYPE": other}
        args = ["train", "tiny.toml", "--out", "run.h5", "--quiet", "--resume", *ENDLESS]
        self.fails(73, "--allow-kernel-change", *args, env=env)
        run = subprocess.Popen([ICL, *args, "--allow-kernel-change"], cwd=self.cwd, env=env, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        run.terminate()
        run.communicate()
        self.assertEqual(run.returncode, 75)
        dump = subprocess.run(["h5dump", "-a", "/mixed_kernel_sets", str(self.cwd / "run.h5")], capture_output=True, text=True).stdout
        self.assertRegex(dump, r"\(0\): 1")

    def test_full_disk(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        old = (self.cwd / "run.h5").read_bytes()
        result = self.icl("train", "tiny.toml", "--out", "run.h5", "--quiet", "--force", preexec_fn=limit)
        self.assertEqual(result.returncode, 74)
        self.assertIn("run.h5", result.stderr)
        self.assertIn("File too large", result.stderr)
        self.assertEqual((self.cwd / "run.h5").read_bytes(), old)
        self.assertEqual(sorted(p.name for p in self.cwd.iterdir()), ["run.h5", "tiny.toml"])

    def test_theory(self):
        # The table of the theory's checked values, whose blow-up is taken at beta = 8.
        found = json.loads(self.ok("theory", "tau-star", "--beta0=-1", "--c2", "0.25", "--beta-end", "8", "--json").stdout)
        self.assertAlmostEqual(found["tau_star"], 3.842, delta=5e-4)
        self.assertIsNone(found["t_icl_steps"])
        text = self.ok("theory", "tau-star", "--N", "100", "--learning-rate", "0.1").stdout
        self.assertRegex(text, r"tau\* = 1\.368\d*\nt_ICL at K = infinity, N = 100, learning rate 0.1: 270\d\.\d steps\n")
        self.ok("theory", "landscape", "--N", "20", "--w", "0", "2", "5", "--beta", "-1", "1", "3", "--out", "landscape.h5")
        self.fails(73, "exists already", "theory", "landscape", "--out", "landscape.h5")
        self.fails(64, "c2 = -1", "theory", "tau-star", "--c2=-1")
        self.fails(64, "N = 1", "theory", "landscape", "--N", "1", "--out", "x.h5")
        self.fails(64, "--N 1", "theory", "tau-star", "--N", "1")
        self.fails(64, "expected two finite ends", "theory", "landscape", "--w", "0", "inf", "5", "--out", "x.h5")
        self.fails(64, "at most 10000000 points", "theory", "landscape", "--w", "0", "1", "1e7", "--out", "x.h5")

    def test_landscape_of_a_run(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        grid = ["--w", "0", "2", "3", "--beta", "-1", "1", "3"]
        self.ok("theory", "landscape", "--run", "run.h5", "--step", "25", "--samples", "10", *grid, "--out", "landscape.h5")
        with h5py.File(self.cwd / "run.h5") as run, h5py.File(self.cwd / "landscape.h5") as file:
            landscape = file["landscape"]
            self.assertEqual(landscape.attrs["N"], run["config"].attrs["data.N"])
            self.assertEqual(landscape.attrs["attend_self"], 1)
            self.assertEqual(landscape.attrs["run_step"], 25)
            margins = landscape["margin"][:]
            self.assertEqual(margins.shape, (10,))
            self.assertGreater(margins.std(), 0)
            wrong = 1 / (1 + numpy.exp(margins))
            self.assertAlmostEqual(landscape.attrs["c2"], 1 - (wrong ** 2).sum() / wrong.sum())
            self.assertAlmostEqual(landscape["loss"][0, 0], numpy.log1p(numpy.exp(-margins)).mean())  # w = 0: the memoriser alone
        self.fails(64, "--step 1000000", "theory", "landscape", "--run", "run.h5", "--step", "1000000", "--out", "x.h5")
        self.fails(64, "--samples 0", "theory", "landscape", "--run", "run.h5", "--samples", "0", "--out", "x.h5")
        self.fails(64, "--N", "theory", "landscape", "--run", "run.h5", "--N", "20", "--out", "x.h5")
        self.fails(64, "--step", "theory", "landscape", "--step", "5", "--out", "x.h5")
        self.fails(64, "is the file that is read", "theory", "landscape", "--run", "run.h5", "--force", "--out", "run.h5")
        self.ok("train", "tiny.toml", "--set", "model.system=memoriser", "--out", "memoriser.h5", "--quiet")
        self.fails(65, "no attention", "theory", "landscape", "--run", "memoriser.h5", "--out", "x.h5")
        self.ok("train", "tiny.toml", "--set", "data.bursty=0.5", "--out", "bursty.h5", "--quiet")
        self.fails(65, "not every sequence holds a copy", "theory", "landscape", "--run", "bursty.h5", "--out", "x.h5")
        self.fails(64, "are more than 100000000", "theory", "landscape", "--run", "run.h5", "--samples", "1000000", "--out", "x.h5")
        self.fails(73, "exists already", "theory", "landscape", "--run", "run.h5", "--out", "landscape.h5")
        kernels = self.ok("info", "run.h5", "--json").stdout
        other = {"OPENBLAS_CORETYPE": "Sandybridge" if "Sandybridge" not in kernels else "Haswell"}
        self.fails(73, "BLAS kernels", "theory", "landscape", "--run", "run.h5", "--step", "25", "--out", "x.h5", env=os.environ | other)
        self.ok("theory", "landscape", "--run", "run.h5", *grid, "--out", "last.h5", env=os.environ | other)  # a snapshot: nothing to train

    def test_verify_and_branch(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        self.assertEqual(self.ok("verify", "run.h5", "--quiet").stdout, "identical\n")
        self.ok("branch", "run.h5", "--at", "25", "--out", "same.h5", "--quiet")
        self.ok("branch", "run.h5", "--at", "25", "--out", "other.h5", "--quiet", "--set", "train.learning_rate=0.01")
        for name in ("same.h5", "other.h5"):
            self.assertEqual(self.ok("verify", name, "--quiet").stdout, "identical\n")
        final = lambda name: json.loads(self.ok("info", name, "--json").stdout)["final"]
        self.assertEqual(final("same.h5"), final("run.h5"))
        self.assertNotEqual(final("other.h5"), final("run.h5"))
        for part, *args in [("--at 61", "--at", "61"), ("--at -1", "--at=-1"), ("model.", "--at", "5", "--set", "model.hidden=8"),
                            ("--at 40", "--at", "40", "--set", "train.epochs=4")]:
            self.fails(64, part, "branch", "run.h5", "--out", "new.h5", *args)
        self.fails(64, "began at step 25", "branch", "same.h5", "--at", "20", "--out", "new.h5")
        self.ok("branch", "run.h5", "--at", "25", "--out", "same.h5", "--quiet", "--resume")


if __name__ == "__main__":
    ICL = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
