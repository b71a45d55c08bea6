#!/usr/bin/python3
"""Other people's readers against icl's files, and the model's mathematics against numpy.

usage: readers_test.py ICL [unittest arguments]
"""

import tempfile
import unittest
import warnings
from pathlib import Path

import h5py
import netCDF4  # noqa: F401 (here, so that what it says on loading is no warning of ours)
import numpy as np
import pandas as pd
import xarray as xr

from reading import ICL, datasets, main, run, scalar

ENGINES = (None, "h5netcdf", "netcdf4")  # None: what xarray makes of the file by itself
METRICS = {"train_loss": "nat", "train_accuracy": "1", "icl_loss": "nat", "icl_accuracy": "1", "iwl_loss": "nat",
           "iwl_accuracy": "1"}
# A context of 3 items is read from within a second, so that t_icl_step is there to be checked.
CONFIG = """
[model]
hidden = 24
[data]
K = 16
N = 4
D = 10
[train]
epochs = 10
steps_per_epoch = 25
batch_size = 64
learning_rate = 0.5
[eval]
sequences = 150
[record]
snapshots = 4
"""


def groups(path):
    """All groups of a file, by h5py."""
    with h5py.File(path, "r") as file:
        names = ["/"]
        file.visititems(lambda name, item: names.append("/" + name) if isinstance(item, h5py.Group) else None)
        return names


def is_scale(dataset):
    return h5py.h5ds.is_scale(dataset.id)


class Files(unittest.TestCase):
    """One finite and one infinite run, and the data files exported from them; made once."""

    folder = None
    runs, data = {}, {}

    @classmethod
    def setUpClass(cls):
        if Files.folder is None:
            folder = tempfile.TemporaryDirectory(prefix="icl_readers_")
            unittest.addModuleCleanup(folder.cleanup)
            Files.folder = Path(folder.name)
            for name, K in (("finite", "16"), ("infinite", "inf")):
                cls.make(name, K)
        cls.all = [*cls.runs.values(), *cls.data.values()]

    @classmethod
    def make(cls, name, K):
        config = cls.folder / "tiny.toml"
        config.write_text(CONFIG)
        cls.runs[name], cls.data[name] = cls.folder / f"{name}.h5", cls.folder / f"{name}_data.h5"
        run(ICL, "train", config, "--set", f"data.K={K}", "--threads", 1, "--quiet", "--out", cls.runs[name])
        with h5py.File(cls.runs[name], "r") as file:
            both = sorted(set(file["snapshots/step"][:]) & set(file["metrics/step"][:]))
        if len(both) < 2:
            raise AssertionError(f"snapshots at evaluations: {both}; the first and the last step were expected")
        wanted = [word for step in both for word in ("--evaluation", step)]
        items = [] if K == "inf" else ["--items"]
        run(ICL, "export", cls.runs[name], *items, "--batch", 0, "--batch", 7, *wanted, "--out", cls.data[name])


