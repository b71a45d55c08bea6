"""Runs from inside, in torch: names, places for hooks, the same numbers as numpy's and as were recorded. Without torch: ends with 77, skipped.

usage: torch_test.py ICL      with src/python in PYTHONPATH
"""

import os
import sys
import tempfile
import types
import unittest
from unittest import mock

try:
    import torch
except ImportError:
    print("torch_test: skipped, as torch is not installed (on Debian: apt-get install python3-torch)")
    sys.exit(77)

import icl_lab
import numpy as np
from icl_lab import adapters, numpy_blocks, settings, torch_model, torch_parts
from icl_lab.agreement import Disagrees
from icl_lab.read import BadInput
from icl_lab.sequences import export
from small_runs import SYSTEMS, train
from wrong import IN_TORCH, planted


LABELS = (["data.label_count=6"],
          ["data.label_count=3", "data.label_vectors=gaussian", "data.layout=concatenated", "blocks.readout=linear", "model.hidden=512"],
          ["data.label_count=4", "data.label_vectors=gaussian", "data.noise=0.1", "data.copies=1", "data.novel=0.3",
           "eval.set=swapped items=training labels=flipped, bare items=training copies=0"])


class LabelsTest(unittest.TestCase):
    """blocks with data.label_count: logits [B, L], and the evaluators of eval.set."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-labels-"))
        cls.runs = [train(cls.folder, "blocks", "eval.sequences=60", "record.snapshot_every=120", *settings) for settings in LABELS]

    def test_torch_and_numpy_have_the_same_weights_and_numbers(self):
        for run in self.runs:
            batch, model = run.loader("icl", 120)[:40], run.model(120, "float64")
            self.assertEqual({name: tuple(value.shape) for name, value in model.state_dict().items()}, settings.shapes(run.settings))
            logits, cache = run.run_with_cache(120, batch)
            self.assertEqual(logits.shape, (40, run.settings["data.label_count"]))
            found, seen = model.run_with_cache(batch)
            np.testing.assert_allclose(found.detach().numpy(), logits, atol=1e-12)
            for name, value in cache.items():
                np.testing.assert_allclose(seen[name].detach().numpy(), value, atol=1e-12, err_msg=name)

    def test_losses_are_torchs_and_accuracies_those_recorded(self):
        for run in self.runs:
            for kind in ("icl", "iwl", *(("swapped", "bare") if "eval.set" in run.settings else ())):
                batch = run.loader(kind, 120)
                logits = run.forward(120, batch)
                expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(batch.answer).long() - 1, reduction="none")
                np.testing.assert_allclose(batch.losses(logits), expected.numpy(), atol=1e-12)
                self.assertAlmostEqual(batch.accuracy(logits), run.series(f"{kind}_accuracy")[list(run.steps).index(120)], delta=1 / 60)
                self.assertEqual(batch.accuracy(np.zeros_like(logits)), 0, "a tie is wrong, as the program has it")

    def test_recorded_losses_are_held_and_wrong_labels_are_refused(self):
        for run in self.runs:
            kinds = {one.kind for one in icl_lab.check(run)}
            self.assertEqual(kinds, {"icl", "iwl", "swapped", "bare"} if "eval.set" in run.settings else {"icl", "iwl"})
        icl_lab.check(run, lambda step: run.model(step, "float64"))
        code, run = numpy_blocks.label_code, self.runs[0]
        turned = lambda config, w, label: code(config, w, np.where(label == 0, 0, label % 6 + 1))  # noqa: E731
        with mock.patch.object(numpy_blocks, "label_code", turned), self.assertRaisesRegex(Disagrees, "rounding explains"):
            icl_lab.check(run)

    def test_copies_are_turned_to_the_next_label(self):
        batch = self.runs[0].loader("icl", 120)
        turned = batch.with_copies_turned(6)
        np.testing.assert_array_equal(turned.label[~batch.copy], batch.label[~batch.copy])
        np.testing.assert_array_equal(turned.label[batch.copy], batch.label[batch.copy] % 6 + 1)
        with self.assertRaisesRegex(BadInput, "there are icl, iwl, train, probe, swapped, bare, probe_set"):
            self.runs[2].loader("nothing", 120)


class ChainsTest(unittest.TestCase):
    """data.task = chains: symbols without labels, and a logit for each; trained at every position, which all but the loss of training does not see."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-chains-"))
        cls.run_ = train(cls.folder, "blocks", "data.task=chains", "data.D=4", "data.layout=not set", "blocks.positions=learned", "eval.sequences=60",
                         "train.loss_at=every", "record.snapshot_every=120", "record.observers=unigram_inference,bigram_inference,unigram_retrieval,bigram_retrieval")

    def test_sequences_are_those_of_the_chains(self):
        for kind, step in ("icl", 120), ("iwl", 120), ("train", 119):
            batch = self.run_.loader(kind, step)
            np.testing.assert_array_equal(batch.x, np.eye(4)[batch.item])
            self.assertTrue((batch.label == 0).all() and set(batch.answer) <= {1, 2, 3, 4})
            np.testing.assert_array_equal(batch.copy[:, :-1], batch.item[:, :-1] == batch.item[:, -1:])
        with export(self.run_.path, "--items", "--evaluation", "120") as file:
            chains = file["chains/x"][()].reshape(-1, 4, 4)
            np.testing.assert_allclose(chains.sum(-1), 1, atol=1e-6)
            number = file["iwl_evaluation/chain"][0]
            self.assertTrue((number == number[:, :1]).all() and 0 <= number.min() and number.max() < len(chains))
            self.assertTrue((file["icl_evaluation/chain"][()] == -1).all())

    def test_observers_are_those_computed_here(self):
        run, N = self.run_, self.run_.settings["data.N"]
        with export(run.path, "--items") as file:
            P = file["chains/x"][()].reshape(-1, 4, 4).astype(float)
        f = np.stack([np.linalg.matrix_power(p, 4096)[0] for p in P])
        for kind in "icl", "iwl":
            batch = run.loader(kind, 120)
            s, answer = batch.item, batch.answer - 1
            after = (s[:, :-1] == s[:, -1:])[..., None] * np.eye(4)[s[:, 1:]]
            order = np.log(f[:, s[:, 0]]) + sum(np.log(P[:, s[:, j], s[:, j + 1]]) for j in range(N - 1))  # [K, B]
            symbols = sum(np.log(f[:, s[:, j]]) for j in range(N))
            posterior = lambda logs: np.exp(logs - np.logaddexp.reduce(logs))  # noqa: E731
            found = {"unigram_inference": (np.eye(4)[s].sum(1) + 1) / (N + 4), "bigram_inference": (after.sum(1) + 1) / (after.sum((1, 2))[:, None] + 4),
                     "unigram_retrieval": np.einsum("kb,ks->bs", posterior(symbols), f),
                     "bigram_retrieval": np.einsum("kb,kbs->bs", posterior(order), P[:, s[:, -1]])}
            z = run.forward(120, batch)
            network = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
            for name, q in found.items():
                loss, distance = -np.log(q[np.arange(len(q)), answer]).mean(), (q * (np.log(q) - network)).sum(1).mean()
                at = list(run.steps).index(120)
                self.assertAlmostEqual(run.series(f"{kind}_{name}_loss")[at], loss, delta=1e-5, msg=name)
                self.assertAlmostEqual(run.series(f"{kind}_{name}_distance")[at], distance, delta=1e-5, msg=name)

    def test_torch_and_numpy_have_the_same_numbers_and_recorded_losses_are_held(self):
        batch, model = self.run_.loader("icl", 120)[:40], self.run_.model(120, "float64")
        self.assertEqual({name: tuple(value.shape) for name, value in model.state_dict().items()}, settings.shapes(self.run_.settings))
        logits = self.run_.forward(120, batch)
        self.assertEqual(logits.shape, (40, 4))
        np.testing.assert_allclose(model(*batch.tensors("float64")).detach().numpy(), logits, atol=1e-12)
        self.assertEqual({one.kind for one in icl_lab.check(self.run_)}, {"icl", "iwl"})
        icl_lab.check(self.run_, lambda step: self.run_.model(step, "float64"))

    def test_logits_behind_every_symbol_give_the_loss_of_training(self):
        batch, model = self.run_.loader("train", 0), self.run_.model(0, "float64")
        logits = model(*batch.tensors("float64"), every=True)
        self.assertEqual(tuple(logits.shape), (*batch.item.shape, 4))
        np.testing.assert_allclose(logits[:, -1].detach(), model(*batch.tensors("float64")).detach(), atol=1e-12)
        following = np.concatenate([batch.item[:, 1:], batch.answer[:, None] - 1], axis=1)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(following.flatten()).long())
        self.assertAlmostEqual(float(loss), self.run_.series("train_loss")[0], delta=1e-6)


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
                self.assertEqual({name: tuple(value.shape) for name, value in model.state_dict().items()}, settings.shapes(run.settings))
                self.assertEqual({p.dtype for p in model.parameters()}, {getattr(torch, dtype)})
                self.assertFalse(model.training)

    def test_every_place_has_the_value_that_numpy_has(self):
        for system, run in self.runs.items():
            batch = run.loader("iwl", 120)[:40]
            logits, cache = run.run_with_cache(120, batch)
            model = run.model(120, "float64")
            found, seen = model.run_with_cache(batch)
            self.assertEqual(set(seen), set(cache), system)
            np.testing.assert_allclose(found.detach().numpy(), logits, atol=1e-12)
            for name, value in cache.items():
                np.testing.assert_allclose(seen[name].detach().numpy(), value, atol=1e-12, err_msg=f"{system} {name}")
            np.testing.assert_array_equal(found.detach().numpy(), model(*batch.tensors("float64")).detach().numpy())  # called as torch's modules are
            single = run.model(120)(*batch.tensors()).detach().numpy()
            np.testing.assert_allclose(single, logits, atol=1e-4)

    def test_hooks_patch_as_those_of_numpy(self):
        run = self.runs["one_layer"]
        batch = run.loader("icl", 120)
        model, untouched = run.model(120, "float64"), run.forward(120, batch)
        for place in torch_parts.hook_points(model):
            hooks = [(place, lambda value, hook: 0.5 * value)]
            with torch.no_grad():
                found = model.run_with_hooks(batch, hooks).numpy()
            np.testing.assert_allclose(found, run.run_with_hooks(120, batch, hooks), atol=1e-12, err_msg=place)
            self.assertGreater(np.abs(found - untouched).max(), 1e-9, f"{place} reaches nothing")
        handle = model.blocks[0].attn.hook_z.register_forward_hook(lambda _, __, out: 0.5 * out)  # torch's own way
        np.testing.assert_allclose(model.run_with_hooks(batch, []).detach().numpy(),
                                   run.run_with_hooks(120, batch, [("blocks.0.attn.hook_z", lambda value, hook: 0.5 * value)]), atol=1e-12)
        handle.remove()

        def fails(value, hook):
            raise RuntimeError(hook.name)

        with self.assertRaisesRegex(RuntimeError, "hook_z"):
            model.run_with_hooks(batch, [("blocks.0.attn.hook_z", fails)])
        np.testing.assert_allclose(model.run_with_hooks(batch, []).detach().numpy(), untouched, atol=1e-12)  # no hook stays behind
        with self.assertRaisesRegex(BadInput, "has no place 'blocks.1.attn.hook_q'; there are hook_tokens"):
            model.run_with_hooks(batch, [("blocks.1.attn.hook_q", fails)])
        with self.assertRaisesRegex(BadInput, r"is \(0,\), and \(300,\) is expected"):
            model.run_with_hooks(batch, [("hook_logit", lambda value, hook: value[:0])])
        with self.assertRaisesRegex(BadInput, r"\[B, N, 20\] and \[B, N\] are expected"):
            model.run_with_cache(icl_lab.Batch(batch.x[..., :3], batch.label))

    def test_what_takes_a_model_takes_both_kinds(self):
        for system in ("one_layer", "multi_layer", "minimal"):
            run = self.runs[system]
            clean = run.loader("icl", 120)[:50]
            corrupted, places = clean.with_copies_turned(), ["blocks.0.attn.hook_z", ("blocks.0.attn.hook_pattern", np.s_[:, -1])]
            ours, theirs = (icl_lab.patch(model, clean, corrupted, places) for model in (run.numpy_model(120), run.model(120, "float64")))
            for name in ("clean", "corrupted", "patched"):
                np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-12)
            hooks = icl_lab.clamp(run.settings, "copy", clean)
            np.testing.assert_allclose(run.run_with_hooks(120, clean, hooks), run.model(120, "float64").run_with_hooks(clean, hooks).detach().numpy(), atol=1e-12)
            for a, b in zip(icl_lab.circuits(run.numpy_model(120)), icl_lab.circuits(run.model(120))):
                np.testing.assert_array_equal(a.QK, b.QK)

    def test_shifted_sequences_and_clamped_heads_are_the_same_in_both_kinds(self):
        for positions in ("onehot", "learned"):
            run = train(self.folder, "blocks", "blocks.n_ctx=31", "blocks.shift=random", "blocks.read_in=linear", "blocks.d_model=22", f"blocks.positions={positions}")
            batch, model = run.loader("icl", 120)[:50], run.model(120, "float64")
            hooks = icl_lab.clamp(run.settings, "previous/0.1, uniform/0.0, copy/1.0, none/1.1", batch)
            for some in ([], hooks):
                np.testing.assert_allclose(run.run_with_hooks(120, batch, some), model.run_with_hooks(batch, some).detach().numpy(), atol=1e-12)
            np.testing.assert_allclose(model(*batch.tensors("float64")).detach().numpy(), run.forward(120, batch), atol=1e-12)
            with self.assertRaisesRegex(BadInput, "needs the shift"):
                model(*batch.tensors("float64")[:2])

    def test_modules_give_the_recorded_losses_and_wrong_ones_are_refused(self):
        for run in self.runs.values():
            self.assertGreater(len(icl_lab.check(run, lambda step, run=run: run.model(step, "float64"))), 3)
        run = self.runs["one_layer"]
        for name, edits in IN_TORCH.items():
            with self.subTest(name), mock.patch.object(torch_model.OneLayer, "forward", planted(torch_model.OneLayer.forward, edits)):
                with self.assertRaisesRegex(Disagrees, "rounding explains"):
                    icl_lab.check(run, lambda step: run.model(step, "float64"))

    def test_tools_that_are_not_there_are_named(self):
        run = self.runs["one_layer"]
        model, batch = run.model(120), run.loader("icl", 120)[:4]
        with mock.patch("importlib.util.find_spec", return_value=None):
            for package, call in (("transformer-lens", lambda: adapters.transformer_lens(model)), ("nnsight", lambda: adapters.nnsight(model)),
                                  ("captum", lambda: adapters.captum(model, batch))):
                with self.assertRaisesRegex(BadInput, f"this needs {package}, which is not installed: pip install {package}$"):
                    call()

    def test_places_become_hook_points(self):
        """By TransformerLens' two classes as far as the adapter touches them."""
        class HookPoint(torch.nn.Identity):
            pass

        class HookedRootModule(torch.nn.Module):
            def setup(self):
                self.hook_dict = {name: module for name, module in self.named_modules() if isinstance(module, HookPoint)}

        lens = types.ModuleType("transformer_lens.hook_points")
        lens.HookPoint, lens.HookedRootModule = HookPoint, HookedRootModule
        for system, run in self.runs.items():
            model, batch = run.model(120, "float64"), run.loader("iwl", 120)[:20]
            with mock.patch.object(adapters, "_module", return_value=lens):
                hooked = adapters.transformer_lens(model)
            self.assertEqual(sorted(hooked.hook_dict), sorted(torch_parts.hook_points(model)), system)
            self.assertEqual(sorted(hooked.state_dict()), sorted(model.state_dict()), system)
            self.assertFalse(hooked.training)
            place = "mlp.hook_pre"
            hooked.hook_dict[place].register_forward_hook(lambda _, __, value: 0 * value)
            expected = run.run_with_hooks(120, batch, [(place, lambda value, hook: 0 * value)])
            np.testing.assert_allclose(hooked(*batch.tensors("float64")).detach().numpy(), expected, atol=1e-12)
            self.assertFalse(any(isinstance(module, HookPoint) for module in model.modules()))  # the model itself is as it was

    def test_captum_is_given_the_model_and_the_items(self):
        """By integrated gradients as captum.attr has them, as far as the adapter touches them."""
        class IntegratedGradients:
            def __init__(self, forward_func):
                self.forward_func = forward_func

            def attribute(self, inputs, baselines, additional_forward_args, n_steps):
                assert inputs.dtype == next(self.forward_func.parameters()).dtype
                way, total = inputs - baselines, torch.zeros_like(inputs)
                for step in range(n_steps):
                    at = (baselines + (step + 0.5) / n_steps * way).requires_grad_()
                    total += torch.autograd.grad(self.forward_func(at, *additional_forward_args).sum(), at)[0]
                return (way * total / n_steps).requires_grad_()

        attr = types.ModuleType("captum.attr")
        attr.IntegratedGradients = IntegratedGradients
        for system, run in self.runs.items():
            model, batch = run.model(120, "float64"), run.loader("iwl", 120)[:6]
            with mock.patch.object(adapters, "_module", return_value=attr) as asked:
                found = adapters.captum(model, batch, baselines=0.5 * batch.tensors("float64")[0], n_steps=300)
                with self.assertRaisesRegex(BadInput, "captum.attr has no Saliences$"):
                    adapters.captum(model, batch, "Saliences")
            asked.assert_called_with("captum.attr", "captum")
            self.assertEqual((type(found), found.shape), (np.ndarray, batch.x.shape), system)
            way = run.forward(120, batch) - run.forward(120, icl_lab.Batch(0.5 * batch.x, batch.label))
            self.assertGreater(np.abs(way).max(), 1e-6)
            np.testing.assert_allclose(found.sum((1, 2)), way, atol=2e-3 * np.abs(way).max(), err_msg=system)  # what all items give together

    def test_nnsight_is_given_the_model_itself(self):
        class NNsight:
            def __init__(self, model):
                self._model = model

            def __getattr__(self, name):
                return getattr(self._model, name)

        tool = types.ModuleType("nnsight")
        tool.NNsight = NNsight
        model = self.runs["one_layer"].model(120)
        with mock.patch.object(adapters, "_module", return_value=tool) as asked:
            wrapped = adapters.nnsight(model)
        asked.assert_called_once_with("nnsight", "nnsight")
        self.assertIsInstance(wrapped, NNsight)
        self.assertIs(wrapped.blocks[0].attn.hook_pattern, model.blocks[0].attn.hook_pattern)

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
