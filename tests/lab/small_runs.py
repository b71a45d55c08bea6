"""A small run of each system, for open_test.py, inside_test.py and torch_test.py."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import icl_lab
from icl_lab.read import BadInput

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import observers_of_tasks, tasks  # noqa: E402, F401 (for the tests)

SMALL = ["model.hidden=32", "data.K=64", "data.N=12", "data.D=20", "train.epochs=6", "train.steps_per_epoch=20", "train.batch_size=32",
         "train.learning_rate=0.1", "eval.sequences=300", "probe.sequences=32", "record.snapshots=0", "record.snapshot_every=40"]
SYSTEMS = {"one_layer": [], "multi_layer": ["model.layers=3"], "scalar_beta": ['data.label_code="scalar"'], "minimal": ["model.w0=0.5"],
           "memoriser": [], "blocks": ["blocks.n_heads=2", "blocks.positions=learned", 'data.layout="interleaved"', "blocks.mlp=every", "blocks.d_mlp=24"]}


def train(folder, system, *more):
    settings = [*SMALL, f'model.system="{system}"', *SYSTEMS[system], *more]
    path = Path(folder) / f"{system}{len(list(Path(folder).glob('*.h5')))}.h5"
    config = path.with_suffix(".toml")
    config.write_text("")
    subprocess.run([os.environ["ICL_PROGRAM"], "train", config, "--out", path, "--quiet", *(w for s in settings for w in ("--set", s))], check=True)
    return icl_lab.open(path)


class Opened(unittest.TestCase):
    """Tests of runs of all systems, in a folder."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-open-"))
        cls.runs = {system: train(cls.folder, system) for system in SYSTEMS}

    def refused(self, words, call, kind=BadInput):
        with self.assertRaises(kind) as caught:
            call()
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))