class ReadersTest(Files):
    def test_h5dump_lists_the_groups_that_h5py_finds(self):
        for path in self.all:
            with self.subTest(file=path.name):
                lines = run("h5dump", "-n", path).splitlines()
                listed = [line.split(maxsplit=1)[1] for line in lines if line.split()[:1] == ["group"]]
                self.assertEqual(sorted(listed), sorted(groups(path)))

    def test_h5dump_reads_every_group_and_the_same_values(self):
        for path in self.all:
            for group in groups(path):
                with self.subTest(file=path.name, group=group):
                    self.assertIn(f'GROUP "{group}"', run("h5dump", "-g", group, path))
            for name, values in datasets(path).items():
                with self.subTest(file=path.name, dataset=name):
                    raw = self.folder / "raw"
                    run("h5dump", "-d", name, "-b", "LE", "-o", raw, path)
                    self.assertEqual(raw.read_bytes(), values.tobytes())

    def test_every_axis_has_a_scale_in_its_own_group_with_units_and_long_name(self):
        for path in self.all:
            with h5py.File(path, "r") as file:
                for name in datasets(path):
                    with self.subTest(file=path.name, dataset=name):
                        dataset = file[name]
                        if is_scale(dataset):
                            self.assertEqual(dataset.ndim, 1)
                            continue
                        self.assertIn("units", dataset.attrs)
                        self.assertTrue(dataset.attrs["long_name"])
                        self.assertEqual(len({d[0].name for d in dataset.dims}), dataset.ndim, "axes are distinct")
                        for dimension in dataset.dims:
                            self.assertEqual(len(dimension), 1)
                            self.assertEqual(dimension[0].parent, dataset.parent)

    def test_xarray_and_pandas_read_every_group_with_equal_values_and_coordinates(self):
        for path in self.all:
            with h5py.File(path, "r") as file:
                for group in groups(path):
                    for engine in ENGINES:
                        with self.subTest(file=path.name, group=group, engine=engine):
                            self.check_group(path, file[group], engine)

    def check_group(self, path, group, engine):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with xr.open_dataset(path, group=group.name, engine=engine, decode_cf=False) as dataset:
                variables = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset)}
                # Not every netCDF-C, which xarray takes unless told otherwise, shows tables.
                hidden = {name for name, item in variables.items() if item.dtype.names and engine != "h5netcdf"} - set(dataset.variables)
                variables = {name: item for name, item in variables.items() if name not in hidden}
                self.assertEqual(set(dataset.variables), set(variables))
                self.assertEqual({key: scalar(value) for key, value in dataset.attrs.items()},
                                 {key: scalar(value) for key, value in group.attrs.items()})
                for name, item in variables.items():
                    if item.dtype.kind in "if":
                        self.check_variable(dataset[name], item)
                    elif item.dtype.names:
                        self.assertEqual(dataset[name].values.tolist(), item[()].tolist())
                    else:
                        self.assertEqual(scalar(dataset[name].values[()]), scalar(item[()]))

    def check_variable(self, variable, item):
        values = item[()]
        self.assertEqual(variable.dtype, item.dtype)
        np.testing.assert_array_equal(variable.values, values)
        if is_scale(item):
            self.assertEqual(variable.dims, (item.name.rsplit("/", 1)[1],))
            return
        self.assertEqual(scalar(variable.attrs["units"]), scalar(item.attrs["units"]))
        self.assertEqual(scalar(variable.attrs["long_name"]), scalar(item.attrs["long_name"]))
        self.assertEqual(list(variable.dims), [d[0].name.rsplit("/", 1)[1] for d in item.dims])
        coordinates = [d[0][()] for d in item.dims]
        for dim, coordinate in zip(variable.dims, coordinates):
            np.testing.assert_array_equal(variable.coords[dim].values, coordinate)
        series = variable.to_series()
        self.assertIsInstance(series, pd.Series)
        np.testing.assert_array_equal(series.to_numpy(), values.ravel())
        for level, coordinate in enumerate(coordinates):
            np.testing.assert_array_equal(series.index.unique(level).sort_values(), np.unique(coordinate))

    def test_pandas_makes_a_table_of_the_metrics(self):
        for path in self.runs.values():
            with h5py.File(path, "r") as file:
                metrics = file["metrics"]
                table = pd.DataFrame({name: metrics[name][:] for name in METRICS},
                                     index=pd.Index(metrics["step"][:], name="step"))
            with xr.open_dataset(path, group="/metrics", engine="h5netcdf") as dataset:
                pd.testing.assert_frame_equal(dataset.to_dataframe()[list(METRICS)], table)


