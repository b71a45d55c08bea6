"""The ways of four runs through the space of functions: joint principal components of their logits on the same sequences.

usage: paths.py SWEEP PICTURE
"""

import sys

import icl_lab
from icl_lab import plot

runs = icl_lab.open_all(sys.argv[1])
memorised = next(run for run in runs if not run.acquired)
icl, iwl = (memorised.loader(kind, 0)[:256] for kind in ("icl", "iwl"))
found = icl_lab.trajectory(runs, icl_lab.concatenate([icl, iwl]))
figure, (left, right) = plot.figure(columns=2, height=3.0, panels=2)
for run, steps, points in zip(runs, found.steps, found.points):
    colour = plot.BLUE if run.acquired else plot.VERMILION
    left.plot(*points.T, color=colour, marker=".", markersize=3, linewidth=0.9, label=f"K = {run.settings['data.K']:,.0f}")
    if run.acquired:
        left.plot(*points[steps.index(run.t_icl)], "o", color=colour, markerfacecolor="white", zorder=4)
    print(f"K = {run.settings['data.K']:.0f}, seed {run.settings['train.seed']}: ends at {points[-1].round(2)}")
left.set(xlabel=f"component 1 ({found.share[0]:.0%})", ylabel=f"component 2 ({found.share[1]:.0%})", title="ring: t_ICL")
left.legend(*(part[::2] for part in left.get_legend_handles_labels()))
for batch, along, colour, name in ((icl, found.directions[:, :len(icl)], plot.BLUE, "novel items, copy"), (iwl, found.directions[:, len(icl):], plot.VERMILION, "memorised items, no copy")):
    right.plot(*(along * batch.answer * found.directions.shape[1] ** 0.5), ".", color=colour, markersize=2, alpha=0.6, label=name)
right.set(xlabel="along component 1", ylabel="along component 2", title="logit x answer, a dot a sequence")
plot.legend_over(right, markerscale=3, loc="upper left")
plot.letters(left, right)
plot.save_one(figure, sys.argv[2], title="Ways through the space of functions", caption="Two runs of few items, two of many.")
