"""icl probe: what it writes, that it goes on where it was, that threads change nothing, and what it refuses.

usage: probe_test.py ICL
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

ICL = os.path.abspath(sys.argv[1])
RUN = """
[model]
hidden = 8
[data]
K = 16
N = 5
D = 3
[train]
epochs = 2
steps_per_epoch = 10
batch_size = 8
[eval]
sequences = 16
[probe]
sequences = 0
[record]
snapshots = 3
"""
SMALL = ("--sequences", "128", "--eigenvalues", "2", "--trace-vectors", "3", "--products", "6", "--llc-chains", "2", "--llc-burn-in", "3", "--llc-draws", "4",
         "--llc-epsilon", "1e-5,1e-4", "--llc-gamma", "10,100,1000", "--quiet")


class ProbeTest(unittest.TestCase):
    def setUp(self):
        self.cwd = Path(tempfile.mkdtemp(prefix="icl-probe-"))
        self.addCleanup(shutil.rmtree, self.cwd)
        (self.cwd / "run.toml").write_text(RUN)
        self.icl("train", "run.toml", "--quiet")

    def icl(self, *args, status=0):
        done = subprocess.run([ICL, *args], cwd=self.cwd, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def probe(self, *args, status=0):
        return self.icl("probe", "run.h5", *SMALL, *args, status=status)

    def test_tables_have_their_axes_units_formulas_and_sources(self):
        self.probe("--curvature", "--llc")
        with h5py.File(self.cwd / "run.h5") as run, h5py.File(self.cwd / "run.probe.h5") as file:
            self.assertEqual(list(file["curvature/step"]), list(run["snapshots/step"]))
            shapes = {"hessian_eigenvalue": (3, 5, 2), "fisher_eigenvalue_error": (3, 5, 2), "hessian_trace": (3, 5), "noise_trace": (3, 5), "loss": (3,)}
            for name, shape in shapes.items():
                self.assertEqual(file["curvature"][name].shape, shape)
            self.assertEqual([str(n, "ascii") if isinstance(n, bytes) else n for n in file["curvature"].attrs["circuits"]],
                             ["all", "attention", "query_key", "value", "mlp"])
            for group in "curvature", "llc":
                for name, table in file[group].items():
                    if table.attrs.get("CLASS") == b"DIMENSION_SCALE" or name == "parameters":
                        continue
                    for wanted in "units", "long_name", "formula", "source":
                        self.assertIn(wanted, table.attrs, name)
                    self.assertTrue(np.isfinite(table[:]).all(), name)
            llc = file["llc"]
            loss = llc["chain_loss"][:]
            self.assertEqual(loss.shape, (3, 2, 3, 2, 7))
            # Each table follows from the traces, by its formula.
            each = llc.attrs["inverse_temperature"] * (loss[..., 3:].mean(axis=-1) - llc["baseline"][:][:, None, None, None])
            np.testing.assert_allclose(llc["llc_chain"], each, rtol=1e-9)
            np.testing.assert_allclose(llc["llc"], each.mean(axis=-1), rtol=1e-9)
            np.testing.assert_allclose(llc["llc_error"], each.std(axis=-1, ddof=1) / np.sqrt(2), rtol=1e-9)
            np.testing.assert_allclose(llc["baseline"], file["curvature/loss"], rtol=0)
            np.testing.assert_allclose(llc.attrs["inverse_temperature"], 128 / np.log(128))
            # The first losses are those of the batches at w*, in their order.
            np.testing.assert_allclose(loss[:, :, :, :, 0].mean(axis=-1), np.broadcast_to(llc["baseline"][:][:, None, None], (3, 2, 3)), rtol=1e-12)

    def test_threads_and_interruptions_leave_no_trace(self):
        self.probe("--curvature", "--llc", "--threads", "1", "--out", "one.h5")
        one = (self.cwd / "one.h5").read_bytes()
        self.probe("--curvature", "--llc", "--threads", "3", "--out", "three.h5")
        self.assertEqual((self.cwd / "three.h5").read_bytes(), one)
        # In parts: first one step, then the one half of it all, then the other.
        self.probe("--curvature", "--steps", "1", "--out", "parts.h5")
        self.probe("--llc", "--steps", "0,20", "--out", "parts.h5")
        self.probe("--curvature", "--out", "parts.h5")
        self.probe("--llc", "--curvature", "--out", "parts.h5")
        with h5py.File(self.cwd / "parts.h5") as parts, h5py.File(self.cwd / "one.h5") as whole:
            extra = set(parts["curvature/step"][:]) - set(whole["curvature/step"][:])
            keep = ~np.isin(parts["curvature/step"], list(extra))
            np.testing.assert_array_equal(parts["curvature/hessian_eigenvalue"][:][keep], whole["curvature/hessian_eigenvalue"])
            np.testing.assert_array_equal(parts["llc/chain_loss"], whole["llc/chain_loss"])

    def test_what_is_there_is_not_measured_again_and_a_signal_keeps_it(self):
        # Steps that are no snapshots are trained again.
        long = ("probe", "run.h5", *SMALL, "--llc", "--llc-draws", "1000", "--steps", "0:21", "--out", "long.h5")
        for end in signal.SIGINT, signal.SIGKILL:
            process = subprocess.Popen([ICL, *long], cwd=self.cwd, stderr=subprocess.PIPE, text=True)
            while not (self.cwd / "long.h5").exists():
                self.assertIsNone(process.poll())
                time.sleep(0.02)
            process.send_signal(end)
            said = process.communicate(timeout=60)[1]
            if end == signal.SIGINT:
                self.assertEqual(process.returncode, 75, said)
                self.assertIn("the same command goes on", said)
        with h5py.File(self.cwd / "long.h5") as file:
            before = file["llc/chain_loss"][:]
            self.assertGreater(len(before), 0)
            self.assertLess(len(before), 21)
        steps = f"0:{len(before)}"
        began = time.monotonic()
        self.icl(*[steps if word == "0:21" else word for word in long])
        self.assertLess(time.monotonic() - began, 30)
        with h5py.File(self.cwd / "long.h5") as file:
            np.testing.assert_array_equal(file["llc/chain_loss"][:len(before)], before)

    def test_other_settings_files_and_steps_are_refused(self):
        self.probe("--curvature")
        for changed, said in ((("--trace-vectors", "4"), "the number of vectors for the trace is 3 there and 4 here"),
                              (("--sequences", "192"), "the number of batches is 2 there and 3 here")):
            self.assertIn(said, self.probe("--curvature", *changed, status=73))
        self.probe("--curvature", "--trace-vectors", "4", "--force")
        self.probe("--llc")
        self.assertIn("the list of localisations (gamma) is [10, 100, 1000] there and [10, 100, 1000, 5] here", self.probe("--llc", "--llc-gamma", "5", status=73))
        self.icl("train", "run.toml", "--set", "train.seed=1", "--out", "other.h5", "--quiet")
        self.assertIn("the run is ", self.icl("probe", "other.h5", "--curvature", "--out", "run.probe.h5", status=73))
        self.assertIn("nothing to measure: give --curvature, --llc or both", self.probe(status=64))
        self.assertIn("--steps 21: 'run.h5' made steps 0 to 20", self.probe("--llc", "--steps", "0,21", status=64))
        self.assertIn("--llc-draws 5: must be a positive multiple of 2", self.probe("--llc", "--llc-draws", "5", status=64))
        self.assertIn("--sequences 100: must be a multiple of 64", self.probe("--llc", "--sequences", "100", status=64))
        self.assertIn("--llc-epsilon 0: must be a positive number", self.probe("--llc", "--llc-epsilon", "0", status=64))
        self.icl("export", "run.h5", "--batch", "4294967294,4294967295", "--out", "seen.h5")
        self.icl("export", "run.h5", "--batch", "4294950911", "--out", "seen2.h5", status=64)
        self.assertIn("is the file that is read", self.probe("--llc", "--out", "run.h5", status=64))
        self.icl("export", "run.h5", "--items", "--out", "items.h5")
        self.assertIn("is no file of icl probe; it exists already", self.probe("--llc", "--out", "items.h5", status=73))
        whole = (self.cwd / "run.probe.h5").read_bytes()
        (self.cwd / "cut.h5").write_bytes(whole[:-1000])
        self.assertIn("it exists already: choose another --out", self.probe("--llc", "--out", "cut.h5", status=73))
        self.assertEqual((self.cwd / "cut.h5").read_bytes(), whole[:-1000])
        self.assertIn("run.probe.h5", self.icl("probe", "run.probe.h5", "--llc", status=65))

    def test_steps_between_snapshots_are_trained_again_in_one_go(self):
        long = ("--set", "train.steps_per_epoch=4000", "--set", "train.epochs=1")
        self.icl("train", "run.toml", *long, "--out", "few.h5", "--quiet")
        self.icl("train", "run.toml", *long, "--set", "record.snapshot_steps=500:4000:25", "--out", "many.h5", "--quiet")
        spent = {}
        for name in "few", "many":
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            self.icl("probe", f"{name}.h5", *SMALL, "--llc", "--llc-epsilon", "1e-5", "--llc-gamma", "10", "--steps", "500:4000:25", "--threads", "1")
            spent[name] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        with h5py.File(self.cwd / "few.probe.h5") as few, h5py.File(self.cwd / "many.probe.h5") as many:
            np.testing.assert_array_equal(few["llc/chain_loss"], many["llc/chain_loss"])
        # Each by itself, 140 steps would be 300,000 steps of training, not 4,000.
        self.assertLess(spent["few"], 2 * spent["many"] + 0.5)

    def test_chains_that_diverged_are_no_result(self):
        said = self.probe("--llc", "--llc-epsilon", "1e-4,1e3", "--llc-gamma", "10", "--llc-draws", "40", status=80)
        self.assertRegex(said, "2 of 2 chains with epsilon 1000 and gamma 10 diverged at step 0: a loss of .* nat; nothing of it is kept: take a smaller --llc-epsilon")
        self.assertFalse((self.cwd / "run.probe.h5").exists() and (self.cwd / "run.probe.h5").stat().st_size)
        one = ("probe", "run.h5", *SMALL[:-1], "--llc", "--llc-chains", "1", "--out", "one.h5")
        self.assertNotIn("+-", self.icl(*one))

    def test_what_makes_a_coefficient_doubtful_is_said_in_a_line(self):
        def said(*words):
            return self.icl("probe", "run.h5", *SMALL[: SMALL.index("--llc-chains")], "--quiet", "--llc", "--llc-burn-in", "0", "--force", *words)

        self.assertIn("icl: gamma = 1000000 is above n beta times the largest eigenvalue of the Hessian at 3 of 3 steps",
                      said("--curvature", "--llc-gamma", "1,1e6", "--llc-epsilon", "1e-7"))
        self.assertIn("3 of 3 coefficients still change along the draws",
                      said("--llc-gamma", "0.01", "--llc-epsilon", "1e-3", "--llc-draws", "1000", "--llc-chains", "16"))
        self.assertEqual("", said("--curvature", "--llc-gamma", "0.1", "--llc-epsilon", "1e-10"))

    def test_chains_beyond_the_memory_are_refused(self):
        said = self.probe("--llc", "--llc-chains", "1000", "--llc-draws", "16777216", status=71)
        self.assertIn("losses of the chains", said)
        self.assertIn("--llc-draws, --llc-chains, --steps", said)

    def test_every_system_has_what_it_has(self):
        for system, circuits in {"multi_layer": 5, "scalar_beta": 5, "minimal": 5, "memoriser": 2}.items():
            self.icl("train", "run.toml", "--set", f"model.system={system}", "--out", f"{system}.h5", "--quiet")
            self.icl("probe", f"{system}.h5", *SMALL, "--curvature", "--llc", "--steps", "20")
            with h5py.File(self.cwd / f"{system}.probe.h5") as file:
                self.assertEqual(len(file["curvature/circuit"]), circuits, system)
        short = ("compat.short_last_batch=true", "train.batch_size=44", "train.steps_per_epoch=1364", "train.epochs=1")
        for name, settings in {"short": short, "in_order": (*short, "compat.s4_epoch=true", "model.system=memoriser")}.items():
            self.icl("train", "run.toml", *(w for s in settings for w in ("--set", s)), "--out", f"{name}.h5", "--quiet")
            self.icl("probe", f"{name}.h5", *SMALL, "--curvature", "--steps", "0")
        for name, settings in {"fresh": ["data.K=inf"], "noisy": ["data.noise=0.1"], "clamped": ["intervene.clamp=\"copy@10:\""]}.items():
            self.icl("train", "run.toml", *(w for s in settings for w in ("--set", s)), "--out", f"{name}.h5", "--quiet")
            self.icl("probe", f"{name}.h5", *SMALL, "--curvature", "--steps", "5,15")
            with h5py.File(self.cwd / f"{name}.probe.h5") as file:
                scores = file["curvature/fisher_trace"][:, 2]
                self.assertGreater(scores[0], 0, name)
                self.assertEqual(scores[1] == 0, name == "clamped")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
