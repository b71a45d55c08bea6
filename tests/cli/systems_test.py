"""The systems, items, probes and interventions as a user meets them: what is refused, and that what runs can be gone on with.

usage: systems_test.py ICL
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import observers_of_tasks, tasks  # noqa: E402

ICL = None
TINY = """
[model]
hidden = 12
[data]
K = 24
N = 8
D = 9
[train]
epochs = 4
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
[probe]
sequences = 16
[record]
snapshots = 3
"""
USAGE, BAD_INPUT = 64, 65


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-systems-")
        self.cwd = Path(self.folder.name)
        (self.cwd / "tiny.toml").write_text(TINY)

    def tearDown(self):
        self.folder.cleanup()

    def icl(self, *args):
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd, capture_output=True, text=True, timeout=120)

    def ok(self, *args):
        result = self.icl(*args)
        self.assertEqual(result.returncode, 0, f"{args}: {result.stderr}")
        return result

    def train(self, out, *settings, resume=False):
        words = [word for setting in settings for word in ("--set", setting)]
        return self.icl("train", "tiny.toml", "--out", out, "--quiet", "--threads", "1", *words, *(["--resume"] if resume else []))

    def fails(self, code, part, *settings):
        before = sorted(p.name for p in self.cwd.iterdir())
        result = self.train("bad.h5", *settings)
        self.assertEqual(result.returncode, code, f"{settings}: {result.stderr}")
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, f"one message: {result.stderr}")
        self.assertEqual(before, sorted(p.name for p in self.cwd.iterdir()), "nothing may be created")

    def trained(self, out, *settings):
        result = self.train(out, *settings)
        self.assertEqual(result.returncode, 0, f"{settings}: {result.stderr}")
        return self.cwd / out


class SystemsTest(Programs):
    VARIANTS = {
        "multi_layer": ["model.system=multi_layer", "model.layers=2"],
        "frozen": ["model.system=multi_layer", "compat.frozen_readout=true"],
        "scalar_beta": ["model.system=scalar_beta", "model.beta0=0.5"],
        "minimal": ["model.system=minimal", "model.beta0=0.5", "model.attend_self=true"],
        "memoriser": ["model.system=memoriser"],
        "blocks": ["model.system=blocks", "blocks.n_heads=2", "blocks.d_head=4", "blocks.positions=rotary", "blocks.mlp=every", "blocks.d_mlp=8"],
        "interleaved": ["model.system=blocks", "data.layout=interleaved", "blocks.attention=linear", "blocks.positions=onehot", "blocks.norm=none"],
        "adam": ["train.optimizer=adam", "train.learning_rate=0.003"],
    }

    def test_each_is_trained_verified_exported_and_measured(self):
        for name, settings in self.VARIANTS.items():
            with self.subTest(name):
                run = self.trained(f"{name}.h5", *settings)
                self.assertEqual(self.ok("verify", run, "--quiet").stdout, "identical\n")
                self.ok("export", run, "--out", f"{name}-data.h5", "--batch", 0, "--evaluation", 0, "--items")
                words = [word for setting in settings for word in ("--set", setting)]
                speed = json.loads(self.ok("bench", "tiny.toml", *words, "--set", "train.epochs=4000", "--seconds", 0.05,
                                           "--json").stdout)
                self.assertGreater(speed["ms_per_step"]["median"], 0)

    def test_probes_have_units_formula_and_source(self):
        with h5py.File(self.trained("run.h5"), "r") as file:
            for name in ("c1", "c2", "c3", "I_K", "effective_beta", "effective_w", "attention_copy", "attention_entropy",
                         "memoriser_margin", "identity_alignment", "uniform_icl_accuracy", "clamped_icl_loss",
                         "norm.qkv.weight", "update_norm.mlp.0.weight"):
                probe = file["metrics"][name]
                self.assertTrue(numpy.isfinite(probe[:]).all(), name)
                for attribute in ("units", "long_name", "formula", "source"):
                    self.assertTrue(probe.attrs[attribute], f"{name} {attribute}")
                self.assertEqual(name in ("c1", "c2", "c3", "I_K"), b"Nguyen & Reddy (2024)" in probe.attrs["source"], name)
            self.assertGreater(file["theory"].attrs["t_icl_step_from_initial"], 0)
        for setting in ("train.optimizer=adam", 'intervene.clamp="none"', 'intervene.freeze="attention"', "data.bursty=0.5"):
            with h5py.File(self.trained("untold.h5", setting), "r") as file:
                self.assertTrue(file["theory"].attrs["says_nothing_because"], setting)
            (self.cwd / "untold.h5").unlink()

    def test_the_sequences_of_the_equal_evaluation_are_exported(self):
        run = self.trained("equal.h5", 'data.labels="equal_sequence"')
        self.ok("export", run, "--out", "data.h5", "--evaluation", 0)
        with h5py.File(self.cwd / "data.h5") as file:
            counts = {name: (file[name]["label"][0].sum(axis=1) + file[name]["answer"][0]).tolist()
                      for name in ("icl_evaluation", "icl_equal_evaluation")}
        self.assertEqual(set(counts["icl_equal_evaluation"]), {0})
        self.assertGreater(len(set(counts["icl_evaluation"])), 1)

    def test_probes_can_be_computed_from_the_exported_sequences(self):
        run = self.trained("run.h5", "data.N=6", "eval.sequences=24")
        self.ok("export", run, "--out", "data.h5", "--probe", 40, "--evaluation", 40)
        with h5py.File(run) as r, h5py.File(self.cwd / "data.h5") as d:
            p = {name: dataset[-1].astype(float) for name, dataset in r["snapshots"].items() if "torch_name" in dataset.attrs}
            metrics = {name: r["metrics"][name][-1] for name in r["metrics"]}
            probe, icl = ({name: d[group][name][0] for name in ("x", "label", "copy", "answer")}
                          for group in ("probe", "icl_evaluation"))
        self.assertEqual(probe["x"].shape, (16, 6, 9))

        def tokens(s):
            t = numpy.concatenate([s["x"], numpy.stack([s["label"] < 0, s["label"] > 0], axis=-1)], axis=-1)
            t = (t - t.mean(-1, keepdims=True)) / numpy.sqrt(t.var(-1, keepdims=True) + 1e-5)
            return t * p["to_embedding.0.weight"] + p["to_embedding.0.bias"]

        def logits(h):
            for layer in "0", "2", "4":
                h = (numpy.maximum(h, 0) if layer != "0" else h) @ p[f"mlp.{layer}.weight"].T + p[f"mlp.{layer}.bias"]
            return h[:, 0]

        t, copy = tokens(probe), probe["copy"] > 0
        q, k, v = numpy.split(t @ p["qkv.weight"].T, 3, axis=-1)
        s = numpy.einsum("bd,bnd->bn", q[:, -1], k)
        a = numpy.exp(s) / numpy.exp(s).sum(-1, keepdims=True)
        on, off = (numpy.where(which, numpy.exp(s[:, :-1]), 0).sum(-1) / which.sum(-1) for which in (copy, ~copy))
        beta = numpy.log(on / off)
        h = t[:, -1] + numpy.einsum("bn,bnd->bd", a, v)
        own = tokens(icl)[:16, -1]
        expected = {
            "effective_beta": beta.mean(), "effective_beta_deviation": beta.std(),
            "self_minus_copy": (s[:, -1] - numpy.log(on)).mean(),
            "attention_copy": (a[:, :-1] * copy).sum(-1).mean(), "attention_self": a[:, -1].mean(),
            "attention_entropy": -(a * numpy.log(a)).sum(-1).mean(),
            "memoriser_margin": (probe["answer"] * logits(t[:, -1])).mean(),
            "attention_margin": (probe["answer"] * (logits(h) - logits(t[:, -1]))).mean(),
            # lesions: the first probe.sequences of the evaluation's
            "no_attention_icl_loss": numpy.log1p(numpy.exp(-icl["answer"][:16] * logits(own))).mean(),
        }
        for name, value in expected.items():
            self.assertAlmostEqual(metrics[name], value, delta=2e-5, msg=name)

    def test_probes_that_there_are_not_are_not_exported(self):
        for number, (setting, step, why) in enumerate((("probe.sequences=16", 41, "41"), ("probe.sequences=0", 40, "no probes"),
                                                       ('probe.record="norms"', 40, "looks at sequences"))):
            run = self.trained(f"run{number}.h5", setting)
            result = self.icl("export", run, "--out", "data.h5", "--probe", step)
            self.assertEqual(result.returncode, USAGE)
            self.assertIn("--probe", result.stderr)
            self.assertIn(why, result.stderr)

    def test_a_short_last_batch_is_exported_as_it_is(self):
        run = self.trained("run.h5", "compat.short_last_batch=true", "train.batch_size=40000", "train.steps_per_epoch=2",
                           "train.epochs=1")
        self.assertEqual(self.ok("verify", run, "--quiet").stdout, "identical\n")
        self.ok("export", run, "--out", "data.h5", "--batch", 1)
        with h5py.File(self.cwd / "data.h5") as file:
            self.assertEqual((file["batches/answer"][0] != 0).sum(), 20000)
            self.assertTrue((file["batches/item"][0][20000:] == -1).all())

    def test_a_memoriser_has_no_icl(self):
        with h5py.File(self.trained("run.h5", "model.system=memoriser"), "r") as file:
            self.assertTrue(numpy.isnan(file["metrics/icl_accuracy"][:]).all())
            self.assertTrue(numpy.isfinite(file["metrics/iwl_accuracy"][:]).all())
            self.assertNotIn("theory", file)
            self.assertNotIn("effective_beta", file["metrics"])

    def test_the_theory_beside_a_run(self):
        run = self.trained("run.h5", "model.system=minimal", "model.beta0=0.0", "data.K=inf")
        before = run.read_bytes()
        said = json.loads(self.ok("theory", "predict", run, "--json").stdout)
        self.assertEqual(run.read_bytes(), before, "predict writes nothing unless asked to")
        with h5py.File(run, "r") as file:
            self.assertEqual(said["t_icl_step_from_initial"], file["theory"].attrs["t_icl_step_from_initial"])
            self.assertEqual(said["beta0"], file["metrics/effective_beta"][0])
        self.ok("theory", "predict", run, "--write")
        self.assertEqual(self.ok("verify", run, "--quiet").stdout, "identical\n")
        result = self.icl("theory", "predict", self.trained("s4.h5", "model.system=memoriser"))
        self.assertEqual(result.returncode, BAD_INPUT)
        self.assertIn("a memoriser has no attention", result.stderr)

    def test_what_is_no_system_probe_or_place_is_refused(self):
        self.fails(USAGE, "one_layer, multi_layer, scalar_beta, minimal, memoriser, blocks", "model.system=three")
        self.fails(USAGE, "the probes are memorisation", 'probe.record="c1"')
        self.fails(USAGE, 'has no probe "alignment"', "model.system=minimal", 'probe.record="alignment"')
        self.fails(USAGE, "expected a finite number >= 0", "data.zipf=-0.5")
        self.fails(USAGE, "lie outside of the run's 0:40", 'intervene.freeze="memoriser@30:60"')
        self.fails(USAGE, "lie outside of the run's 0:40", 'intervene.clamp="copy@40:"')
        self.fails(USAGE, "no sub-circuit", 'intervene.rate="memorizer*0.5"')
        self.fails(USAGE, "no meaning", "model.beta0=1.0")
        self.fails(USAGE, "no meaning", "model.system=memoriser", "stop.icl_accuracy=0.9")
        self.fails(USAGE, "overlap", 'intervene.clamp="copy,uniform@10:"')
        self.fails(USAGE, "equally often", "model.system=memoriser", "compat.s4_epoch=true", "train.batch_size=6000",
                   "data.zipf=1.0")
        self.fails(USAGE, "nothing to memorise", "model.system=memoriser", "data.K=inf")

    def test_a_branch_may_intervene(self):
        run = self.trained("run.h5")
        self.ok("branch", run, "--at", 15, "--set", 'intervene.freeze="attention@20:"', "--out", "branch.h5", "--quiet")
        self.assertEqual(self.ok("verify", "branch.h5", "--quiet").stdout, "identical\n")
        with h5py.File(self.cwd / "branch.h5", "r") as file:
            update = file["metrics/update_norm.qkv.weight"][:]
            self.assertTrue((update[file["metrics/step"][:] >= 20] == 0).all())


class TasksTest(Programs):
    """Every task that the program says that there is, with all its ideal observers."""

    def test_each_is_trained_verified_exported_and_told_of(self):
        observers = observers_of_tasks()
        for task in tasks():
            with self.subTest(task):
                others = [name for other, names in observers.items() if other != task for name in names]
                settings = ["model.system=blocks", f"data.task={task}", 'probe.record="heads head_lesions"']
                self.fails(USAGE, f'another task has the observer "{others[0]}"', *settings, f"record.observers={others[0]}")
                settings.append(f"record.observers={','.join(observers[task])}")
                run = self.trained(f"{task}.h5", *settings)
                self.assertEqual(self.ok("verify", run, "--quiet").stdout, "identical\n")
                self.assertEqual(self.train(f"{task}.h5", *settings, resume=True).returncode, 0)
                self.ok("export", run, "--out", f"{task}-data.h5", "--batch", 0, "--evaluation", 40, "--probe", 40, "--items")
                said = json.loads(self.ok("info", run, "--json").stdout)
                self.assertIn("done at step 40 of 40", self.ok("info", run).stdout)
                with h5py.File(run) as file, h5py.File(self.cwd / f"{task}-data.h5") as data:
                    self.assertEqual(said["final"]["icl_loss"], file["metrics/icl_loss"][-1])
                    for name in (f"{kind}_{name}_{what}" for kind in ("icl", "iwl") for name in observers[task] for what in ("loss", "distance")):
                        self.assertTrue(numpy.isfinite(file["metrics"][name]).all() and file["metrics"][name].attrs["formula"], name)
                    table = data[data.attrs["default"]]["x"]
                    self.assertEqual((table.shape[0] % 24, table.shape[1]), (0, 9), "K of them, or K S rows")
                    self.assertEqual(data["batches/x"].shape, (1, 8, 8, 9))
                    sizes = {name: file["model"].attrs[name] for name in ("X", "label_entries", "outputs")}
                    self.assertEqual(sizes["label_entries"] > 0, bool({"label", "y"} & set(data["batches"])), "what a token holds beside x or its symbol")
                    self.assertEqual((sizes["X"], sizes["outputs"]), (9 + sizes["label_entries"], 1 if sizes["label_entries"] else 9))
                    self.assertEqual(data["probe/x"].shape, (1, 16, 8, 9))
                    self.assertTrue(all(numpy.isfinite(file["metrics"][name]).all() for name in ("attention_on_previous_0_0", "without_head_icl_loss_1_0")))
                    for group in "icl_evaluation", "iwl_evaluation":
                        self.assertEqual(data[group]["x"].shape, (1, 40, 8, 9))
                        self.assertTrue({"answer", "y"} & set(data[group]), "what is asked for")


class ItemsTest(Programs):
    """Sixty classes of five exemplars, as Omniglot's embeddings are stored."""

    def setUp(self):
        super().setUp()
        rng = numpy.random.default_rng(1)
        centres = rng.normal(size=(60, 1, 9))
        with h5py.File(self.cwd / "items.h5", "w") as file:
            file["x"] = (centres + 0.1 * rng.normal(size=(60, 5, 9))).astype("f4")
            file["x_labels"] = rng.permutation(numpy.arange(60) % 2)
            file["flat"] = centres[:, 0, :]
            file.create_dataset("packed", data=centres[:, 0, :], compression="gzip", chunks=(7, 4))
            file["vector"] = numpy.zeros(9)
            file["whole"] = numpy.ones((60, 9), dtype="c8")
            broken = centres[:, 0, :].copy()
            broken[7, 3] = numpy.nan
            file["broken"] = broken

    def test_a_run_on_them_is_resumed_and_verified(self):
        for dataset in ("x", "flat", "packed"):
            with self.subTest(dataset):
                run = self.trained(f"{dataset}.h5", f'data.items="items.h5:/{dataset}"')
                self.assertEqual(self.ok("verify", run, "--quiet").stdout, "identical\n")
        self.assertEqual(self.train("x.h5", 'data.items="items.h5:/x"', resume=True).returncode, 0)

    def test_a_copy_is_another_exemplar_of_the_class(self):
        run = self.trained("run.h5", 'data.items="items.h5:/x"')
        self.ok("export", run, "--out", "data.h5", "--batch", 0)
        with h5py.File(self.cwd / "data.h5", "r") as file:
            items = file["batches/item"][0]
            same_class = items[:, :-1] // 5 == items[:, -1:] // 5
            self.assertTrue(same_class.any(axis=1).all())
            self.assertFalse((items[:, :-1] == items[:, -1:]).any())

    def test_changed_items_are_refused(self):
        run = self.trained("run.h5", 'data.items="items.h5:/flat"')
        with h5py.File(self.cwd / "items.h5", "r+") as file:
            file["flat"][0, 0] += 1
        result = self.icl("verify", run, "--quiet")
        self.assertEqual(result.returncode, BAD_INPUT)
        self.assertIn("has changed since the run began", result.stderr)

    def test_bad_tables_are_refused(self):
        self.fails(BAD_INPUT, "rank 1", 'data.items="items.h5:/vector"')
        self.fails(BAD_INPUT, "/whole", 'data.items="items.h5:/whole"')
        self.fails(BAD_INPUT, "row 7", 'data.items="items.h5:/broken"')
        self.fails(BAD_INPUT, "/nothing", 'data.items="items.h5:/nothing"')
        self.fails(BAD_INPUT, "nofile.h5", 'data.items="nofile.h5:/x"')
        with h5py.File(self.cwd / "few.h5", "w") as file:
            file["x"] = numpy.random.default_rng(2).normal(size=(10, 9))
        self.fails(USAGE, "guessing would pass", 'data.items="few.h5:/x"', "data.K=8", "data.novel_fraction=0.1")
        self.fails(USAGE, "60 classes", 'data.items="items.h5:/x"', "data.K=60")
        self.fails(USAGE, "set data.D = 9", 'data.items="items.h5:/x"', "data.D=10")
        self.fails(USAGE, "FILE.h5:/DATASET", 'data.items="items.h5"')


if __name__ == "__main__":
    ICL = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
