"""icl theory: the numbers of the theory, and the landscape of a run.

usage: theory_test.py ICL
"""

import json
import os

import h5py
import numpy

from tiny import TinyTest, main


class TheoryTest(TinyTest):
    def test_theory(self):
        # The table of the theory's checked values, whose blow-up is taken at beta = 8.
        found = json.loads(self.ok("theory", "tau-star", "--beta0=-1", "--c2", "0.25", "--beta-end", "8", "--json").stdout)
        self.assertAlmostEqual(found["tau_star"], 3.842, delta=5e-4)
        self.assertIsNone(found["t_icl_steps"])
        text = self.ok("theory", "tau-star", "--N", "100", "--learning-rate", "0.1").stdout
        self.assertRegex(text, r"tau\* = 1\.368\d*\nt_ICL at K = infinity, N = 100, learning rate 0.1: 270\d\.\d steps\n")
        self.ok("theory", "landscape", "--N", "20", "--w", "0", "2", "5", "--beta", "-1", "1", "3", "--out", "landscape.h5")
        self.fails(73, "exists already", "theory", "landscape", "--out", "landscape.h5")
        self.fails(64, "c2 = -1", "theory", "tau-star", "--c2=-1")
        self.fails(64, "N = 1", "theory", "landscape", "--N", "1", "--out", "x.h5")
        self.fails(64, "--N 1", "theory", "tau-star", "--N", "1")
        self.fails(64, "expected two finite ends", "theory", "landscape", "--w", "0", "inf", "5", "--out", "x.h5")
        self.fails(64, "at most 10000000 points", "theory", "landscape", "--w", "0", "1", "1e7", "--out", "x.h5")

    def test_landscape_of_a_run(self):
        self.ok("train", "tiny.toml", "--out", "run.h5", "--quiet")
        grid = ["--w", "0", "2", "3", "--beta", "-1", "1", "3"]
        self.ok("theory", "landscape", "--run", "run.h5", "--step", "25", "--samples", "10", *grid, "--out", "landscape.h5")
        with h5py.File(self.cwd / "run.h5") as run, h5py.File(self.cwd / "landscape.h5") as file:
            landscape = file["landscape"]
            self.assertEqual(landscape.attrs["N"], run["config"].attrs["data.N"])
            self.assertEqual(landscape.attrs["attend_self"], 1)
            self.assertEqual(landscape.attrs["run_step"], 25)
            margins = landscape["margin"][:]
            self.assertEqual(margins.shape, (10,))
            self.assertGreater(margins.std(), 0)
            wrong = 1 / (1 + numpy.exp(margins))
            self.assertAlmostEqual(landscape.attrs["c2"], 1 - (wrong ** 2).sum() / wrong.sum())
            self.assertAlmostEqual(landscape["loss"][0, 0], numpy.log1p(numpy.exp(-margins)).mean())  # w = 0: the memoriser alone
        self.fails(64, "--step 1000000", "theory", "landscape", "--run", "run.h5", "--step", "1000000", "--out", "x.h5")
        self.fails(64, "--samples 0", "theory", "landscape", "--run", "run.h5", "--samples", "0", "--out", "x.h5")
        self.fails(64, "--N", "theory", "landscape", "--run", "run.h5", "--N", "20", "--out", "x.h5")
        self.fails(64, "--step", "theory", "landscape", "--step", "5", "--out", "x.h5")
        self.fails(64, "is the file that is read", "theory", "landscape", "--run", "run.h5", "--force", "--out", "run.h5")
        self.ok("train", "tiny.toml", "--set", "model.system=memoriser", "--out", "memoriser.h5", "--quiet")
        self.fails(65, "no attention", "theory", "landscape", "--run", "memoriser.h5", "--out", "x.h5")
        self.ok("train", "tiny.toml", "--set", "data.bursty=0.5", "--out", "bursty.h5", "--quiet")
        self.fails(65, "not every sequence holds a copy", "theory", "landscape", "--run", "bursty.h5", "--out", "x.h5")
        self.fails(64, "are more than 100000000", "theory", "landscape", "--run", "run.h5", "--samples", "1000000", "--out", "x.h5")
        self.fails(73, "exists already", "theory", "landscape", "--run", "run.h5", "--out", "landscape.h5")
        kernels = self.ok("info", "run.h5", "--json").stdout
        other = {"OPENBLAS_CORETYPE": "Sandybridge" if "Sandybridge" not in kernels else "Haswell"}
        self.fails(73, "BLAS kernels", "theory", "landscape", "--run", "run.h5", "--step", "25", "--out", "x.h5", env=os.environ | other)
        self.ok("theory", "landscape", "--run", "run.h5", *grid, "--out", "last.h5", env=os.environ | other)  # a snapshot: nothing to train


if __name__ == "__main__":
    main()
