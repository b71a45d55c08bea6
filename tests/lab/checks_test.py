"""Verdicts of checks, and the items that they belong to.

usage: checks_test.py      with src/python in PYTHONPATH
"""

import sys
import tempfile
import unittest
from pathlib import Path

from icl_lab.checks import judge, verdict_of
from icl_lab.estimate import Estimate, missing
from icl_lab.item import load_item
from icl_lab.read import BadInput, Sweep, kind_of

INF, NAN = float("inf"), float("nan")
PROJECT = Path(__file__).parents[2]
RESULTS = PROJECT / "data/results"


def estimate(value, low, high):
    return Estimate(value, low, high, "m", 5)


class VerdictTest(unittest.TestCase):
    def test_rules(self):
        for found, bounds, verdict in ((estimate(2, 1.5, 2.5), (1, 3), "holds"), (estimate(2, 1, 3), (1, 3), "holds"),
                                       (estimate(2, 0.5, 2.5), (1, 3), "undecided"), (estimate(0.5, 0, 1.5), (1, 3), "undecided"),
                                       (estimate(0.5, 0, 0.9), (1, 3), "fails"), (estimate(5, 4, INF), (1, 3), "fails"),
                                       (estimate(5, 4, INF), (1, INF), "holds"), (estimate(INF, 5, INF), (1, 3), "fails"),
                                       (estimate(0.1, -1, 1), (0, 0), "undecided"), (estimate(0.1, 0.05, 1), (0, 0), "fails"),
                                       (estimate(2, NAN, NAN), (1, 3), "undecided"), (estimate(4, NAN, NAN), (1, 3), "undecided"),
                                       (missing("none"), (-INF, INF), "undecided")):
            self.assertEqual(verdict_of(found, *bounds), verdict, (found, bounds))

    def test_a_quantity_that_figure_py_does_not_return_fails_and_one_that_the_data_cannot_give_does_not(self):
        check = {"name": "n", "quantity": "q", "bounds": [0, 1], "source": "s"}
        verdict = judge(check, {})
        self.assertEqual(verdict.verdict, "fails")
        self.assertIn("none (figure.py does not compute it)", str(verdict))
        self.assertEqual(judge(check, {"q": estimate(0.5, 0.4, 0.6)}).verdict, "holds")
        verdict = judge(check, {"q": missing("no run acquired")})
        self.assertEqual(verdict.verdict, "undecided")
        self.assertIn("none (no run acquired)", str(verdict))


class ReadTest(unittest.TestCase):
    def refused(self, words, call):
        with self.assertRaises(BadInput) as caught:
            call()
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_a_sweep_and_parts_of_it(self):
        sweep = Sweep(RESULTS / "fig2bc/desk/sweep.h5")
        part = sweep.where(data_K=256)
        self.assertEqual((len(part), set(part.column("data.K"))), (8, {256.0}))
        self.assertEqual(part.series("icl_accuracy").shape, (8, part.steps.size))
        self.assertEqual(set(part.column("data.N")), {20})
        self.assertEqual(len(part.where(seed=3)), 1)

    def test_what_cannot_be_read_is_said_in_a_sentence(self):
        merged = RESULTS / "fig2bc/desk/sweep.h5"
        with tempfile.TemporaryDirectory() as folder:
            cut = Path(folder) / "cut.h5"
            cut.write_bytes(merged.read_bytes()[:20000])
            text = Path(folder) / "text.h5"
            text.write_text("no HDF5")
            self.refused("cut short", lambda: kind_of(cut))
            self.refused("cannot be opened as HDF5", lambda: kind_of(text))
        self.refused("no such file", lambda: kind_of("nowhere.h5"))
        self.refused('is of the kind "run", not "sweep"', lambda: Sweep(PROJECT / "data/paper/K1000_s0.h5"))
        self.refused('has no series "c1"', lambda: Sweep(merged).series("c1"))
        self.refused("is of other settings than the item at scale smoke", lambda: load_item(PROJECT / "experiments/fig2bc", "smoke", merged))
        self.refused('has no scale "huge"', lambda: load_item(PROJECT / "experiments/fig2bc", "huge", merged))
        self.refused("cannot be read", lambda: load_item(PROJECT / "experiments/none", "desk", merged))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
