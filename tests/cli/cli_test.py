"""The program as a user meets it: every bad input gets one clear message and its exit status, and outputs are what was asked for.

usage: cli_test.py ICL
"""

import json
import os
import shlex
import signal
import subprocess
import time

import h5py
import numpy

from tiny import ICL, TinyTest, differences, main


class CliTest(TinyTest):
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
        self.assertEqual(differences(self.cwd / "a.h5", self.cwd / "b.h5"), "")

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

    def test_bench_measures_the_run_that_it_is_given(self):
        arguments = ("bench", "tiny.toml", "--seconds", "0.1", "--threads", "2")
        bench = json.loads(self.ok(*arguments, "--json").stdout)
        self.assertEqual(bench["config"]["data.N"], 8)
        self.assertEqual(bench["threads"], 2)
        self.assertGreater(bench["steps"], 0)
        self.assertGreater(bench["ms_per_step"]["median"], 0)
        self.assertAlmostEqual(bench["share_of_peak"], bench["gflops"] / bench["peak_gflops"])
        self.assertEqual(bench["machine"]["threads"], 2)
        self.assertLessEqual({"hand_over_ns", "shared_loops_per_step", "empty_loop_us"}, set(bench))
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


if __name__ == "__main__":
    main()
