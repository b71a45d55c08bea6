"""Singular values of QK between items, before, at and after the transition.

usage: spectrum.py SWEEP PICTURE
"""

import sys

import icl_lab
import numpy as np
from icl_lab import plot

runs = icl_lab.open_all(sys.argv[1])
run = next(run for run in runs if run.acquired)
figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
circuits = [icl_lab.circuits(run.numpy_model(step))[0] for step in run.snapshots]
values = np.array([np.linalg.svd(circuit.QK_items, compute_uv=False) for circuit in circuits])
for column, colour in zip(values.T, plot.ordered_colours(values.shape[1])):
    left.plot(run.snapshots, column, color=colour, linewidth=0.6)
left.axvline(run.t_icl, color=plot.GREY, linewidth=0.8)
left.set(xlabel="training (steps)", ylabel="singular values of QK, items", title="line: t_ICL", ylim=(0, None))
for other in runs:
    aligned = [icl_lab.circuits(other.numpy_model(step))[0].identity_alignment for step in other.snapshots]
    middle.plot(other.snapshots, aligned, color=plot.BLUE if other.acquired else plot.VERMILION, label=f"K = {other.settings['data.K']:,.0f}")
middle.set(xlabel="training (steps)", ylabel="alignment with the identity", title="all runs")
middle.legend(*(part[::2] for part in middle.get_legend_handles_labels()))
at = run.snapshots.index(run.t_icl)
largest = np.abs(circuits[at].QK_items).max()
image = right.imshow(circuits[at].QK_items, cmap="RdBu", vmin=-largest, vmax=largest)
right.set(title=f"QK at step {run.t_icl}", xlabel="token's item", ylabel="target's item")
right.grid(False)
figure.colorbar(image, ax=right, aspect=30)
plot.letters(left, middle, right)
plot.save_one(figure, sys.argv[2], title="Spectrum of QK", caption="A run that acquired ICL, and others beside it.")
for name, step in (("start", 0), ("t_ICL", at), ("end", -1)):
    print(f"{name}: largest singular value {values[step, 0]:.2f}, smallest {values[step, -1]:.2f}, alignment {circuits[step].identity_alignment:.2f}")
