"""Readers in Python. Each is a function of a file's path and a probe, and returns a float or text."""

import os
import warnings

import h5py
import numpy as np
import pandas as pd
import xarray as xr

import netCDF4  # noqa: F401 (here, so that what it says on loading is no warning of ours)  # isort: skip

from files import text_of


def plain(value):
    """A scalar of any reader as a float or text."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    value = text_of(value)
    return str(value).rstrip("\0") if isinstance(value, str) else float(value)


def with_pandas(path, probe):
    """Tables as a DataFrame, arrays as a Series over their axes; attributes have no place in pandas."""
    with h5py.File(path) as file:
        if probe.what == "column":
            table = pd.DataFrame(file[probe.path][:])
            return plain(table[probe.name].iloc[probe.index[0]])
        if probe.what == "value":
            data = file[probe.path]
            if h5py.h5ds.is_scale(data.id):
                return plain(pd.Index(data[:])[probe.index[0]])
            axes = pd.MultiIndex.from_product([d[0][:] for d in data.dims])
            series = pd.Series(data[:].reshape(-1), index=axes)
            return plain(series.loc[tuple(d[0][i] for d, i in zip(data.dims, probe.index))])
    raise LookupError("no such thing in pandas")


def with_xarray(engine):
    def read(path, probe):
        group = probe.path if probe.what == "attribute" else probe.group
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with xr.open_dataset(path, group=group, engine=engine) as dataset:
                return from_dataset(dataset, probe)
    return read


def from_dataset(dataset, probe):
    if probe.what == "attribute":
        return plain(dataset.attrs[probe.name])
    if probe.what == "column":
        return plain(dataset[probe.last].values[probe.name][probe.index[0]])
    return plain(dataset[probe.last].values[probe.index])


def with_dask(path, probe):
    """open_mfdataset: the runs of a sweep joined over their K and seed, which preprocess has from /metrics; else a file."""
    group = probe.path if probe.what == "attribute" else probe.group
    runs = sorted((path.parent / "results").glob("**/*.h5")) if group == "/metrics" and path.stem == "run" else []

    def place(dataset):
        return dataset.expand_dims({name: [float(dataset.attrs[name])] for name in ("K", "seed")})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xr.open_mfdataset(runs or [path], group=group, preprocess=place if runs else None, combine="by_coords",
                               combine_attrs="override") as dataset:
            if not runs:
                return from_dataset(dataset, probe)
            if dict(dataset.sizes) != {"K": 2, "seed": 2, "step": 11}:
                raise AssertionError(f"joined as {dict(dataset.sizes)}")
            if probe.what == "attribute":
                return float(dataset[probe.name].values[0]) if probe.name in dataset.coords else from_dataset(dataset, probe)
            series = dataset[probe.last]
            return plain((series.sel(K=16, seed=0) if "K" in series.dims else series).values[probe.index])


def with_silx(path, probe):
    """Through silx.io, which silx view opens files with."""
    import silx.io

    with silx.io.open(str(path)) as file:
        if probe.what == "attribute":
            return plain(file[probe.path].attrs[probe.name])
        if probe.what == "column":
            return plain(file[probe.path][probe.name][probe.index])
        return plain(file[probe.path][probe.index])


def plot_of_silx(path, plot):
    """The default plot: what silx's NXdata parser finds, and what its plot shows (no window needed). Lists what is wrong."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["XDG_RUNTIME_DIR"] = str(path.parent)
    import silx.io
    from silx.gui import qt
    from silx.gui.data.DataViewer import DataViewer
    from silx.gui.plot import PlotWidget
    from silx.io import nxdata

    application = qt.QApplication.instance() or qt.QApplication([])
    with silx.io.open(str(path)) as file:
        found = nxdata.get_default(file)
        if found is None or not found.is_valid:
            return [f"NXdata: {found.issues if found else 'none'}"]
        wrong = []
        if plain(found.signal[plot.signal.index]) != with_silx(path, plot.signal):
            wrong.append("the signal is another one")
        if tuple(found.axes_dataset_names) != plot.axes:
            wrong.append(f"its axes are {found.axes_dataset_names}")
        viewer = DataViewer()
        viewer.setData(file)
        application.processEvents()
        shown = [text for widget in viewer.findChildren(PlotWidget) if widget.isVisibleTo(viewer)
                 for text in (widget.getGraphTitle(), widget.getGraphXLabel(), widget.getGraphYLabel())]
        wrong += [f"{text!r} is not shown, but {shown}" for text in (plot.title, *plot.labels) if text not in shown]
        viewer.close()
    return wrong
