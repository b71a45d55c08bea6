#!/usr/bin/python3
"""Other people's readers against icl's files: each opens a run, a merged sweep, a landscape and an export, and reads in each
what h5py reads there. Prints a table, which must be the one in data/README.md (but for the versions).

usage: readers.py ICL PROJECT [READER...]    some readers only: no comparison with data/README.md
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import commands
import in_python
import scripts
from files import KINDS, PLOTS, PROBES, by_h5py, by_icl, make


class Reader:
    """`read` of a path and a probe; `plot`, of a path and a Plot, lists what is wrong. `lacks`: what the reader has no
    notion of, in words, by the notions of probes; that is then seen to be so."""

    def __init__(self, name, package, read=None, plot=None, lacks=None):
        self.name, self.package, self.read, self.plot, self.lacks = name, package, read, plot, lacks or {}

    def version(self):
        """Of Debian's package, or of npm's where it is installed."""
        described = MODULES / "node_modules" / self.package / "package.json"
        if described.exists():
            return json.loads(described.read_text(encoding="utf-8"))["version"]
        said = subprocess.run(["dpkg-query", "-W", "-f=${Version}", self.package], capture_output=True, text=True, timeout=60, check=False)
        found = re.search(r"^(\d+:)?(\d+(\.\d+)+)", said.stdout)
        return found.group(2) if found else "?"

    def check(self, path, kind):
        """The table's cell, and what is wrong."""
        wrong, missing = [], []
        for probe in PROBES[kind] if self.read else ():
            expected = by_h5py(path, probe)
            try:
                found = self.read(path, probe)
            except Exception as error:  # noqa: BLE001 (whatever a reader chokes on)
                found = f"{type(error).__name__}: {error}"
            if found == expected:
                continue
            if probe.notion in self.lacks:
                missing.append(self.lacks[probe.notion])
            else:
                wrong.append(f"{probe.path} {probe.name}: {found!r:.400}, h5py has {expected!r:.200}")
        if self.plot:
            wrong += self.plot(path, PLOTS[kind])
        what = ", ".join(dict.fromkeys(missing))
        good = f"all but {what}" if missing else "all" if self.read else ""
        cell = "wrong" if wrong else " and ".join(filter(None, (good, "the plot" if self.plot else "")))
        return cell, wrong


MODULES = Path(__file__).resolve().parents[2] / "build" / "readers"  # where npm installs
NETCDF = {"column": "tables"}
ATTRIBUTES = {"attribute": "attributes", "title": "attributes"}
NCDF4 = NETCDF | dict.fromkeys(("attribute", "title"), "attributes of groups")
PANDAS = ATTRIBUTES | {"text": "text"}
READERS = (
    Reader("pandas, over h5py", "python3-pandas", in_python.with_pandas, lacks=PANDAS),
    Reader("xarray", "python3-xarray", in_python.with_xarray(None), lacks=NETCDF),
    Reader("xarray, engine h5netcdf", "python3-h5netcdf", in_python.with_xarray("h5netcdf")),
    Reader("xarray, engine netcdf4", "python3-netcdf4", in_python.with_xarray("netcdf4"), lacks=NETCDF),
    Reader("xarray, open_mfdataset", "python3-dask", in_python.with_dask, lacks=NETCDF),
    Reader("ncdump", "netcdf-bin", commands.with_ncdump, lacks=NETCDF),
    Reader("NCO (ncks)", "nco", commands.with_nco, lacks=NETCDF),
    Reader("R, hdf5r", "r-cran-hdf5r", scripts.with_r("hdf5r")),
    Reader("R, rhdf5", "r-bioc-rhdf5", scripts.with_r("rhdf5")),
    Reader("R, ncdf4", "r-cran-ncdf4", scripts.with_r("ncdf4"), lacks=NCDF4),
    Reader("Octave, load", "octave", scripts.with_octave("load"), lacks=NETCDF | ATTRIBUTES),
    Reader("Octave, ncread", "octave-netcdf", scripts.with_octave("ncread"),
           lacks=NETCDF | {"title": "titles", "text": "text"}),
    Reader("h5wasm", "h5wasm", scripts.with_node(MODULES, "h5wasm")),
    Reader("jsfive", "jsfive", scripts.with_node(MODULES, "jsfive"), lacks=NETCDF),
    Reader("H5Web in Chromium", "@h5web/app", plot=scripts.plot_of_h5web(MODULES)),
    Reader("silx", "python3-silx", in_python.with_silx, in_python.plot_of_silx),
)


def table_of(rows):
    """The table in Markdown."""
    lines = [("reader", "version", *KINDS), ("---",) * (2 + len(KINDS)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def stored_rows(page):
    """The rows of the table in data/README.md, without versions."""
    section = page.split("## What opens them", 1)[-1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines() if line.startswith("|")]
    return [(row[0], *row[2:]) for row in rows[2:]]


def main(icl, project, *chosen):
    rows, bad = [], []
    with tempfile.TemporaryDirectory(prefix="icl-readers-") as folder:
        files = make(Path(icl).resolve(), folder)
        for kind, number in by_icl(icl, files).items():
            probe = next(p for p in PROBES[kind] if p.last == "icl_accuracy")
            if by_h5py(files[kind], probe) != number:
                bad.append(f"h5py, {kind}: {by_h5py(files[kind], probe)}, icl says {number}")
        rows.append(("h5py", Reader("h5py", "python3-h5py").version(), *["all"] * len(KINDS)))
        for reader in READERS:
            if chosen and reader.name not in chosen:
                continue
            cells = []
            for kind in KINDS:
                cell, wrong = reader.check(files[kind], kind)
                cells.append(cell)
                bad += [f"{reader.name}, {kind}: {what}" for what in wrong]
            rows.append((reader.name, reader.version(), *cells))
    print(table_of(rows))
    if not chosen:
        stored = stored_rows((Path(project) / "data" / "README.md").read_text(encoding="utf-8"))
        found = [(row[0], *row[2:]) for row in rows]
        bad += [f"data/README.md has {row}, found {now}" for row, now in zip(stored, found) if row != now]
        if len(stored) != len(found):
            bad.append(f"data/README.md has {len(stored)} readers, tried {len(found)}")
    if bad:
        sys.exit("readers: " + "\nreaders: ".join(bad))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
