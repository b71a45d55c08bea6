"""icl reproduce as a user meets it, with items of its own and a stand-in for Python, so that what the program itself does is seen.

usage: reproduce_test.py ICL
"""

import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ICL = None
CHECK_FAILED = 10  # of icl_lab
ITEM = """
[item]
title = "A title"
figure = "9z"
question = "Is it so?"
[[check]]
name = "it is so"
quantity = "q"
bounds = [0, 1]
source = "ours"
[model]
hidden = 16
[data]
K = 24
N = 8
[train]
epochs = 2
steps_per_epoch = 10
[eval]
sequences = 40
[sweep]
seeds = 2
[scale.smoke]
axes.data.N = [8, 12]
[scale.desk]
seeds = 3
"""
# Stands in for an interpreter: says yes when it is asked for modules, notes what it is called with, and ends as told.
PYTHON = """#!/bin/sh
case "$1" in -c) exit 0;; esac
echo "$*" >> "$NOTES"
echo "$ICL_PROGRAM:$PYTHONPATH" >> "$NOTES"
exit $ENDS_WITH
"""


class ReproduceTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-reproduce-")
        self.cwd = Path(self.folder.name)
        for name, text in (("fig9z", ITEM), ("other", ITEM.replace('figure = "9z"', "").replace("seeds = 2", "seeds = 1"))):
            (self.cwd / "items" / name).mkdir(parents=True)
            (self.cwd / "items" / name / "experiment.toml").write_text(text)
        (self.cwd / "items" / "no_item").mkdir()
        self.python = self.cwd / "python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        self.notes = self.cwd / "notes"

    def tearDown(self):
        self.folder.cleanup()

    def icl(self, *args, python=None, ends_with=0):
        variables = os.environ | {"ICL_PYTHON": str(python or self.python), "NOTES": str(self.notes), "ENDS_WITH": str(ends_with)}
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd, env=variables, capture_output=True, text=True, timeout=120)

    def reproduce(self, *args, **kwargs):
        return self.icl("reproduce", *args, "--experiments", "items", **kwargs)

    def expect(self, code, part, result):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(part, result.stderr)

    def test_list_has_title_figure_checks_and_scales(self):
        listed = self.reproduce("--list").stdout
        self.assertRegex(listed, r"fig9z +A title \(figure 9z\)\n +1 check; scales: smoke desk paper\nother +A title\n")
        self.assertNotIn("no_item", listed)

    def test_trains_merges_and_hands_over(self):
        result = self.reproduce("fig9z", "--scale", "smoke", "--out", "r")
        self.expect(0, "fig9z, smoke: 4 of 4 runs to train, at most about", result)
        item, scale = self.cwd / "items/fig9z", self.cwd / "r/fig9z/smoke"
        called = self.notes.read_text().splitlines()
        self.assertEqual(called[0], "-m icl_lab reproduce --item items/fig9z --scale smoke --merged r/fig9z/smoke/sweep.h5 "
                                    "--out r/fig9z/smoke")
        self.assertEqual(Path(called[1].split(":")[0]), Path(ICL).resolve())
        self.assertTrue((Path(called[1].split(":")[1]) / "icl_lab").is_dir())
        self.assertTrue((scale / "sweep.h5").is_file())
        again = self.reproduce("fig9z", "--scale", "smoke", "--out", "r")
        self.expect(0, "fig9z, smoke: all 4 runs are done", again)
        self.assertTrue(item.is_dir())

    def test_ends_as_the_verdict_does_and_goes_on_to_the_next_item(self):
        result = self.reproduce("all", "--scale", "smoke", "--out", "r", ends_with=CHECK_FAILED)
        self.expect(1, "other, smoke: 2 of 2 runs to train", result)
        self.assertEqual(len(self.notes.read_text().splitlines()), 4)
        self.assertEqual(self.reproduce("all", "--scale", "smoke", "--out", "r", ends_with=65).returncode, 65)

    def test_merges_what_was_asked_for_alone(self):
        self.expect(0, "4 runs merged", self.reproduce("fig9z", "--scale", "smoke", "--out", "r"))
        fewer = self.reproduce("fig9z", "--scale", "smoke", "--out", "r", "--seeds", "1")
        self.expect(0, "2 runs merged, 0 missing", fewer)

    def test_an_item_that_fails_is_named_and_the_next_one_is_made(self):
        result = self.reproduce("all", "--scale", "smoke", "--out", "r", ends_with=65)
        self.expect(65, "icl: fig9z, smoke: ", result)
        self.assertIn("icl: other, smoke: ", result.stderr)

    def test_what_was_judged_before_goes_with_its_runs(self):
        self.reproduce("fig9z", "--scale", "smoke", "--out", "r")
        judged = self.cwd / "r/fig9z/smoke/results.json"
        judged.write_text("{}")
        self.expect(69, "pictures and intervals need Python", self.reproduce("fig9z", "--scale", "smoke", "--out", "r", python="/nowhere"))
        self.assertFalse(judged.exists())

    def test_only_figures_of_the_paper_have_its_scale_without_naming_it(self):
        self.expect(64, "--scale paper: items/other/experiment.toml has no [scale.paper]; its scales are smoke", self.reproduce("other", "--scale", "paper", "--out", "r"))
        self.expect(64, "--scale smok: items/fig9z/experiment.toml has no [scale.smok]; did you mean smoke?", self.reproduce("fig9z", "--scale", "smok", "--out", "r"))
        both = self.reproduce("all", "--scale", "paper", "--out", "r", "--dry-run")
        self.expect(0, "fig9z, paper: ", both)
        self.assertNotIn("other", both.stderr)

    def test_a_module_of_this_folder_is_not_ours(self):
        (self.cwd / "json.py").write_text("raise SystemExit(10)\n")
        (self.cwd / "icl_lab").mkdir()
        (self.cwd / "icl_lab/__init__.py").write_text("raise SystemExit(10)\n")
        self.expect(65, "icl: ", self.icl("report", ".", python="/usr/bin/python3"))

    def test_axes_and_seeds_change_the_sweep(self):
        result = self.reproduce("fig9z", "--out", "r", "--seeds", "5,6", "--axis", "data.N=8,10,12", "--dry-run")
        self.expect(0, "fig9z, desk: 6 of 6 runs to train", result)
        self.assertFalse((self.cwd / "r").exists())
        self.expect(64, "--axis data.M=3: unknown key", self.reproduce("fig9z", "--out", "r", "--axis", "data.M=3"))

    def test_without_python_it_counts_and_says_what_to_install(self):
        result = self.reproduce("fig9z", "--scale", "smoke", "--out", "r", python="/no/python")
        self.expect(69, "which ICL_PYTHON = '/no/python' lacks; on Debian: apt-get install", result)
        self.assertIn("  data.N = 12: 0 of 2 acquired ICL, median step beyond the end\n", result.stdout)
        self.assertTrue((self.cwd / "r/fig9z/smoke/sweep.h5").is_file())
        file = self.cwd / "items/other/experiment.toml"
        file.write_text(file.read_text().replace("axes.data.N = [8, 12]", "axes.data.K = [24, 48]"))
        counted = self.reproduce("other", "--scale", "smoke", "--out", "r", python="/no/python").stdout
        self.assertIn("  all runs: no run acquired ICL up to K = 48, all did from no K on\n", counted)
        self.expect(69, "apt-get install", self.icl("plot", "x.h5", python="/no/python"))
        self.expect(69, "apt-get install", self.icl("report", "r", python="/no/python"))

    def test_faults_of_an_item_are_named(self):
        """With the Python that draws: figure.py and its line, not icl_lab."""
        figure = self.cwd / "items/fig9z/figure.py"
        good = "def draw(item, quantities):\n    return None\n"
        for text, words in (("x = = 1\n", "figure.py', line 1: SyntaxError"), ("\nraise ValueError('odd')\n", "figure.py', line 2: ValueError: odd"),
                            (good, "has no function analyse"), ("def analyse(item):\n    return 1\n" + good, "analyse returns no dict but 1"),
                            ("def analyse(item):\n    return {'q': 1}\n" + good, "q, which analyse returns, is no Estimate"),
                            ("def analyse(item):\n    return {}\n" + good, "draw returns no figure but None")):
            with self.subTest(words):
                figure.write_text(text)
                self.expect(65, words, self.reproduce("fig9z", "--scale", "smoke", "--out", "f", python="/usr/bin/python3"))
                self.assertFalse((self.cwd / "f/fig9z/smoke/results.json").exists())
        (self.cwd / "f/fig9z/smoke/results.json").mkdir()
        self.expect(73, "results.json' cannot be written", self.reproduce("fig9z", "--scale", "smoke", "--out", "f", python="/usr/bin/python3"))

    def test_bad_input(self):
        for code, part, *arguments in (
                (64, "name an item, or all; icl reproduce --list", ),
                (64, 'no item "fig8z"; did you mean fig9z?', "fig8z"),
                (64, 'no item "fig"; did you mean fig9z?', "fig"),
                (64, 'no item "zebra"; icl reproduce --list', "zebra"),
                (64, "--scale dek: items/fig9z/experiment.toml has no [scale.dek]; did you mean desk?", "fig9z", "--scale", "dek"),
                (64, "--jobs -1: must be positive", "fig9z", "--jobs", "-1")):
            with self.subTest(part):
                self.expect(code, part, self.reproduce(*arguments))
                self.assertFalse((self.cwd / "results").exists())
        broken = self.cwd / "items/other/experiment.toml"
        broken.write_text(broken.read_text().replace("[0, 1]", "[1, 0]"))
        self.expect(0, "fig9z, smoke: 4 of 4 runs", self.reproduce("fig9z", "--scale", "smoke", "--dry-run"))
        self.expect(65, "'nowhere' holds no item: No such file", self.icl("reproduce", "fig9z", "--experiments", "nowhere"))
        self.expect(65, "holds no item: no folder in it has", self.icl("reproduce", "fig9z", "--experiments", "items/no_item"))
        self.expect(64, "items/other/experiment.toml:9: bounds of [[check]]: expected [low, high]", self.reproduce("--list"))

    def test_results_of_other_settings_are_kept(self):
        self.reproduce("fig9z", "--scale", "smoke", "--out", "r")
        before = {p: p.read_bytes() for p in self.cwd.glob("r/**/*.h5")}
        file = self.cwd / "items/fig9z/experiment.toml"
        file.write_text(file.read_text().replace("hidden = 16", "hidden = 24"))
        self.expect(73, "'r/fig9z/smoke' holds another sweep: model.hidden is 16 there and 24 here",
                    self.reproduce("fig9z", "--scale", "smoke", "--out", "r"))
        self.assertEqual({p: p.read_bytes() for p in self.cwd.glob("r/**/*.h5")}, before)

    def test_plot_and_report_hand_over(self):
        (self.cwd / "a b.toml").write_text(ITEM[ITEM.index("[model]"):ITEM.index("[sweep]")])
        self.assertEqual(self.icl("train", "a b.toml", "--out", "a b.h5", "--quiet").returncode, 0)
        self.assertEqual(self.icl("plot", "a b.h5", "--out", "c.png").returncode, 0)
        self.assertEqual(self.icl("report", "r", ends_with=65).returncode, 65)
        called = self.notes.read_text().splitlines()[::2]
        self.assertEqual(called, ["-m icl_lab plot --out=c.png -- a b.h5", "-m icl_lab report -- r"])
        whole = (self.cwd / "a b.h5").read_bytes()
        for bytes_there, message in ((whole[:9000] + b"x" + whole[9001:], "damaged: its content does not match its hash"),
                                     (whole[:-600], "cut short"), (b"", "not an icl run file"), (b"text", "not an icl run file")):
            (self.cwd / "bad.h5").write_bytes(bytes_there)
            self.expect(65, message, self.icl("plot", "bad.h5"))
        os.mkfifo(self.cwd / "pipe")
        self.expect(65, "'pipe'", self.icl("plot", "pipe"))

    # What a program of the system says, and how it ends, reaches the terminal, the status and the signals as our own words do.

    def stand_in(self, script, *command, **kwargs):
        """icl report, whose Python is this script."""
        self.python.write_text("#!/bin/bash\ncase $1 in -c) exit 0;; esac\n" + script + "\n")
        return subprocess.Popen([ICL, "report", "r", *command], cwd=self.cwd, env=os.environ | {"ICL_PYTHON": str(self.python)},
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | kwargs)

    def said_by(self, script, **kwargs):
        process = self.stand_in(script, **kwargs)
        output, error = process.communicate(timeout=30)
        return process.returncode, output, error

    def test_words_of_others_are_no_commands_to_the_terminal(self):
        self.assertEqual(self.said_by(r"printf 'a\e[31m\xff\n'; printf 'icl: w\e]0;x\a\n' >&2"),
                         (0, b"a\\x1b[31m\\xff\n", b"icl: w\\x1b]0;x\\x07\n"))
        self.assertEqual(self.said_by(r"printf 'Traceback\n x\nicl: no \e[1mfile\n' >&2; exit 65"), (65, b"", b"icl: no \\x1b[1mfile\n"))

    def test_an_interpreter_that_fails_is_no_check_that_failed(self):
        for script, status, words in (("echo 'ImportError: numpy' >&2; exit 1", 69, "exit status 1: ImportError: numpy"),
                                      ("exit 2", 69, "exit status 2"), ("kill -SEGV $$", 69, "signal 11 (Segmentation fault)"),
                                      ("kill -KILL $$", 69, "signal 9 (Killed)"), ("kill -TERM $$", 75, "signal 15 (Terminated)"),
                                      ("exit 70", 70, "exit status 70"), (f"exit {CHECK_FAILED}", 1, "")):
            with self.subTest(script):
                code, output, error = self.said_by(script)
                self.assertEqual((code, output), (status, b""), error)
                self.assertEqual(error.decode(), f"icl: '{self.python} -m icl_lab report' ended with {words}\n" if words else "")

    def test_streams_that_take_nothing(self):
        with open("/dev/full", "w") as full:
            self.assertEqual(self.said_by("echo page", stdout=full),
                             (74, None, b"icl: cannot write to standard output: No space left on device\n"))
            self.assertEqual(self.said_by("echo warning >&2; echo page", stderr=full), (0, b"page\n", None))
        self.assertEqual(self.said_by("echo page", preexec_fn=lambda: os.close(1), stdout=None)[0], 74)
        self.assertEqual(self.said_by("echo warning >&2; exit 65", preexec_fn=lambda: os.close(2), stderr=None)[0], 65)
        reading, writing = os.pipe()
        os.close(reading)
        self.assertEqual(self.said_by("seq 100000", stdout=writing)[0], 0)
        os.close(writing)

    def test_a_signal_ends_both(self):
        for script in ("echo $$ > pid; exec sleep 60", "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done",
                       "trap 'echo icl: mine >&2; exit 70' TERM; echo $$ > pid; while :; do sleep 0.1; done"):
            with self.subTest(script):
                pid = self.cwd / "pid"
                pid.unlink(missing_ok=True)
                process = self.stand_in(script)
                while not (pid.exists() and pid.read_text().strip()):
                    time.sleep(0.01)
                begin = time.monotonic()
                process.terminate()
                self.assertEqual((process.wait(timeout=10), process.stderr.read()), (75, b"icl: interrupted\n"))
                self.assertLess(time.monotonic() - begin, 4)
                self.assertFalse(Path(f"/proc/{pid.read_text().strip()}").exists(), "it lives on")
                process.communicate()

    def test_nobody_waits_for_what_a_program_started(self):
        begin = time.monotonic()
        self.assertEqual(self.said_by("sleep 20 & echo page", stderr=subprocess.DEVNULL)[:2], (0, b"page\n"))
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    ICL = sys.argv.pop(1)
    ICL = str(Path(ICL).resolve())
    unittest.main()
