"""icl_lab.check, by torch's modules in float64, of every golden case at its full number of snapshots and of the runs in data/paper; prints the worst of each.

usage: golden_runs_test.py ICL PROJECT      with src/python in PYTHONPATH; needs torch
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import icl_lab
from icl_lab import torch_model
from wrong import IN_TORCH, planted

LENGTH = {"train.epochs": 50, "train.steps_per_epoch": 20, "record.snapshots": 0, "record.snapshot_every": 20, "probe.sequences": 0, "eval.sequences": 500}


def golden_runs(icl, project, folder):
    """Each case of make_golden.py, trained for a thousand steps."""
    sys.path.insert(0, str(Path(project) / "data/golden"))
    from make_golden import CASES  # pylint: disable=import-outside-toplevel,import-error
    for case, settings in CASES.items():
        config, run = Path(folder) / f"{case}.toml", Path(folder) / f"{case}.h5"
        config.write_text("".join(f"{key} = {value}\n" for key, value in (settings | LENGTH).items()))
        subprocess.run([icl, "train", config, "--out", run, "--quiet"], check=True)
        yield case, icl_lab.open(run)


def report(name, run):
    found = icl_lab.check(run, lambda step: run.model(step, "float64"))
    steps = {one.step for one in found}
    if steps != set(run.snapshots):
        sys.exit(f"{name}: snapshots {sorted(set(run.snapshots) - steps)} were not compared")
    worst = max(found, key=lambda one: abs(one.found - one.recorded) / one.bound)
    print(f"{name:<18} {run.system:<12} {len(steps):>3} snapshots, {len(found):>3} losses: off by {abs(worst.found - worst.recorded):.1e} of {worst.bound:.1e} at worst "
          f"(step {worst.step}, {worst.kind})", flush=True)
    return found


def main(icl, project):
    os.environ["ICL_PROGRAM"] = os.path.abspath(icl)
    with tempfile.TemporaryDirectory(prefix="icl-golden-") as folder:
        runs = dict(golden_runs(icl, project, folder))
        runs |= {f"paper/{path.stem}": icl_lab.open(path) for path in sorted((Path(project) / "data/paper").glob("*.h5"))}
        for name, run in runs.items():
            report(name, run)
        for name in ("plain", "paper/K1000_s0", "paper/K100000_s0"):
            for mistake, edits in IN_TORCH.items():
                with mock.patch.object(torch_model.OneLayer, "forward", planted(torch_model.OneLayer.forward, edits)):
                    try:
                        report(name, runs[name])
                        sys.exit(f"{name}: not refused: {mistake}")
                    except icl_lab.Disagrees as error:
                        print(f"{name}, {mistake}: {str(error).partition(': ')[2]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
