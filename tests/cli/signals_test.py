"""Signals work at all times: every one publishes what there is and ends the program soon, whatever it does.

usage: signals_test.py ICL
"""

import json
import os
import resource
import signal
import time
from pathlib import Path

import h5py

from running import ENDLESS, TINY, RunningTest, differences, main

DEAF = 2.0  # seconds within which a signal is obeyed
STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGPWR,
                signal.SIGALRM, signal.SIGVTALRM, signal.SIGQUIT, signal.SIGPROF, signal.SIGPOLL, signal.SIGRTMIN, signal.SIGRTMAX]


class SignalsTest(RunningTest):
    def assert_goes_on(self, name, *settings):
        """An interrupted run, cut by its horizon, is the same as one that was not interrupted."""
        self.ok("train", "tiny.toml", "--out", name, "--resume", *settings)
        self.ok("train", "tiny.toml", "--out", "whole.h5", "--force", *settings)
        self.assertEqual(differences(self.cwd / name, self.cwd / "whole.h5"), "")

    def test_every_signal_publishes(self):
        for number in STOP_SIGNALS:
            with self.subTest(number):
                name = f"{number.name}.h5"
                run = self.start("train", "tiny.toml", "--out", name, "--quiet", *ENDLESS)
                self.wait_until((self.cwd / name).exists, "no file")
                run.send_signal(number)
                _, error = run.communicate(timeout=10)
                self.assertEqual(run.returncode, 75)
                self.assertRegex(error, rb"^icl: interrupted after step \d+; go on with --resume")
                self.assertEqual(json.loads(self.ok("info", name, "--json").stdout)["status"], "interrupted")
        self.assertEqual(self.locks(), [])

    def test_a_sweep_obeys_them(self):
        for number in STOP_SIGNALS:
            run = self.start("sweep", "sweep.toml", "--out", number.name, "--quiet", "--jobs", 2, *ENDLESS)
            self.wait_until(lambda: list(self.cwd.glob(f"{number.name}/runs/*/*.h5")), "no file")
            run.send_signal(number)
            _, error = run.communicate(timeout=10)
            self.assertEqual(run.returncode, 75, error)
        self.assertEqual(self.locks(), [])

    def test_signals_that_come_twice(self):
        """As `timeout` and closed windows send them: the first one publishes, the second changes nothing."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
            run = self.start("train", "tiny.toml", "--out", "t.h5", "--quiet", "--resume", *ENDLESS)
            self.wait_until(lambda: self.locks() and (self.cwd / "t.h5").exists(), "no file")
            for _ in range(20):
                run.send_signal(number)
                time.sleep(0.0005)
            self.assertEqual(run.wait(timeout=10), 75, number)
            run.communicate()
            self.assertEqual(self.locks(), [])
        self.assertEqual(self.shell("timeout 0.5 icl train tiny.toml --out u.h5 --quiet " + " ".join(f"'{w}'" for w in ENDLESS)).returncode, 124)
        self.assertEqual(json.loads(self.ok("info", "u.h5", "--json").stdout)["status"], "interrupted")

    def test_signals_that_were_blocked(self):
        run = self.start("train", "tiny.toml", "--out", "t.h5", "--quiet", *ENDLESS,
                         preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS))
        self.wait_until((self.cwd / "t.h5").exists, "no file")
        run.terminate()
        self.assertEqual(run.wait(timeout=10), 75)
        run.communicate()

    def test_limit_of_cpu_time(self):
        """Also as `ulimit -t` sets it, soft and hard at once: at the hard one the kernel kills."""
        for limit in ((1, 60), (2, 2)):
            for what in (["train", "tiny.toml", "--out", f"c{limit[0]}.h5"], ["sweep", "sweep.toml", "--out", f"c{limit[0]}", "--jobs", "2"]):
                with self.subTest(what, limit=limit):
                    result = self.icl(*what, "--quiet", *ENDLESS, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit))
                    self.assertEqual(result.returncode, 75, result.stderr)
                    self.assertEqual(self.locks(), [])

    def deaf_seconds(self, process, after, number=signal.SIGTERM):
        """How long a process that has run for a while takes to end after a signal."""
        time.sleep(after)
        self.assertIsNone(process.poll(), "it has ended already")
        begin = time.monotonic()
        process.send_signal(number)
        self.output = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 75, self.output)
        return time.monotonic() - begin

    def assert_obeys(self, *args, after=0.5):
        """It ends in time, says so in one line, and leaves neither lock nor half of a file."""
        before = self.left()
        waited = self.deaf_seconds(self.start(*args), after)
        self.assertLess(waited, DEAF, args)
        self.assertEqual(len(self.output[1].decode().replace("\r", "\n").strip().splitlines()), 1, self.output[1])
        self.assertEqual(self.left(), before)

    def test_obeys_while_it_starts(self):
        big = ["--set", "data.K=4000000", "--set", "data.D=16"]
        self.assert_obeys("train", "tiny.toml", "--out", "big.h5", "--quiet", *big)
        self.assert_obeys("train", "tiny.toml", "--dry-run", "--set", "eval.sequences=10000000")
        self.assert_obeys("bench", "tiny.toml", *big)
        self.assert_obeys("bench", "tiny.toml", "--set", "eval.sequences=10000000")

    def test_obeys_in_the_first_evaluation(self):
        self.assert_obeys("train", "tiny.toml", "--out", "e.h5", "--quiet", "--set", "eval.sequences=10000000")
        self.assertRegex(self.output[1], b"anything new to write")
        self.assert_obeys("train", "tiny.toml", "--out", "p.h5", "--quiet", "--set", "probe.sequences=10000000", "--set", "data.K=1000000")

    def test_obeys_while_it_trains_again(self):
        long = ["--set", "train.epochs=1", "--set", "train.steps_per_epoch=100000000", "--set", "eval.every=50000000"]
        run = self.start("train", "tiny.toml", "--out", "l.h5", "--quiet", *long)
        time.sleep(3)
        run.terminate()
        self.assertEqual(run.wait(timeout=10), 75)
        run.communicate()
        step = self.step("l.h5")
        self.assert_obeys("verify", "l.h5", "--quiet")
        self.assert_obeys("branch", "l.h5", "--at", step - 1, "--out", "b.h5", "--quiet", "--set", "train.learning_rate=0.02")
        self.assert_obeys("theory", "landscape", "--run", "l.h5", "--step", step - 1, "--out", "g.h5")

    def test_obeys_in_theory_and_sweeps(self):
        self.assert_obeys("theory", "landscape", "--out", "g.h5", "--N", 1000, "--w", 0, 5, 3000, "--beta", 0, 5, 3000)
        (self.cwd / "many.toml").write_text(TINY + "[sweep]\nseeds = 900000\n")
        self.assert_obeys("sweep", "many.toml", "--out", "many")
        self.assert_obeys("sweep", "sweep.toml", "--out", "s", "--dry-run", "--set", "eval.sequences=10000000")

    def test_given_up_evaluations_are_made_anew(self):
        """Cut in the evaluation at a step, a run goes on with the same bits; and what lies there verifies."""
        settings = ["--set", "eval.sequences=1000000", "--set", "data.K=400", "--set", "train.epochs=1", "--set", "probe.sequences=400"]
        run = self.start("train", "tiny.toml", "--out", "e.h5", "--quiet", "--resume", *settings)
        time.sleep(0.2)
        run.terminate()
        run.communicate(timeout=10)
        cut = 0
        for _ in range(40):
            run = self.start("train", "tiny.toml", "--out", "e.h5", "--quiet", "--resume", *settings)
            self.wait_until(lambda: (self.cwd / "e.h5").exists() or run.poll() is not None, "no file")
            time.sleep(0.25)
            run.terminate()
            run.communicate(timeout=10)
            if run.returncode == 0:
                break
            self.assertEqual(run.returncode, 75)
            if (self.cwd / "e.h5").exists():
                with h5py.File(self.cwd / "e.h5") as file:
                    due = int(file["state"].attrs.get("evaluation_due", 0))
                    cut += due
                    if due:
                        self.assertNotIn(file.attrs["step"], file["metrics/step"][:])
                        break
        self.assertGreater(cut, 0, "never cut in an evaluation")
        self.assertEqual(self.ok("verify", "e.h5", "--quiet").stdout, b"identical\n")
        self.assert_goes_on("e.h5", *settings)

    def test_the_parent_of_a_sweep_is_killed(self):
        run = self.start("sweep", "sweep.toml", "--out", "k", "--jobs", 2, *ENDLESS,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)))
        self.wait_until(lambda: len(list(self.cwd.glob("k/runs/*/*.h5"))) == 2, "no files")
        children = [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
        libc_subreaper()
        run.kill()
        run.communicate()
        for child in children:
            _, status = os.waitpid(child, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 75)
        self.assertEqual(self.locks(), [])
        self.assertEqual(list(self.cwd.rglob("core*")), [])


def libc_subreaper():
    import ctypes
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
