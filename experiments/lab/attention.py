"""How much of the target's attention goes to the copies of its item, over training.

usage: attention.py SWEEP PICTURE
"""

import sys

import icl_lab
from icl_lab import plot

runs = icl_lab.open_all(sys.argv[1])
figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
for run in runs:
    colour = plot.BLUE if run.acquired else plot.VERMILION
    batch = run.loader("icl", 0)  # the same novel sequences for all steps
    on_copies, accuracy = [], []
    for step in run.snapshots:
        logits, cache = run.run_with_cache(step, batch, "blocks.0.attn.hook_pattern")
        on_copies.append((cache["blocks.0.attn.hook_pattern"] * batch.copy).sum(1).mean())
        accuracy.append(batch.accuracy(logits))
    left.plot(run.snapshots, on_copies, color=colour)
    right.plot(run.snapshots, accuracy, color=colour, label=f"K = {run.settings['data.K']:,.0f}")
    print(f"K = {run.settings['data.K']:.0f}, seed {run.settings['train.seed']}: t_ICL {run.t_icl}, attention on copies {on_copies[0]:.3f} to {on_copies[-1]:.3f}")
plot.chance_line(left, batch.copy.sum(1).mean() / batch.copy.shape[1])
left.set(xlabel="training (steps)", ylabel="attention on the copies", title="dotted: equal attention", ylim=(0, 1))
plot.accuracy_axis(right, "accuracy on the same sequences")
right.set(xlabel="training (steps)", title="novel items")
right.legend(*(part[::2] for part in right.get_legend_handles_labels()))
plot.letters(left, right)
plot.save_one(figure, sys.argv[2], title="Attention on the copy", caption="Runs of few and of many items.")
