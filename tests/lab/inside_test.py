"""What is inside runs, without torch: hooks, clamps, circuits, heads, patches and trajectories are those of the program.

usage: inside_test.py ICL      with src/python in PYTHONPATH
"""

import dataclasses
import os
import sys
import unittest
from unittest import mock

import icl_lab
import numpy as np
from icl_lab import numpy_blocks, numpy_model, pca, settings
from icl_lab.agreement import Disagrees
from small_runs import SYSTEMS, Opened, tasks, train


class InsideTest(Opened):
    def test_hooks_read_and_patch(self):
        run = self.runs["one_layer"]
        batch = run.loader("icl", 120)
        logits, cache = run.run_with_cache(120, batch)
        np.testing.assert_array_equal(logits, cache["hook_logit"])
        np.testing.assert_allclose(cache["blocks.0.attn.hook_pattern"].sum(-1), 1)
        _, one = run.run_with_cache(120, batch, "blocks.0.attn.hook_z")
        self.assertEqual(list(one), ["blocks.0.attn.hook_z"])
        told = []
        same = run.run_with_hooks(120, batch, [("blocks.0.attn.hook_z", lambda value, hook: told.append(hook.name))])
        np.testing.assert_array_equal(same, logits)
        self.assertEqual(told, ["blocks.0.attn.hook_z"])
        _, halved = run.numpy_model(120).run_with_cache(batch, ["hook_logit"], [("hook_logit", lambda value, hook: value / 2)])
        np.testing.assert_array_equal(halved["hook_logit"], logits / 2)

    def test_clamped_attention_is_that_of_the_programs_lesions(self):
        for system, run in self.runs.items():
            if system == "memoriser":
                continue
            for kind in ("icl", "iwl"):  # the program's lesions are of the first probe.sequences
                batch = run.loader(kind, 120)[:32]
                for how, lesion in (("none", "no_attention"), ("uniform", "uniform"), ("copy", "clamped")):
                    if not run.has(f"{lesion}_{kind}_loss"):
                        continue
                    z = run.run_with_hooks(120, batch, icl_lab.clamp(run.settings, how, batch))
                    self.assertAlmostEqual(batch.losses(z).mean(), run.series(f"{lesion}_{kind}_loss")[-1], delta=2e-5, msg=f"{system} {lesion} {kind}")

    def test_a_run_that_was_clamped_is_checked_as_it_was(self):
        for system in ("one_layer", "multi_layer", "minimal"):
            run = train(self.folder, system, 'intervene.clamp="copy@0:50, uniform@50:100"', "train.learning_rate=0.3")
            self.assertEqual([run.clamped(step) for step in (0, 50, 51, 100, 101)], ["copy", "copy", "uniform", "uniform", None])
            icl_lab.check(run)
            with mock.patch.object(run, "clamped", return_value=None):
                self.refused("rounding explains", lambda run=run: icl_lab.check(run), Disagrees)

    def test_circuits_are_what_the_model_computes(self):
        for system in ("one_layer", "multi_layer", "scalar_beta", "minimal"):
            run = self.runs[system]
            model, batch = run.numpy_model(120), run.loader("icl", 120)[:5]
            _, cache = model.run_with_cache(batch)
            for layer, circuit in enumerate(icl_lab.circuits(model)):
                if system == "minimal":
                    n, v = cache["hook_tokens"], batch.label[..., None]
                elif system == "scalar_beta":
                    n = v = cache["hook_tokens"]
                else:
                    n = cache[f"blocks.{layer}.hook_resid_pre"] if layer else numpy_model.layer_norm(cache["hook_tokens"], {"to_embedding.0.weight": 1, "to_embedding.0.bias": 0})
                    v = n
                scores, pattern = (cache[f"blocks.{layer}.attn.hook_{name}"] for name in ("attn_scores", "pattern"))
                ours = np.einsum("bx,xy,bjy->bj", n[:, -1], circuit.QK, n) + n @ circuit.QK_bias
                scores, pattern = (value[:, -1] if value.ndim == 3 else value for value in (scores, pattern))
                reach = scores.shape[1]
                np.testing.assert_allclose(*(s - s[:, :1] for s in (ours[:, :reach], scores)), atol=1e-10, err_msg=system)
                added = np.einsum("bj,bjx->bx", pattern, v[:, :reach] @ circuit.OV.T) + circuit.OV_bias
                z = cache[f"blocks.{layer}.attn.hook_z"]
                z = z * run.weights(120)["w"] if system == "minimal" else z
                np.testing.assert_allclose(added.reshape(5, -1), (z[:, -1] if z.ndim == 3 else z).reshape(5, -1), atol=1e-12, err_msg=system)
                U, s, V = circuit.QK_svd
                np.testing.assert_allclose(U * s @ V, circuit.QK, atol=1e-12)
            if system == "one_layer":
                self.assertAlmostEqual(circuit.identity_alignment, run.series("identity_alignment")[-1], delta=1e-6)
        self.refused("blocks may have several", lambda: icl_lab.circuits(self.runs["blocks"].numpy_model(0)))
        self.refused("memoriser has no attention", lambda: icl_lab.circuits(self.runs["memoriser"].numpy_model(0)))

    def test_heads_are_what_attention_says(self):
        for system, heads in (("one_layer", 1), ("multi_layer", 3), ("blocks", 4)):
            run = self.runs[system]
            found = icl_lab.heads(run, 120, "iwl", 30)
            self.assertEqual(len(found), heads)
            batch, last = run.loader("iwl", 120)[:30], found[-1]
            self.assertEqual(last.on_copy + last.after_copy, 0, "an IWL sequence has no copy")
            found = icl_lab.heads(run, 120, "icl", 32)
            batch = run.loader("icl", 120)[:32]
            if system == "blocks":  # the heads of the last layer together: the program's own probe of items and labels
                total = np.mean([one.on_copy + one.after_copy for one in found if one.layer == 1])
                _, cache = run.run_with_cache(120, batch)
                pattern = np.add.reduceat(cache["blocks.1.attn.hook_pattern"][:, :, -1].mean(1), np.arange(0, 23, 2), axis=1)
                self.assertAlmostEqual(total, (pattern * batch.copy).sum(1).mean(), delta=1e-12)
                self.assertAlmostEqual(found[0].previous, cache["blocks.0.attn.hook_pattern"][:, 0, np.arange(1, 23, 2), np.arange(0, 22, 2)].mean(), delta=1e-12)
            else:  # one head in the last layer: without it the program's lesion
                self.assertAlmostEqual(found[-1].lesion_loss, run.series("no_attention_icl_loss")[-1], delta=2e-5)
                self.assertAlmostEqual(found[-1].lesion_accuracy, run.series("no_attention_icl_accuracy")[-1], delta=1e-6)
            self.assertEqual(np.isnan(found[0].previous), system == "one_layer")
        self.refused("minimal has no heads", lambda: icl_lab.heads(self.runs["minimal"], 120))

    def test_a_run_of_shifted_sequences_is_checked_as_it_was(self):
        for positions in ("onehot", "learned"):
            run = train(self.folder, "blocks", "blocks.n_ctx=31", "blocks.shift=random", "blocks.read_in=linear", "blocks.d_model=22", f"blocks.positions={positions}", 'probe.record="heads"')
            batch = run.loader("icl", 120)
            self.assertEqual(set(batch.shift), set(range(9)))
            icl_lab.check(run)
            for one in icl_lab.heads(run, 120, "probe", 32):
                self.assertAlmostEqual(one.after_copy, run.series(f"attention_after_copy_{one.layer}_{one.head}")[-1], delta=2e-6)
            elsewhere = dataclasses.replace(batch, shift=batch.shift[::-1])
            self.assertGreater(np.abs(run.forward(120, batch) - run.forward(120, elsewhere)).max(), 1e-3)
            self.refused("no shift", lambda run=run, batch=batch: run.forward(120, dataclasses.replace(batch, shift=None)))

    def test_a_run_of_clamped_heads_is_checked_as_it_was(self):
        for layout in ("interleaved", "concatenated"):
            run = train(self.folder, "blocks", f'data.layout="{layout}"', 'intervene.clamp="previous/0.1@:100, copy/1.0@20:60, uniform/0.0@50:90, none/1.1@70:, copy@60:70"',
                        "train.learning_rate=0.3")
            held = {0: "previous/0.1", 40: "copy/1.0 previous/0.1", 55: "copy/1.0 previous/0.1 uniform/0.0", 65: "copy previous/0.1 uniform/0.0",
                    80: "none/1.1 previous/0.1 uniform/0.0", 120: "none/1.1"}
            self.assertEqual({step: " ".join(sorted(run.clamped(step).split(", "))) for step in held}, held)
            icl_lab.check(run)
            with mock.patch.object(run, "clamped", return_value=None), self.assertRaises(Disagrees):
                icl_lab.check(run)
        self.refused("one_layer has no heads that could be named", lambda: icl_lab.clamp(self.runs["one_layer"].settings, "none/0.0", run.loader("icl", 120)))
        self.refused('clamped to "previous"', lambda: icl_lab.clamp(run.settings, "previous", run.loader("icl", 120)))

    def test_heads_are_what_the_probe_of_heads_recorded(self):
        for settings in (["data.layout=interleaved"], *([f"data.task={task}", "data.layout=not set", "blocks.d_head=5"] for task in tasks())):
            run = train(self.folder, "blocks", *settings, 'probe.record="heads head_lesions"')
            for one in icl_lab.heads(run, 120, "icl", 32):
                where = f"{one.layer}_{one.head}"
                self.assertAlmostEqual(one.lesion_loss, run.series(f"without_head_icl_loss_{where}")[-1], delta=2e-6)
                if np.isnan(one.lesion_accuracy):
                    self.refused("without_head_icl_accuracy", lambda where=where: run.series(f"without_head_icl_accuracy_{where}"))
                else:
                    self.assertAlmostEqual(one.lesion_accuracy, run.series(f"without_head_icl_accuracy_{where}")[-1], delta=1e-9)
            found = icl_lab.heads(run, 120, "probe", 32)
            self.assertEqual(len(found), 4)
            for one in found:
                for ours, column in ((one.on_copy, "attention_on_copy"), (one.after_copy, "attention_after_copy"), (one.previous, "attention_on_previous")):
                    name = f"{column}_{one.layer}_{one.head}"
                    if np.isnan(ours) or (one.layer == 1 and column == "attention_on_previous"):  # a task without copies; the target alone attends
                        self.refused(name, lambda name=name: run.series(name))
                        continue
                    self.assertAlmostEqual(ours, run.series(name)[-1], delta=2e-6, msg=f"{settings}: {name}")
                    self.assertGreater(ours, 0)

    def test_patches(self):
        run = self.runs["one_layer"]
        model, clean = run.numpy_model(120), run.loader("icl", 120)
        corrupted, pattern = clean.with_copies_turned(), "blocks.0.attn.hook_pattern"
        everything = icl_lab.patch(model, clean, corrupted, ["hook_tokens"])
        np.testing.assert_array_equal(everything.patched, everything.clean)
        self.assertAlmostEqual(everything.recovered, 1)
        nothing = icl_lab.patch(model, clean, corrupted, [(pattern, np.s_[:, :0])])
        np.testing.assert_array_equal(nothing.patched, nothing.corrupted)
        self.assertEqual(nothing.recovered, 0)
        self.assertTrue(np.isnan(icl_lab.patch(model, clean, clean, [pattern]).recovered))
        other = run.numpy_model(0)
        given = icl_lab.patch(model, clean, clean, [pattern], source=other)
        attention = other.run_with_cache(clean)[1][pattern]
        np.testing.assert_array_equal(given.patched, model.run_with_hooks(clean, [(pattern, lambda value, hook: attention)]))
        np.testing.assert_array_equal(icl_lab.patch(model, clean, corrupted, "hook_tokens").patched, everything.patched)  # a bare name
        self.refused("'hook_tokens' is (300, 12, 22) where it is taken, and (10, 12, 22) where it is put", lambda: icl_lab.patch(model, clean, clean[:10], ["hook_tokens"]))
        self.refused("one_layer has no place 'mlp.hook'", lambda: icl_lab.patch(model, clean, corrupted, ["mlp.hook"]))

    def test_activations_in_the_file_are_those_of_the_model(self):
        at = {"logit": "hook_logit", "attention": "attn.hook_pattern", "query": "attn.hook_q", "mlp_input": "hook_resid_post", "hidden_1": "mlp.hook_post", "hidden_2": "mlp.hook_post2"}
        for system in SYSTEMS:
            has = [name for name in at if system != "memoriser" or name not in ("attention", "query", "mlp_input")]
            has = [name for name in has if (name != "query" or system in ("one_layer", "multi_layer")) and (name != "mlp_input" or system != "minimal")]
            run = train(self.folder, system, f"record.activations={has}".replace("'", '"'), "record.probe_set=30")
            batch = run.loader("probe_set")
            self.assertEqual(len(batch), 30)
            for row, step in enumerate(run.snapshots):
                _, cache = run.run_with_cache(step, batch)
                for name in has:
                    last = f"blocks.{ {'multi_layer': 2, 'blocks': 1}.get(system, 0)}."
                    value = cache[at[name] if at[name].startswith(("mlp.", "hook_logit")) else last + at[name]]
                    value = value[:, -1] if value.ndim == 3 else value
                    recorded = run.activations[name][row]
                    if value.ndim == 4:  # of the target, heads together, an item's and its label's
                        value = np.add.reduceat(value[:, :, -1].mean(1), np.arange(0, value.shape[-1], 2), axis=1)
                    if name == "mlp_input" and system == "blocks":  # which the last norm stands before
                        value = numpy_blocks.norm_of(value, run.numpy_model(step).weights(), "ln_final")
                    if name == "attention" and system == "minimal":
                        np.testing.assert_array_equal(recorded[:, -1], 0)  # not attended to
                        recorded = recorded[:, :-1]
                    np.testing.assert_allclose(recorded, value, rtol=1e-4, atol=1e-5, err_msg=f"{system} {step} {name}")
            np.testing.assert_array_equal(icl_lab.trajectory([run]).batch.x, batch.x)

    def test_a_trajectory_keeps_distances(self):
        runs = [self.runs["one_layer"], self.runs["multi_layer"]]
        batch = runs[0].loader("icl", 0)[:50]
        found = icl_lab.trajectory(runs, batch, components=7)
        self.assertEqual((found.steps, found.directions.shape), ([[0, 40, 80, 120]] * 2, (7, 50)))
        self.assertAlmostEqual(found.share.sum(), 1)  # 8 points have no more than 7 dimensions
        self.assertTrue(np.all(np.diff(found.share) <= 0) and np.all(found.points[0][-1] >= -1e-12))
        apart = runs[0].forward(40, batch) - runs[1].forward(120, batch)
        self.assertAlmostEqual(np.linalg.norm(found.points[0][1] - found.points[1][3]), np.sqrt(np.mean(apart**2)))
        fresh = train(self.folder, "one_layer", "data.K=inf", "train.epochs=3")
        late = train(self.folder, "memoriser")
        late.steps = late.steps[1:]  # as if its first evaluation came later
        for run, kinds in ((runs[0], ("icl", "iwl")), (late, ("iwl",)), (fresh, ("icl",))):
            expected = [run.loader(kind, int(run.steps[0])) for kind in kinds]
            self.assertEqual({len(one) for one in expected}, {300})
            for probes in (pca.probes(run), icl_lab.trajectory([run]).batch):
                for name in ("x", "label", "answer"):
                    np.testing.assert_array_equal(getattr(probes, name), np.concatenate([getattr(one, name)[:256] for one in expected]))
        self.refused("x is (50, 12, 20)", lambda: icl_lab.trajectory([train(self.folder, "memoriser", "data.D=8")], batch))
        self.refused("at least one run", lambda: icl_lab.trajectory([]))
        for components in (-1, 0, 8, 9, 1.5, None):
            self.refused(f"components = {components}: a whole number from 1, fewer than the points (8 snapshots)", lambda n=components: icl_lab.trajectory(runs, batch, n))
        self.refused("no more than the sequences (3)", lambda: icl_lab.trajectory(runs, batch[:3], 4))


if __name__ == "__main__":
    os.environ["ICL_PROGRAM"] = os.path.abspath(sys.argv.pop(1))
    unittest.main()
