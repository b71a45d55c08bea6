"""icl reproduce as a user meets it, with items of its own and a stand-in for Python, so that what the program itself does is seen.

usage: reproduce_test.py ICL
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ICL = None
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
        result = self.reproduce("all", "--scale", "smoke", "--out", "r", ends_with=1)
        self.expect(1, "other, smoke: 2 of 2 runs to train", result)
        self.assertEqual(len(self.notes.read_text().splitlines()), 4)
        self.assertEqual(self.reproduce("all", "--scale", "smoke", "--out", "r", ends_with=65).returncode, 65)

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
        self.assertEqual(self.icl("plot", "a b.h5", "--out", "c.png").returncode, 0)
        self.assertEqual(self.icl("report", "r", ends_with=65).returncode, 65)
        called = self.notes.read_text().splitlines()[::2]
        self.assertEqual(called, ["-m icl_lab plot a b.h5 --out c.png", "-m icl_lab report r"])


if __name__ == "__main__":
    ICL = sys.argv.pop(1)
    ICL = str(Path(ICL).resolve())
    unittest.main()