class SchemaTest(Files):
    def test_root_says_what_the_file_is(self):
        for path in self.runs.values():
            with h5py.File(path, "r") as file:
                self.assertEqual(file.attrs["format"], "icl run")
                self.assertEqual(file.attrs["format_version"], 3)
                self.assertEqual(file.attrs["status"], "done")
                self.assertEqual(file.attrs["stop_reason"], "epochs")
                self.assertEqual(file.attrs["step"], 250)
                self.assertEqual(scalar(file[file.attrs["default"]].attrs["NX_class"]), "NXdata")
                self.assertTrue({"config", "metrics", "snapshots", "provenance"} <= set(file))
        for path in self.data.values():
            with h5py.File(path, "r") as file:
                self.assertEqual(file.attrs["format"], "icl data")
                self.assertEqual(file.attrs["format_version"], 3)

    def test_config_is_there_as_text_and_as_attributes(self):
        for name, path in self.runs.items():
            with h5py.File(path, "r") as file:
                text, keys = file["config/toml"].asstr()[()], file["config"].attrs
                self.assertIn("hidden = 24", text)
                self.assertEqual(keys["model.hidden"], 24)
                self.assertEqual(keys["data.K"], 16 if name == "finite" else np.inf)
                self.assertEqual(keys["train.learning_rate"], 0.5)
                for seed in ("init", "items", "data", "eval"):
                    self.assertTrue(0 <= keys[f"seed.{seed}"] < 2**53)
            again = self.folder / f"{name}_again.toml"
            again.write_text(text)
            run(ICL, "train", again, "--dry-run")

    def test_text_is_what_silx_and_octave_read(self):
        for path in self.all:
            with h5py.File(path, "r") as file:
                self.assertIsInstance(file[file.attrs["default"]].attrs["title"], str)  # silx shows bytes as b'...'
                kind = h5py.check_string_dtype(file["config/toml"].dtype)
                self.assertEqual(kind.encoding, "ascii")  # Octave's load takes no UTF-8
                self.assertIsNotNone(kind.length)

    def test_metrics_follow_nexus_and_say_when_icl_was_acquired(self):
        acquired = set()
        for path in self.runs.values():
            with h5py.File(path, "r") as file:
                metrics = file["metrics"]
                self.assertTrue({"step", *METRICS} <= set(metrics))
                self.assertEqual(scalar(metrics.attrs["signal"]), "icl_accuracy")
                self.assertEqual(scalar(metrics.attrs["auxiliary_signals"]), ["iwl_accuracy", "train_accuracy"])
                self.assertEqual(scalar(metrics.attrs["axes"]), "step")
                np.testing.assert_array_equal(metrics["step"], np.arange(0, 251, 25))
                for name, units in METRICS.items():
                    self.assertEqual(scalar(metrics[name].attrs["units"]), units)
                above = metrics["step"][:][metrics["icl_accuracy"][:] > 0.95]
                self.assertEqual(metrics.attrs.get("t_icl_step"), above[0] if len(above) else None)
                acquired.add(len(above) > 0)
        self.assertIn(True, acquired, "no run acquired ICL: the test's settings have become too hard")

    def test_only_a_finite_run_has_in_weights_learning(self):
        for name, path in self.runs.items():
            with h5py.File(path, "r") as file:
                missing = [np.isnan(file["metrics"][key][:]) for key in ("iwl_loss", "iwl_accuracy")]
                self.assertTrue(np.all(missing) if name == "infinite" else not np.any(missing))

    def test_snapshots_carry_the_names_of_the_torch_state_dict(self):
        X, H = 12, 24
        shapes = {"to_embedding.0.weight": (X,), "to_embedding.0.bias": (X,), "qkv.weight": (3 * X, X),
                  "mlp.0.weight": (H, X), "mlp.0.bias": (H,), "mlp.2.weight": (H, H), "mlp.2.bias": (H,),
                  "mlp.4.weight": (1, H), "mlp.4.bias": (1,)}
        for path in self.runs.values():
            with h5py.File(path, "r") as file:
                snapshots = file["snapshots"]
                found = {scalar(item.attrs["torch_name"]): item.shape[1:] for item in snapshots.values()
                         if "torch_name" in item.attrs}
                self.assertEqual(found, shapes)
                self.assertEqual((snapshots["step"][0], snapshots["step"][-1]), (0, 250))

    def test_provenance_says_where_a_run_comes_from(self):
        with h5py.File(self.runs["finite"], "r") as file:
            self.assertLess({"program", "commit", "compiler", "blas", "blas_kernel_set", "cpu", "host", "threads",
                             "command_line", "time_started", "wall_seconds"},
                            set(file["provenance/stretches"].dtype.names))


