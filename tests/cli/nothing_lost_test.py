"""Nothing that was trained is lost: signals, kills, full disks, divergence and other kernels, then going on, branching and verifying.

usage: nothing_lost_test.py ICL
"""

import json
import os
import resource
import signal
import subprocess
import time

import h5py

from tiny import ENDLESS, ICL, TinyTest, differences, main


class NothingLostTest(TinyTest):
    def test_branches_of_equal_parents_are_equal_and_survive_that_the_parent_goes_on(self):
        for name in ("a", "b"):
            self.ok("train", "tiny.toml", "--out", f"{name}.h5", "--quiet")
            self.ok("branch", f"{name}.h5", "--at", "25", "--out", f"{name}-branch.h5", "--quiet")
        self.assertEqual(differences(self.cwd / "a-branch.h5", self.cwd / "b-branch.h5"), "")
        self.ok("branch", "b.h5", "--at", "25", "--out", "a-branch.h5", "--quiet", "--resume")

    def test_divergence_keeps_what_was_recorded(self):
        result = self.icl("train", "tiny.toml", "--out", "run.h5", "--quiet", "--set", "train.learning_rate=1e12")
        self.assertEqual(result.returncode, 80)
        self.assertRegex(result.stderr, r"not finite.* step \d+")
        info = json.loads(self.ok("info", "run.h5", "--json").stdout)
        self.assertEqual(info["status"], "diverged")
        self.assertGreaterEqual(info["evaluations"], 1)
        self.fails(80, "would do so again", "train", "tiny.toml", "--out", "run.h5", "--quiet", "--resume", "--set", "train.learning_rate=1e12")

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
        self.assertEqual(differences(self.cwd / "whole.h5", self.cwd / "run.h5"), "")
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
    main()
