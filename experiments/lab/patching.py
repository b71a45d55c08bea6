"""The attention pattern of a run that generalised, put into one that memorised, and the other way round, at each step of training.

usage: patching.py SWEEP PICTURE
"""

import sys

import icl_lab
from icl_lab import plot

runs = icl_lab.open_all(sys.argv[1])
memorised, generalised = (next(run for run in runs if run.acquired == acquired) for acquired in (False, True))
figure, panels = plot.figure(columns=2, height=2.4, panels=2)
for panel, kind, title in zip(panels, ("icl", "iwl"), ("novel items", "the memoriser's items, no copy")):
    batch = memorised.loader(kind, memorised.snapshots[-1])
    for own, other, colour, name in ((generalised, memorised, plot.BLUE, "generaliser"), (memorised, generalised, plot.VERMILION, "memoriser")):
        steps = sorted(set(own.snapshots) & set(other.snapshots))
        alone, patched = [], []
        for step in steps:
            found = icl_lab.patch(own.numpy_model(step), batch, batch, ["blocks.0.attn.hook_pattern"], source=other.numpy_model(step))
            alone.append(batch.accuracy(found.clean))
            patched.append(batch.accuracy(found.patched))
        panel.plot(steps, alone, color=colour, label=name)
        panel.plot(steps, patched, color=colour, linestyle=(0, (3, 2)), label=f"{name}, other's pattern")
        print(f"{kind.upper()} accuracy of the {name}: {alone[-1]:.3f}; with the pattern of the other: {patched[-1]:.3f}")
    plot.accuracy_axis(panel)
    panel.set(xlabel="training (steps)", title=title)
panels[0].legend(loc="center left", bbox_to_anchor=(0, 0.72))
plot.letters(*panels)
plot.save_one(figure, sys.argv[2], title="Patched attention", caption="One run of few items and one of many.")
