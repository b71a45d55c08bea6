"""Runs from inside, without torch: every system gives its recorded losses, wrong ones are refused, and what is asked wrongly is said.

usage: open_test.py ICL      with src/python in PYTHONPATH
"""

import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import icl_lab
import numpy as np
from icl_lab import numpy_model
from icl_lab.agreement import Disagrees
from icl_lab.read import BadInput
from small_runs import SYSTEMS, train
from wrong import IN_NUMPY, planted

class OpenTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-open-"))
        cls.runs = {system: train(cls.folder, system) for system in SYSTEMS}

    def refused(self, words, call, kind=BadInput):
        with self.assertRaises(kind) as caught:
            call()
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_every_system_gives_its_recorded_losses_at_every_snapshot(self):
        for system, run in self.runs.items():
            with self.subTest(system):
                found = icl_lab.check(run)
                kinds = ["iwl"] if system == "memoriser" else ["icl", "iwl"]
                self.assertEqual([(c.step, c.kind) for c in found], [(s, k) for s in (0, 40, 80, 120) for k in kinds])
                for one in found:  # the bound explains what is found with room for its assumptions, and is itself small
                    self.assertLess(abs(one.found - one.recorded), one.bound / 10)
                    self.assertLess(one.bound, 5e-4)

    def test_wrong_modules_are_refused(self):
        for (system, name), edits in IN_NUMPY.items():
            wrong = planted(numpy_model.SYSTEMS[system], edits)
            with self.subTest(f"{system}: {name}"), mock.patch.dict(numpy_model.SYSTEMS, {system: wrong}):
                self.refused("rounding explains", lambda: icl_lab.check(self.runs[system]), Disagrees)

    def test_what_a_run_says_of_itself(self):
        run = self.runs["one_layer"]
        self.assertEqual(run.snapshots, [0, 40, 80, 120])
        self.assertEqual((run.config["data"]["N"], run.settings["data.D"]), (12, 20))
        self.assertEqual(list(np.asarray(run.metrics["icl_loss"])), list(run.series("icl_loss")))
        self.assertEqual(run.acquired, bool(np.any(run.series("icl_accuracy") > 0.95)))
        self.assertEqual(run.acquired, run.t_icl is not None)
        self.assertIn("beta0", run.theory)

    def test_metrics_without_pandas(self):
        with mock.patch("importlib.util.find_spec", return_value=None):
            metrics = icl_lab.open(self.runs["one_layer"].path).metrics
        self.assertEqual(list(metrics["step"]), list(self.runs["one_layer"].steps))

    def test_sequences_are_those_of_the_run(self):
        run = self.runs["one_layer"]
        x, label, answer = run.sequences("iwl", 120)
        accuracy = np.mean(run.forward(120, x, label) * answer > 0)
        self.assertAlmostEqual(accuracy, run.series("iwl_accuracy")[-1], delta=1 / 300)
        self.assertEqual(run.sequences("train", 7)[0].shape, (32, 12, 20))
        self.assertEqual(run.sequences("probe", 120)[0].shape, (32, 12, 20))

    def test_hooks_read_and_patch(self):
        run = self.runs["one_layer"]
        x, label, _ = run.sequences("icl", 120)
        logits, cache = run.run_with_cache(120, x, label)
        np.testing.assert_array_equal(logits, cache["hook_logit"])
        np.testing.assert_allclose(cache["blocks.0.attn.hook_pattern"].sum(-1), 1)
        same = run.run_with_hooks(120, x, label, [("blocks.0.attn.hook_z", lambda value, name: None)])
        np.testing.assert_array_equal(same, logits)
        for lesion, place, patch in (("no_attention", "z", np.zeros_like), ("uniform", "pattern", lambda value: np.full_like(value, 1 / value.shape[-1]))):
            for kind in ("icl", "iwl"):  # what the program's own probes recorded, on the first probe.sequences
                x, label, answer = (part[:32] for part in run.sequences(kind, 120))
                z = run.run_with_hooks(120, x, label, [(f"blocks.0.attn.hook_{place}", lambda value, name, patch=patch: patch(value))])
                self.assertAlmostEqual(np.logaddexp(0, -answer * z).mean(), run.series(f"{lesion}_{kind}_loss")[-1], delta=1e-5)

    def test_what_is_asked_wrongly_is_said_in_a_sentence(self):
        run, other = self.runs["one_layer"], self.runs["memoriser"]
        x, label, _ = run.sequences("icl", 0)
        self.refused("no snapshot at step 41; there are those at 0, 40, 80, 120", lambda: run.weights(41))
        self.refused("there is no such file", lambda: icl_lab.open("none.h5"))
        merged = Path(__file__).parents[2] / "data/results/fig2bc/desk/sweep.h5"
        self.refused('is of the kind "sweep", not "run"', lambda: icl_lab.open(merged))
        self.refused("has no ICL sequences: memoriser", lambda: other.sequences("icl", 0))
        self.refused("has no theory: memoriser", lambda: other.theory)
        self.refused('no sequences "test"; there are icl, iwl, train, probe', lambda: run.sequences("test", 0))
        self.refused("the run was not evaluated at that step", lambda: run.sequences("icl", 7))
        self.refused("has no place 'blocks.1.attn.hook_q'; there are hook_tokens", lambda: run.run_with_hooks(0, x, label, [("blocks.1.attn.hook_q", None)]))
        self.refused("is (0, 12), and (300, 12) is expected", lambda: run.run_with_hooks(
            0, x, label, [("blocks.0.attn.hook_pattern", lambda value, name: value[:0])]))
        self.refused("[B, N, 20] and [B, N] are expected", lambda: run.forward(0, x[..., :3], label))
        with mock.patch.dict(os.environ, ICL_PROGRAM="/nowhere/icl"):
            self.refused("set ICL_PROGRAM", lambda: run.sequences("icl", 0))
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.refused("apt-get install python3-torch", lambda: run.model(0))
        unchecked = train(self.folder, "memoriser", "record.snapshots=0", "eval.every=120", "record.snapshot_every=50", "train.epochs=5")
        unchecked.snapshots = [50]
        self.refused("none of its snapshots is at a step that was evaluated", lambda: icl_lab.check(unchecked))


if __name__ == "__main__":
    os.environ["ICL_PROGRAM"] = os.path.abspath(sys.argv.pop(1))
    unittest.main()
