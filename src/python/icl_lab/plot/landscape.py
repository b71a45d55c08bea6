"""The averaged loss over (w, beta), with its flow, and the ways of runs over it."""

import matplotlib.pyplot as plt
import numpy as np

from .style import GREEN, SKY

LEVELS = 24


def landscape_panel(axes, land, edges=None):
    """L(w, beta) in grey, lines of steepest descent, the w-nullcline of the expanded flow. land: arrays w [n], beta [m], loss and its two
    derivatives [n, m], nullcline [m]; edges: (first w, last w, first beta, last beta), by default all there is."""
    filled = axes.contourf(land["w"], land["beta"], land["loss"].T, LEVELS, cmap="Greys", alpha=0.7, zorder=-1)
    axes.set_rasterization_zorder(0)  # what lies below 0: the sets of contours of newer matplotlibs have no set_rasterized
    bar = axes.figure.colorbar(filled, ax=axes, aspect=30, pad=0.02)
    bar.set_label("averaged loss (nat)")
    axes.streamplot(land["w"], land["beta"], -land["dloss_dw"].T, -land["dloss_dbeta"].T, color=SKY, linewidth=0.4, density=0.9, arrowsize=0.5)
    axes.plot(land["nullcline"], land["beta"], color=GREEN, linewidth=1, label="nullcline, dw/dt = 0")
    first_w, last_w, first_beta, last_beta = edges or (land["w"][0], land["w"][-1], land["beta"][0], land["beta"][-1])
    axes.set_xlim(first_w, last_w)
    axes.set_ylim(first_beta, last_beta)
    axes.grid(False)
    axes.set_xlabel("readout w")
    axes.set_ylabel("attention beta (nat)")


def legend_over(axes, **keywords):
    """A legend that stays legible over a filled panel."""
    axes.legend(facecolor="white", frameon=True, framealpha=0.9, edgecolor="none", **keywords)


def heat_map(axes, x, y, values, label, limits=None, logs=(True, True)):
    """values [len(y), len(x)] as cells about the places x and y (geometric middles between them on logarithmic axes), with a colour bar."""
    edges = [_edges(np.asarray(places, dtype=float), log) for places, log in zip((x, y), logs)]
    mesh = axes.pcolormesh(*edges, values, cmap="cividis", vmin=limits and limits[0], vmax=limits and limits[1], rasterized=True)
    for log, scale in zip(logs, (axes.set_xscale, axes.set_yscale)):
        if log:
            scale("log")
    axes.grid(False)
    bar = plt.colorbar(mesh, ax=axes, aspect=30, pad=0.02)
    bar.set_label(label)
    return mesh


def _edges(places, log):
    """Borders between places, and one beyond each end."""
    if log:
        return np.exp(_edges(np.log(places), False))
    if places.size == 1:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middles = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middles[0]], middles, [2 * places[-1] - middles[-1]]])