class DataTest(Files):
    def test_sequences_are_made_of_the_exported_items(self):
        with h5py.File(self.data["finite"], "r") as file:
            for group, table in (("batches", "items"), ("icl_evaluation", "novel_items"), ("iwl_evaluation", "items")):
                item, label = file[group]["item"][:], file[group]["label"][:]
                np.testing.assert_array_equal(file[group]["x"][:], file[table]["x"][:][item])
                np.testing.assert_array_equal(label[..., :-1], file[table]["label"][:][item[..., :-1]])
                self.assertFalse(label[..., -1].any())
                np.testing.assert_array_equal(file[group]["answer"][:], file[table]["label"][:][item[..., -1]])
            self.assertEqual(file["items/label"][:].sum(), 0)
            np.testing.assert_array_equal(file["items/label"][:], file["novel_items/label"][:])

    def test_the_target_has_a_copy_in_training_and_icl_and_none_in_iwl(self):
        for name, path in self.data.items():
            with h5py.File(path, "r") as file:
                self.assertEqual("iwl_evaluation" in file, name == "finite")
                for group in set(file) & {"batches", "icl_evaluation", "iwl_evaluation"}:
                    x = file[group]["x"][:]
                    same = (x[..., :-1, :] == x[..., -1:, :]).all(axis=-1)
                    np.testing.assert_array_equal(same.any(axis=-1), group != "iwl_evaluation")
                    answer = np.where(same, file[group]["label"][:][..., :-1], 0)
                    if group != "iwl_evaluation":
                        np.testing.assert_array_equal(np.sign(answer.sum(axis=-1)), file[group]["answer"][:])


def logits(parameters, x, label):
    """System S1 (Nguyen & Reddy 2024): x [B, N, D] and label [B, N], +1, -1 or 0, give z [B]."""
    onehot = np.stack([label == -1, label == 1], axis=-1)
    tokens = np.concatenate([x, onehot], axis=-1).astype(np.float64)  # [B, N, X]
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    t = parameters["to_embedding.0.weight"] * normed + parameters["to_embedding.0.bias"]
    query, key, value = (t @ w.T for w in np.split(parameters["qkv.weight"], 3))
    score = np.einsum("bi,bji->bj", query[:, -1], key)
    weight = np.exp(score - score.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    h = t[:, -1] + np.einsum("bj,bji->bi", weight, value)
    for layer in ("mlp.0", "mlp.2"):
        h = np.maximum(h @ parameters[f"{layer}.weight"].T + parameters[f"{layer}.bias"], 0)
    return (h @ parameters["mlp.4.weight"].T + parameters["mlp.4.bias"])[:, 0]


class NumpyTest(Files):
    def test_recorded_metrics_are_those_of_the_snapshots_in_numpy(self):
        compared = 0
        for name, kind in (("finite", "icl"), ("finite", "iwl"), ("infinite", "icl")):
            with h5py.File(self.runs[name], "r") as file, h5py.File(self.data[name], "r") as data:
                group = data[f"{kind}_evaluation"]
                for i, step in enumerate(group["step"][:]):
                    with self.subTest(run=name, kind=kind, step=int(step)):
                        at = list(file["snapshots/step"][:]).index(step)
                        parameters = {scalar(item.attrs["torch_name"]): item[at].astype(np.float64)
                                      for item in file["snapshots"].values() if "torch_name" in item.attrs}
                        row = list(file["metrics/step"][:]).index(step)
                        self.check(logits(parameters, group["x"][i], group["label"][i]), group["answer"][i],
                                   file[f"metrics/{kind}_loss"][row], file[f"metrics/{kind}_accuracy"][row])
                        compared += 1
        self.assertGreaterEqual(compared, 6)

    def check(self, z, answer, loss, accuracy):
        self.assertAlmostEqual(np.logaddexp(0, -answer * z).mean() / loss, 1, delta=1e-5)
        borderline = np.count_nonzero(np.abs(z) < 1e-4)
        correct = np.count_nonzero(z * answer > 0)
        self.assertLessEqual(abs(correct - accuracy * len(z)), borderline + 1e-9)


if __name__ == "__main__":
    main()
