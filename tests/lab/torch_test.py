"""Runs from inside, in torch: names, places for hooks, the same numbers as numpy's and as were recorded. Without torch: ends with 77, skipped.

usage: torch_test.py ICL      with src/python in PYTHONPATH
"""

import os
import sys
import tempfile
import unittest
from unittest import mock

try:
    import torch
except ImportError:
    print("torch_test: skipped, as torch is not installed (on Debian: apt-get install python3-torch)")
    sys.exit(77)

import icl_lab
import numpy as np
from icl_lab import torch_model
from icl_lab.agreement import Disagrees
from icl_lab.read import BadInput
from small_runs import SYSTEMS, train
from wrong import IN_TORCH, planted


class TorchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-torch-"))
        cls.runs = {system: train(cls.folder, system) for system in SYSTEMS}

    def test_names_are_those_of_the_file_and_modules_are_in_eval_mode(self):
        for run in self.runs.values():
            for dtype in ("float32", "float64"):
                model = run.model(120, dtype)
                self.assertEqual(set(model.state_dict()), set(run.weights(120)))
                self.assertEqual({p.dtype for p in model.parameters()}, {getattr(torch, dtype)})
                self.assertFalse(model.training)

    def test_every_place_has_the_value_that_numpy_has(self):
        for system, run in self.runs.items():
            x, label, _ = (part[:40] for part in run.sequences("iwl", 120))
            logits, cache = run.run_with_cache(120, x, label)
            model, seen = run.model(120, "float64"), {}
            for name in torch_model.hook_points(model):
                model.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out.detach().numpy()))
            found = model(torch.from_numpy(x.astype(float)), torch.from_numpy(label)).detach().numpy()
            self.assertEqual(set(seen), set(cache), system)
            np.testing.assert_allclose(found, logits, atol=1e-12)
            for name, value in cache.items():
                np.testing.assert_allclose(seen[name], value, atol=1e-12, err_msg=f"{system} {name}")

    def test_hooks_patch_as_those_of_numpy(self):
        run = self.runs["one_layer"]
        x, label, _ = run.sequences("icl", 120)
        for place in torch_model.hook_points(run.model(120)):
            model = run.model(120, "float64")
            model.get_submodule(place).register_forward_hook(lambda _, __, out: 0.5 * out)
            with torch.no_grad():
                found = model(torch.from_numpy(x.astype(float)), torch.from_numpy(label)).numpy()
            expected = run.run_with_hooks(120, x, label, [(place, lambda value, name: 0.5 * value)])
            np.testing.assert_allclose(found, expected, atol=1e-12, err_msg=place)
            self.assertGreater(np.abs(found - run.forward(120, x, label)).max(), 1e-9, f"{place} reaches nothing")

    def test_modules_give_the_recorded_losses_and_wrong_ones_are_refused(self):
        for run in self.runs.values():
            self.assertGreater(len(icl_lab.check(run, run.logits_by_torch)), 3)
        run = self.runs["one_layer"]
        for name, edits in IN_TORCH.items():
            with self.subTest(name), mock.patch.object(torch_model.OneLayer, "forward", planted(torch_model.OneLayer.forward, edits)):
                with self.assertRaisesRegex(Disagrees, "rounding explains"):
                    icl_lab.check(run, run.logits_by_torch)

    def test_weights_that_do_not_fit_are_refused(self):
        run = self.runs["one_layer"]
        weights = run.weights(120)
        wrong = {"another shape": (weights | {"qkv.weight": weights["qkv.weight"].T}, "qkv.weight is \\(22, 66\\), and \\(66, 22\\) is expected"),
                 "one missing": ({name: w for name, w in weights.items() if name != "mlp.4.bias"}, "mlp.4.bias is not there"),
                 "one too many": (weights | {"pos": weights["mlp.4.bias"]}, "pos is \\(1,\\), and no parameter of that name is expected")}
        for name, (given, said) in wrong.items():
            with self.subTest(name), mock.patch.object(run, "weights", lambda step, given=given: given):
                with self.assertRaisesRegex(BadInput, said):
                    run.model(120)
        with self.assertRaisesRegex(BadInput, 'in "float32" or "float64"'):
            run.model(120, "float16")


if __name__ == "__main__":
    os.environ["ICL_PROGRAM"] = os.path.abspath(sys.argv.pop(1))
    unittest.main()
