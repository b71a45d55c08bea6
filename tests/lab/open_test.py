"""Runs from inside, without torch: every system gives its recorded losses, wrong ones are refused, and what is asked wrongly is said.

usage: open_test.py ICL      with src/python in PYTHONPATH
"""

import gc
import os
import subprocess
import sys
import unittest
import weakref
from pathlib import Path
from unittest import mock

import icl_lab
import numpy as np
from icl_lab import inside, numpy_model, sequences, series, settings
from icl_lab.agreement import Disagrees
from small_runs import Opened, observers_of_tasks, tasks, train
from wrong import IN_NUMPY, planted


class OpenTest(Opened):
    def test_every_task_gives_its_recorded_losses_and_its_best_observers(self):
        for task in tasks():
            with self.subTest(task):
                run = train(self.folder, "blocks", f"data.task={task}", "data.layout=not set", "blocks.d_head=5", "record.snapshot_every=120", f"record.observers={','.join(observers_of_tasks()[task])}")
                for one in icl_lab.check(run):
                    self.assertLess(abs(one.found - one.recorded), one.bound / 2)
                self.assertEqual({name: value.shape for name, value in run.weights(120).items()}, settings.shapes(run.settings))
                found = {name: label for name, _, label in series.best_observers(run)}
                for kind, on in ("icl", "fresh"), ("iwl", "known"):
                    best = min(observers_of_tasks()[task], key=lambda name, kind=kind: np.mean(run.series(f"{kind}_{name}_loss")))
                    self.assertEqual(found.pop(f"{kind}_{best}_loss"), f"{best.replace('_', ' ')}, {on}")
                self.assertFalse(found)

    def test_every_system_gives_its_recorded_losses_at_every_snapshot(self):
        for system, run in self.runs.items():
            with self.subTest(system):
                found = icl_lab.check(run)
                kinds = ["iwl"] if system == "memoriser" else ["icl", "iwl"]
                self.assertEqual([(c.step, c.kind) for c in found], [(s, k) for s in (0, 40, 80, 120) for k in kinds])
                for one in found:  # the bound is six standard deviations, and is itself small
                    self.assertLess(abs(one.found - one.recorded), one.bound / 2)
                    self.assertLess(one.bound, 5e-7)

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

    def test_the_loader_gives_the_sequences_of_the_run(self):
        run = self.runs["one_layer"]
        batch = run.loader("iwl", 120)
        logits = run.forward(120, batch)
        self.assertAlmostEqual(batch.accuracy(logits), run.series("iwl_accuracy")[-1], delta=1 / 300)
        self.assertAlmostEqual(batch.losses(logits).mean(), run.series("iwl_loss")[-1], delta=1e-5)
        self.assertEqual((run.loader("train", 7).x.shape, run.loader("probe", 120).x.shape), ((32, 12, 20), (32, 12, 20)))
        several = list(run.loader("train", range(30, 4, -5)))  # in the order that is asked for
        self.assertEqual(len(several), 6)
        with mock.patch.object(sequences.batches, "__defaults__", (1,)):  # an export for each
            for step, batch, again in zip(range(30, 4, -5), several, run.loader("train", range(30, 4, -5))):
                np.testing.assert_array_equal(batch.x, again.x)
                np.testing.assert_array_equal(batch.x, run.loader("train", step).x)
        items = batch.item[:, -1:] == batch.item
        np.testing.assert_array_equal(batch.copy, items & (np.arange(12) < 11))
        np.testing.assert_array_equal((batch.label * batch.copy).sum(1) * batch.answer, batch.copy.sum(1))

    def test_the_last_weights_of_each_run_are_kept_and_go_with_it(self):
        run, other = icl_lab.open(self.runs["one_layer"].path), icl_lab.open(self.runs["minimal"].path)
        kept = [run.weights(step) for step in (40, 80)]
        for step in (0, 40, 80, 120):
            other.weights(step)
        with mock.patch.object(inside, "_weights", wraps=inside._weights) as read:  # pylint: disable=protected-access
            for one in (0, 0, 1, 1):
                self.assertIs(run.weights(np.int64((40, 80)[one])), kept[one])  # whatever is asked of another run
            self.assertEqual(read.call_count, 0)
            run.weights(120)
            self.assertEqual(read.call_count, 1)
            self.assertIs(run.weights(80), kept[1])
            run.weights(40)  # the two before were asked for later
            self.assertEqual(read.call_count, 2)
        for step, shown in ((80.0, "80.0"), ([80], "[80]"), (False, "False"), (np.True_, "True")):
            self.refused(f"a step is a whole number, and {shown} is none", lambda step=step: run.weights(step))
        self.refused("and True is none", lambda: run.loader("train", [0, True]))
        there = weakref.ref(run)
        del run
        gc.collect()
        self.assertIsNone(there())

    def test_runs_of_a_sweep_are_in_the_order_of_their_settings(self):
        sweep = Path(self.folder) / "sweep.toml"
        sweep.write_text("model.hidden = 8\ndata = { N = 4, D = 4 }\ntrain = { epochs = 1, steps_per_epoch = 2, batch_size = 4 }\neval.sequences = 10\n"
                         "probe.sequences = 0\nsweep = { seeds = [5, 3, 4], axes = { data.K = [256, 16, 64] } }\n")
        subprocess.run([os.environ["ICL_PROGRAM"], "sweep", sweep, "--out", sweep.with_suffix(""), "--quiet"], check=True, capture_output=True)
        runs = icl_lab.open_all(sweep.with_suffix(""))
        self.assertEqual([(run.settings["data.K"], run.settings["train.seed"]) for run in runs], [(K, seed) for K in (16, 64, 256) for seed in (3, 4, 5)])

    def test_attributes_have_their_text_as_str(self):
        for run in self.runs.values():
            told = [run.settings, run.description, run.description["parameters"], run.theory if run.system != "memoriser" else {}]
            self.assertFalse([value for part in told for value in part.values() if isinstance(value, bytes)])
            self.assertEqual(run.settings["model.system"], run.system)
            self.assertEqual((type(run.description["H"]), run.description["H"]), (int, 32))
            self.assertIn("mlp.0.weight", run.description["parameters"])

    def test_weights_of_any_step(self):
        run = train(self.folder, "one_layer")
        dense = train(self.folder, "one_layer", "record.snapshot_every=10")
        run.add_snapshots([70, 30, 40])
        self.assertEqual(run.snapshots, [0, 30, 40, 70, 80, 120])
        for step in (30, 70, 80):
            for name, value in dense.weights(step).items():
                np.testing.assert_array_equal(run.weights(step)[name], value)
        self.assertEqual(run.path.stat().st_size, self.runs["one_layer"].path.stat().st_size)  # the file is as it was
        run.add_snapshots(run.steps)  # every evaluation: more to hold the losses to
        self.assertEqual(len(icl_lab.check(run)), 2 * len(run.steps))
        self.assertEqual(len(icl_lab.trajectory([run], run.loader("icl", 0)[:20]).points[0]), len(run.snapshots))
        self.refused("the run goes from step 0 to step 120", lambda: run.add_snapshots([121]))

    def test_of_a_short_last_batch_no_sequence_is_empty(self):
        run = train(self.folder, "one_layer", "compat.short_last_batch=true", "train.steps_per_epoch=1819", "train.batch_size=33", "train.epochs=1", "probe.sequences=0",
                    "data.N=4", "data.D=8", "eval.sequences=20", "model.hidden=8")
        sizes = [len(batch) for batch in run.loader("train", [0, run.config["train"]["steps_per_epoch"] - 1])]
        self.assertEqual(sizes[0], 33)
        self.assertTrue(0 < sizes[1] < 33, sizes)

    def test_fresh_items_have_no_numbers_and_no_iwl(self):
        run = train(self.folder, "one_layer", "data.K=inf", "train.epochs=1")
        self.assertIsNone(run.loader("train", 3).item)
        self.refused("has no IWL sequences: all items are fresh where data.K is infinite", lambda: run.loader("iwl", 20))
        self.assertEqual({c.kind for c in icl_lab.check(run)}, {"icl"})

    def test_batches(self):
        batch = self.runs["one_layer"].loader("icl", 0)
        self.assertEqual((len(batch[5:9]), len(batch[3]), len(batch[batch.answer > 0])), (4, 1, int((batch.answer > 0).sum())))
        both = icl_lab.concatenate([batch[:2], batch[7:9]])
        np.testing.assert_array_equal(both.x, batch.x[[0, 1, 7, 8]])
        turned = batch.with_copies_turned()
        np.testing.assert_array_equal(turned.label != batch.label, batch.copy)
        self.refused("this batch has no answer", lambda: icl_lab.Batch(batch.x, batch.label).losses(np.zeros(300)))
        self.refused("this batch has no copy", lambda: icl_lab.Batch(batch.x, batch.label).with_copies_turned())

    def test_what_is_asked_wrongly_is_said_in_a_sentence(self):
        run, other = self.runs["one_layer"], self.runs["memoriser"]
        batch = run.loader("icl", 0)
        self.refused("no snapshot at step 41; there are those at 0, 40, 80, 120; add_snapshots([41])", lambda: run.weights(41))
        self.refused("there is no such file", lambda: icl_lab.open("none.h5"))
        self.refused("is no folder of a sweep", lambda: icl_lab.open_all(self.folder))
        merged = Path(__file__).parents[2] / "data/results/fig2bc/desk/sweep.h5"
        self.refused('is of the kind "sweep", not "run"', lambda: icl_lab.open(merged))
        self.refused("has no ICL sequences: memoriser", lambda: other.loader("icl", 0))
        self.refused("has no theory: memoriser", lambda: other.theory)
        self.refused('no sequences "test"; there are icl, iwl, train, probe, probe_set', lambda: run.loader("test", 0))
        for kind in ("icl", "iwl", "probe"):  # said at once, and not when the batches are asked for
            self.refused("of step 7: the run was not evaluated at that step", lambda kind=kind: run.loader(kind, [0, 7]))
        self.refused('no sequences "test"; there are', lambda: run.loader("test", [0, 20]))
        self.refused("has no ICL sequences: memoriser", lambda: other.loader("icl", [0, 20]))
        self.refused("has no batch of step -1", lambda: run.loader("train", [0, -1]))
        self.refused("the run was not evaluated at that step", lambda: run.loader("icl", 7))
        self.refused("has no place 'blocks.1.attn.hook_q'; there are hook_tokens", lambda: run.run_with_hooks(0, batch, [("blocks.1.attn.hook_q", None)]))
        self.refused("is (0, 12), and (300, 12) is expected", lambda: run.run_with_hooks(
            0, batch, [("blocks.0.attn.hook_pattern", lambda value, hook: value[:0])]))
        self.refused("[B, N, 20] and [B, N] are expected", lambda: run.forward(0, icl_lab.Batch(batch.x[..., :3], batch.label)))
        self.refused('the sequences "icl" are those of a step', lambda: run.loader("icl"))
        self.refused("has no /probe_set", lambda: run.loader("probe_set"))
        self.refused("a step is a whole number, and 3.5 is none", lambda: run.loader("train", 3.5))
        self.refused("a step is a whole number, and 'x' is none", lambda: run.weights("x"))
        self.refused('found "-1"', lambda: run.add_snapshots([-1]))
        weights = run.weights(0)
        wrong = {"mlp.2.weight is (3, 3), and (32, 32) is expected": weights | {"mlp.2.weight": np.zeros((3, 3), "float32")},
                 "mlp.4.bias is not there, and (1,) is expected": {name: w for name, w in weights.items() if name != "mlp.4.bias"},
                 "pos is (1,), and no parameter of that name is expected": weights | {"pos": weights["mlp.4.bias"]}}
        for said, given in wrong.items():
            with mock.patch.object(run, "weights", lambda step, given=given: given):
                self.refused(f"step 0: weights do not fit one_layer: {said}", lambda: run.numpy_model(0))
            self.refused(f"weights do not fit one_layer: {said}", lambda given=given: numpy_model.Model(run.settings, given))
        self.refused("a model is run on a Batch", lambda: run.forward(0, batch.x))
        self.refused('clamped to "copies": there are copy, uniform, none, and of heads previous', lambda: icl_lab.clamp(run.settings, "copies", batch))
        for how in ("copy", "uniform", "none"):
            hooks = icl_lab.clamp(run.settings, how, batch)
            shorter = icl_lab.Batch(batch.x[:, 2:], batch.label[:, 2:])
            for another, shape in ((batch[:5], "(5, 12)"), (shorter, "(300, 10)")):
                self.refused(f"attention of 300 sequences to 12 tokens, those of the batch that clamp was given, and 'blocks.0.attn.hook_pattern' is {shape}",
                             lambda hooks=hooks, another=another: run.run_with_hooks(0, another, hooks))
        self.refused("no attention to clamp", lambda: icl_lab.clamp(other.settings, "copy", batch))
        with mock.patch.dict(os.environ, ICL_PROGRAM="/nowhere/icl"):
            self.refused("set ICL_PROGRAM", lambda: run.loader("icl", 0))
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.refused("apt-get install python3-torch", lambda: run.model(0))
        unchecked = train(self.folder, "memoriser", "record.snapshots=0", "eval.every=120", "record.snapshot_every=50", "train.epochs=5")
        unchecked._in_file = [50]  # pylint: disable=protected-access
        self.refused("none of its snapshots is at a step that was evaluated", lambda: icl_lab.check(unchecked))


if __name__ == "__main__":
    os.environ["ICL_PROGRAM"] = os.path.abspath(sys.argv.pop(1))
    unittest.main()
