"""What a run file holds for a look inside: /probe_set, /activations, snapshots at listed steps, what Adam remembers, /model.

usage: recorded_inside_test.py ICL
"""

import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src" / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from icl_lab import read  # noqa: E402
from program import ICL, ProgramTest, main  # noqa: E402

BASE = """
[model]
system = "{system}"
hidden = 16
[data]
K = {K}
N = 8
D = 9
[train]
epochs = 6
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
[probe]
sequences = 0
[record]
snapshots = 4
snapshot_steps = [17, "30:36:5"]
activations = {activations}
probe_set = 14
"""
ALL = {"one_layer": ["logit", "attention", "query", "attended", "mlp_input", "hidden_1", "hidden_2"],
       "multi_layer": ["logit", "attention", "query", "attended", "mlp_input", "hidden_1", "hidden_2"],
       "scalar_beta": ["logit", "attention", "attended", "mlp_input", "hidden_1", "hidden_2"],
       "minimal": ["logit", "attention", "hidden_1", "hidden_2"],
       "memoriser": ["logit", "hidden_1", "hidden_2"]}
STEPS = [0, 1, 8, 17, 30, 35, 60]


def relu(x):
    return numpy.maximum(x, 0)


class RecordedInsideTest(ProgramTest):
    def train(self, out, system="one_layer", settings=(), K=24):
        (self.cwd / "run.toml").write_text(BASE.format(system=system, K=K, activations=str(ALL[system]).replace("'", '"')))
        self.icl("train", "run.toml", "--out", out, "--quiet", "--threads", 1, *(part for s in settings for part in ("--set", s)))
        return self.cwd / out

    def test_every_activation_of_one_layer_is_what_numpy_computes_from_weights_and_sequences(self):
        with h5py.File(self.train("run.h5")) as run:
            self.assertEqual(list(run["activations/step"]), STEPS)
            self.assertEqual(list(run["snapshots/step"]), STEPS)
            x, label = run["probe_set/x"][:], run["probe_set/label"][:]
            tokens = numpy.concatenate([x, (label < 0)[..., None], (label > 0)[..., None]], axis=-1).astype(float)
            normed = (tokens - tokens.mean(-1, keepdims=True)) / numpy.sqrt(tokens.var(-1, keepdims=True) + 1e-5)
            for row in range(len(STEPS)):
                p = {name: d[row].astype(float) for name, d in run["snapshots"].items() if "torch_name" in d.attrs}
                t = normed * p["to_embedding.0.weight"] + p["to_embedding.0.bias"]
                wq, wk, wv = numpy.split(p["qkv.weight"], 3)
                found = {"query": t[:, -1] @ wq.T}
                score = numpy.einsum("bd,bnd->bn", found["query"], t @ wk.T)
                a = numpy.exp(score - score.max(-1, keepdims=True))
                found["attention"] = a / a.sum(-1, keepdims=True)
                found["attended"] = numpy.einsum("bn,bnd->bd", found["attention"], t)
                found["mlp_input"] = t[:, -1] + found["attended"] @ wv.T
                found["hidden_1"] = relu(found["mlp_input"] @ p["mlp.0.weight"].T + p["mlp.0.bias"])
                found["hidden_2"] = relu(found["hidden_1"] @ p["mlp.2.weight"].T + p["mlp.2.bias"])
                found["logit"] = (found["hidden_2"] @ p["mlp.4.weight"].T + p["mlp.4.bias"])[:, 0]
                self.assertEqual(set(found), set(run["activations"]) - {"step", "sequence", "token", "hidden", "position"})
                for name, values in found.items():
                    numpy.testing.assert_allclose(run["activations"][name][row], values, rtol=1e-4, atol=1e-5, err_msg=name)

    def test_the_probe_set_is_of_novel_and_training_items_with_a_copy(self):
        self.train("run.h5")
        self.icl("export", "run.h5", "--items", "--out", "items.h5")
        with h5py.File(self.cwd / "run.h5") as run, h5py.File(self.cwd / "items.h5") as data:
            s = run["probe_set"]
            x, item, novel, copy, label, answer = (s[name][:] for name in ("x", "item", "novel", "copy", "label", "answer"))
            self.assertEqual(list(novel), [1] * 7 + [0] * 7)
            self.assertTrue((item[:7] == -1).all())
            self.assertTrue(numpy.array_equal(x[7:], data["items/x"][:][item[7:]]))
            self.assertTrue(numpy.array_equal(label[7:, :-1], data["items/label"][:][item[7:, :-1]]))
            self.assertTrue((label[:, -1] == 0).all())
            for b in range(14):
                same = [j for j in range(7) if numpy.array_equal(x[b, j], x[b, -1])]
                self.assertEqual(list(numpy.flatnonzero(copy[b])), same)
                self.assertGreaterEqual(len(same), 1)
                self.assertTrue(all(label[b, j] == answer[b] for j in same))

    def test_training_items_are_numbered_with_noise_and_exemplars_too(self):
        random = numpy.random.default_rng(3)
        with h5py.File(self.cwd / "given.h5", "w") as file:
            file["x"] = random.normal(size=(60, 3, 9))
        given = ["data.items=given.h5:/x"]
        for settings, exemplars in (["data.noise=0.001"], 1), (given, 3), ([*given, "data.noise=0.001"], 3):
            for system in "one_layer", "memoriser":
                with self.subTest(settings=settings, system=system):
                    self.train("run.h5", system, [*settings, "record.probe_set=300"])
                    self.icl("export", "run.h5", "--items", "--out", "items.h5")
                    with h5py.File(self.cwd / "run.h5") as run, h5py.File(self.cwd / "items.h5") as data:
                        s = run["probe_set"]
                        old = s["novel"][:] == 0
                        item, x, answer = s["item"][:][old], s["x"][:][old], s["answer"][:][old]
                        self.assertTrue((s["item"][:][~old] == -1).all())
                        self.assertEqual((item.min(), item.max()), (0, 23))
                        table, label = data["items/x"][:].reshape(24, exemplars, 9), data["items/label"][:].reshape(24, exemplars)
                        # The nearest exemplar of an item is the token, but for the noise.
                        distance = numpy.abs(table[item] - x[:, :, None]).max(-1).min(-1)
                        self.assertLess(distance.max(), 0.01)
                        self.assertTrue(numpy.array_equal(label[item[:, -1], 0], answer))
                    self.icl("verify", "run.h5", "--quiet")
                    for name in "run.h5", "items.h5":
                        (self.cwd / name).unlink()

    def test_with_seed_probe_the_sequences_are_the_same_for_every_seed(self):
        sets = []
        for seed, probe in ((0, "7"), (1, "7"), (1, "8"), (1, None)):
            path = self.train(f"{seed}{probe}.h5", settings=[f"train.seed={seed}"] + ([f"seed.probe={probe}"] if probe else []))
            with h5py.File(path) as run:
                sets.append((run["probe_set/x"][:7], run["probe_set/item"][7:], run["probe_set/label"][:7]))
        for a, b in zip(sets[0], sets[1]):
            self.assertTrue(numpy.array_equal(a, b))
        self.assertFalse(numpy.array_equal(sets[1][0], sets[2][0]))
        self.assertFalse(numpy.array_equal(sets[1][0], sets[3][0]))

    def test_recording_changes_no_number_of_a_run(self):
        names = ["record.activations=not set", "record.snapshot_steps=not set"]
        with h5py.File(self.train("with.h5")) as a, h5py.File(self.train("without.h5", settings=names)) as b:
            self.assertNotIn("activations", b)
            self.assertNotIn("probe_set", b)
            rows = [STEPS.index(step) for step in b["snapshots/step"]]
            for group, pick in (("metrics", slice(None)), ("snapshots", rows)):
                for name in (n for n, d in b[group].items() if group == "metrics" or n == "step" or "torch_name" in d.attrs):
                    self.assertTrue(numpy.array_equal(a[group][name][()][pick], b[group][name][()], equal_nan=True), name)

    def test_every_system_records_verifies_goes_on_and_lengthens(self):
        adam = ["train.optimizer=adam", "train.learning_rate=0.003", "record.optimizer=true"]
        for system, settings in *((system, []) for system in ALL), ("one_layer", adam):
            K = "inf" if system == "minimal" else 24
            with self.subTest(system=system, settings=settings):
                whole = self.train(f"{system}{len(settings)}.h5", system, settings, K=K)
                self.assertEqual(self.icl("verify", whole.name, "--quiet").stdout, "identical\n")
                with h5py.File(whole) as run:
                    for name in ALL[system]:
                        self.assertEqual(run["activations"][name].shape[:2], (len(STEPS), 14), name)
                        self.assertTrue(numpy.isfinite(run["activations"][name][()]).all())
                # Made longer, its snapshots are those of a run that was planned so.
                self.train("planned.h5", system, [*settings, "train.epochs=8"], K=K)
                (self.cwd / "long.h5").write_bytes(whole.read_bytes())
                self.icl("train", "run.toml", "--out", "long.h5", "--quiet", "--resume", *(part for s in [*settings, "train.epochs=8"] for part in ("--set", s)))
                diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", "long.h5", "planned.h5"], cwd=self.cwd, capture_output=True, text=True)
                self.assertEqual((diff.returncode, diff.stdout), (0, ""))
                for name in "long.h5", "planned.h5":
                    (self.cwd / name).unlink()

    def test_a_killed_run_goes_on_to_the_same_file(self):
        slow = ["train.epochs=300", "record.publish_seconds=0.01", "record.snapshot_every=100", "train.optimizer=adam", "record.optimizer=true"]
        whole = self.train("whole.h5", settings=slow)
        again = ["train", "run.toml", "--out", "killed.h5", "--quiet", "--threads", "1", *(part for s in slow for part in ("--set", s))]
        for _ in range(3):
            run = subprocess.Popen([ICL, *again, "--resume"], cwd=self.cwd, stderr=subprocess.PIPE)
            deadline = time.time() + 60
            while not (self.cwd / "killed.h5").exists() and time.time() < deadline and run.poll() is None:
                time.sleep(0.01)
            time.sleep(0.1)
            run.kill()
            run.communicate()
        self.icl(*again, "--resume")
        diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", "killed.h5", whole.name], cwd=self.cwd, capture_output=True, text=True)
        self.assertEqual((diff.returncode, diff.stdout), (0, ""))

    def test_what_adam_remembers_makes_a_snapshot_a_whole_state(self):
        adam = ["train.optimizer=adam", "train.learning_rate=0.003"]
        path = self.train("adam.h5", settings=[*adam, "record.optimizer=true"])
        with h5py.File(path) as run:
            self.assertEqual(list(run["snapshots/adam_mean/updates"]), STEPS)
            self.assertEqual(run["snapshots/adam_square/qkv.weight"].shape, run["snapshots/qkv.weight"].shape)
            self.assertFalse(run["snapshots/adam_mean/qkv.weight"][0].any())
            self.assertTrue(run["snapshots/adam_mean/qkv.weight"][1].any())
        self.assertEqual(self.icl("verify", "adam.h5", "--quiet").stdout, "identical\n")
        self.train("plain.h5", settings=adam)
        self.icl("export", "adam.h5", "--weights", "40,50", "--out", "a.h5")
        self.icl("export", "plain.h5", "--weights", "40,50", "--out", "b.h5")
        with h5py.File(self.cwd / "a.h5") as a, h5py.File(self.cwd / "b.h5") as b:
            self.assertTrue(numpy.array_equal(a["weights/qkv.weight"][:], b["weights/qkv.weight"][:]))

    def test_the_model_is_described(self):
        for system in ALL:
            with h5py.File(self.train(f"{system}.h5", system)) as run:
                model = run["model"]
                self.assertIn("softmax" if system != "memoriser" else "relu", model.attrs["forward"].decode())
                names = [name for name, d in run["snapshots"].items() if "torch_name" in d.attrs]
                self.assertEqual(sorted(model["parameters"].attrs), sorted(names))
                for name, text in model["parameters"].attrs.items():
                    self.assertRegex(text.decode(), r"^(attention|memoriser): .+")
                self.assertEqual((model.attrs["H"], model.attrs["D"]), (16, 9))

    def test_icl_lab_reads_it(self):
        run = read.Run(self.train("run.h5"))
        self.assertEqual(run.probe_set["x"].shape, (14, 8, 9))
        self.assertEqual(run.activations["attention"].shape, (len(STEPS), 14, 8))
        self.assertEqual(list(run.activations["step"]), STEPS)
        self.assertEqual([run.description[name] for name in ("X", "label_entries", "outputs")], [11, 2, 1])
        self.assertIn("W_q, W_k and W_v", run.description["parameters"]["qkv.weight"])
        plain = read.Run(self.train("plain.h5", settings=["record.activations=not set"]))
        for name in ("probe_set", "activations"):
            with self.assertRaisesRegex(read.BadInput, "record.activations was not set"):
                getattr(plain, name)

    def test_what_cannot_be_recorded_is_said_in_one_message(self):
        self.train("run.h5")
        for part, setting in (("no activation \"logits\"", 'record.activations=["logits"]'),
                              ("record.activations: expected text of the form", "record.activations=[1.5]"),
                              ("the system \"memoriser\" has no activation \"attention\"", "model.system=memoriser"),
                              ("\"sgd\" remembers nothing", "record.optimizer=true"),
                              ("step 61 lies outside of the run", "record.snapshot_steps=[5, 61]"),
                              ("record.snapshot_steps: expected text of the form", "record.snapshot_steps=20:10"),
                              ("record.snapshot_steps: expected text of the form", "record.snapshot_steps=[]"),
                              ("record.probe_set: expected an integer from 2", "record.probe_set=1")):
            result = self.icl("train", "run.toml", "--out", "no.h5", "--set", setting, status=64)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(part, result.stderr)
            self.assertFalse((self.cwd / "no.h5").exists())


if __name__ == "__main__":
    main()
