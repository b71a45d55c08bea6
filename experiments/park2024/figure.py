"""Park et al. 2024: which of four algorithms the answers are nearest to, over the number of chains and the steps of training."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from icl_lab import plot, stats

ALGORITHMS = (("unigram_retrieval", "unigram retrieval", plot.ORANGE), ("bigram_retrieval", "bigram retrieval", plot.VERMILION),
              ("unigram_inference", "unigram inference", plot.SKY), ("bigram_inference", "bigram inference", plot.BLUE))
UNIGRAMS, RETRIEVAL, INFERENCE = (0, 2), 1, 3  #: among them, the last two of bigrams


def distances(sweep):
    """How far the answers on fresh chains are from each algorithm [algorithm, run, step], in nats."""
    return np.stack([sweep.series(f"icl_{name}_distance") for name, _, _ in ALGORITHMS])


def share_of_inference(found):
    """d / (d + b), d and b the distances to bigram retrieval and to bigram inference: 0 is retrieval, 1 is inference."""
    return found[RETRIEVAL] / (found[RETRIEVAL] + found[INFERENCE])


def visits_unigram(found):
    """Of each run, whether a unigram algorithm is the nearest at some evaluation, at less than half of its distance from the initial network."""
    unigrams = found[list(UNIGRAMS)].min(axis=0)
    nearest = unigrams <= found.min(axis=0)
    return (nearest & (unigrams < unigrams[:, :1] / 2)).any(axis=1)


def turns(found):
    """Of each run, whether bigram inference is the nearest at some evaluation, and bigram retrieval at the end."""
    nearest = found.argmin(axis=0)
    return (nearest == INFERENCE).any(axis=1) & (nearest[:, -1] == RETRIEVAL)


def analyse(item):
    K, found = item.sweep.column("data.K").astype(float), distances(item.sweep)
    places, end = np.unique(K), share_of_inference(found)[:, -1]
    quantities = {f"inference_share_at_{int(k)}": stats.shares.mean(end[K == k], within=(0, 1)) for k in places}
    quantities["threshold"] = stats.crossing(K, end, seed=item.seed)
    visited, turned = visits_unigram(found), turns(found)
    quantities["share_through_unigrams"] = stats.share(int(visited.sum()), len(K))
    most = max(places, key=lambda k: turned[K == k].mean())
    quantities["share_that_turns"] = stats.share(int(turned[K == most].sum()), int((K == most).sum()))
    last = K == K.max()
    quantities["excess_loss_at_largest_K"] = stats.shares.mean(
        (item.sweep.runs["final_icl_loss"] - item.sweep.runs["final_icl_bigram_inference_loss"])[last])
    return quantities


def edges(places):
    """Borders between places of a logarithmic axis."""
    x = np.log(places)
    if x.size == 1:
        return np.exp([x[0] - 0.5, x[0] + 0.5])
    middles = (x[1:] + x[:-1]) / 2
    return np.exp(np.concatenate([[2 * x[0] - middles[0]], middles, [2 * x[-1] - middles[-1]]]))


def draw_phases(axes, steps, K, found):
    places, later = np.unique(K), steps > 0
    nearest = np.array([found[:, K == k].mean(axis=1).argmin(axis=0) for k in places])
    axes.pcolormesh(edges(steps[later]), edges(places), nearest[:, later], cmap=ListedColormap([colour for _, _, colour in ALGORITHMS]), vmin=-0.5, vmax=3.5,
                    rasterized=True)
    axes.set_xscale("log")
    axes.set_yscale("log", base=2)
    axes.grid(False)
    axes.set_xlabel("training (steps)")
    axes.set_ylabel("chains K")
    axes.set_title("nearest on fresh chains")
    axes.legend(handles=[Patch(color=colour, label=label) for _, label, colour in ALGORITHMS], loc="upper left", facecolor="white", frameon=True, framealpha=0.9,
                edgecolor="none", fontsize=5)


def draw_run(axes, steps, K, found, k):
    for (_, label, colour), of_all in zip(ALGORITHMS, found):
        axes.plot(steps[steps > 0], of_all[K == k].mean(axis=0)[steps > 0], color=colour, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("training (steps)")
    axes.set_ylabel("distance of the answers (nat)")
    axes.set_title(f"K = {int(k)}, fresh chains")


def draw(item, quantities):
    sweep, K = item.sweep, item.sweep.column("data.K").astype(float)
    steps, found = np.asarray(sweep.steps, dtype=float), distances(sweep)
    places, share = np.unique(K), share_of_inference(found)
    figure, axes = plot.figure(columns=2, height=4.4, rows=2, panels=2)
    (phases, ends), (few, many) = axes
    draw_phases(phases, steps, K, found)
    for fraction, colour in ((0.1, plot.GREY), (0.3, plot.SKY), (1.0, plot.BLACK)):
        at = int(np.abs(steps - fraction * steps[-1]).argmin())
        ends.plot(K, share[:, at], "o", color=colour, alpha=0.4, markersize=2.6, markeredgewidth=0)
        ends.plot(places, [share[K == k, at].mean() for k in places], color=colour, label=f"step {int(steps[at]):,}")
    ends.axhline(0.5, color=plot.GREY, linewidth=0.6, linestyle=(0, (1, 2)))
    ends.set_xscale("log", base=2)
    ends.set_ylim(0, 1)
    ends.set_xlabel("chains K")
    ends.set_ylabel("share of bigram inference")
    ends.set_title("0: bigram retrieval, 1: bigram inference")
    ends.legend(loc="upper left")
    draw_run(few, steps, K, found, places[len(places) // 2])
    draw_run(many, steps, K, found, places[-1])
    plot.letters(phases, ends, few, many)
    return figure
