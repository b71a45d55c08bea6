#!/usr/bin/python3
"""Figure 5: c1 against time for each K, and I_K against K with its exponent nu. Reads the merged file alone.

usage: plot.py MERGED.h5 [PICTURE.png]     prints the tables of README.md, and draws
"""

import sys

import h5py
import numpy

BOOTSTRAPS = 2000


def series(merged):
    """K, seed, t, c1(t) of each run, t = learning rate x step."""
    with h5py.File(merged) as file:
        metrics, rate = file["metrics"], None
        text = file["config/toml"].asstr()[()]
        rate = float(text.split("learning_rate = ")[1].split()[0])
        steps = metrics["step"][:]
        for run, (K, seed) in enumerate(zip(metrics["data.K"][:], metrics["seed"][:])):
            c1, c2 = metrics["c1"][run], metrics["c2"][run]
            seen = numpy.isfinite(c1)
            yield int(K), int(seed), rate * steps[seen], c1[seen], c2[seen]


def integral(t, c1):
    return float(numpy.sum((t[1:] - t[:-1]) * (c1[1:] + c1[:-1]) / 2))


def tail(t, c1):
    """What is missed beyond the end of the run, if c1 goes on falling as the power of t of its last decade of c1 does."""
    late = c1 < 10 * c1[-1]
    power = -numpy.polyfit(numpy.log(t[late]), numpy.log(c1[late]), 1)[0]
    return (c1[-1] * t[-1] / (power - 1), power) if power > 1 else (numpy.inf, power)


def slowest_tail(t, c1):
    """The same if c1 slowed down at once to the slowest fall there can be. The margins of a network that is homogeneous of degree L and separates its
    data grow so slowly in the end that its loss, and with it c1, falls as 1 / (t (ln t)^(2 - 2/L)) (Lyu & Li 2020): here L = 3, and the integral of
    c1(T) (T/t) (ln T / ln t)^(4/3) from T on is 3 c1(T) T ln T."""
    return 3 * c1[-1] * t[-1] * numpy.log(t[-1])


def exponent(K, I):
    return numpy.polyfit(numpy.log(K), numpy.log(I), 1)[0]


def bootstrap(table, rng, smallest=0, largest=numpy.inf):
    """nu of all runs, and its interval of 95 % over resampled seeds within each K."""
    chosen = {K: numpy.array(values) for K, values in table.items() if smallest <= K <= largest}
    draw = lambda pick: exponent(*numpy.array([(K, i) for K, v in chosen.items() for i in pick(v)]).T)
    nu = [draw(lambda v: rng.choice(v, len(v))) for _ in range(BOOTSTRAPS)]
    return draw(lambda v: v), *numpy.percentile(nu, [2.5, 97.5])


def within(t, c1, horizon):
    """I_K if the run had ended when c1 first was below `horizon`."""
    below = numpy.nonzero(c1 < horizon)[0]
    end = below[0] + 1 if len(below) else len(c1)
    return integral(t[:end], c1[:end])


def main():
    merged = sys.argv[1]
    picture = sys.argv[2] if len(sys.argv) > 2 else merged.replace(".h5", ".png")
    runs = list(series(merged))
    table, tails, most = {}, {}, {}
    for K, _, t, c1, _ in runs:
        table.setdefault(K, []).append(integral(t, c1))
        tails.setdefault(K, []).append(tail(t, c1))
        most.setdefault(K, []).append(slowest_tail(t, c1))
    print("| K | runs | I_K mean | spread | tail beyond the end, share of I_K (largest) | and at most | c1 falls as t^-x, x | slope to the next K |")
    print("|---|---|---|---|---|---|---|---|")
    keys = sorted(table)
    for K, following in zip(keys, keys[1:] + [None]):
        values = numpy.array(table[K])
        slope = "" if following is None else \
            f"{numpy.log(numpy.mean(table[following]) / values.mean()) / numpy.log(following / K):.3f}"
        share = max(extra / value for (extra, _), value in zip(tails[K], values))
        bound = max(extra / value for extra, value in zip(most[K], values))
        powers = [power for _, power in tails[K]]
        print(f"| {K} | {len(values)} | {values.mean():.1f} | {values.std():.1f} | {share:.3f} | {bound:.2f} | {min(powers):.2f} to {max(powers):.2f} | {slope} |")
    rng = numpy.random.default_rng(1)
    nu, low, high = bootstrap(table, rng)
    print(f"\nnu = {nu:.3f}, 95 % interval {low:.3f} to {high:.3f} (bootstrap over seeds within each K)")
    middle = keys[len(keys) // 2]
    for name, bounds in (("lower half of the range", (0, middle)), ("upper half", (middle, numpy.inf))):
        if sum(bounds[0] <= K <= bounds[1] for K in keys) > 1:
            part = bootstrap(table, rng, *bounds)
            print(f"{name}: nu = {part[0]:.3f} ({part[1]:.3f} to {part[2]:.3f})")
    whole = {K: [value + extra for value, extra in zip(table[K], most[K])] for K in keys}
    print("with the largest tail there can be: nu = {:.3f} ({:.3f} to {:.3f})".format(*bootstrap(whole, rng)))
    for horizon in (0.1, 0.03, 0.01):
        cut = {}
        for K, _, t, c1, _ in runs:
            cut.setdefault(K, []).append(within(t, c1, horizon))
        print(f"integrated until c1 < {horizon}: nu = {bootstrap(cut, rng)[0]:.3f}")
    smooth = {}
    for K, _, t, c1, _ in runs:
        smooth.setdefault(K, []).append(integral(t, numpy.minimum.accumulate(c1)))
    shares = [1 - b / a for K in keys for a, b in zip(table[K], smooth[K])]
    nu_smooth, low, high = bootstrap(smooth, rng)
    print(f"without the rises of c1 (its running minimum): nu = {nu_smooth:.3f} ({low:.3f} to {high:.3f}); they are up to {max(shares):.2f} of I_K")
    fixed = min(t[-1] for K, _, t, _, _ in runs if K == keys[-1])
    for share in (0.1, 0.3):
        cut = {}
        for K, _, t, c1, _ in runs:
            seen = t <= share * fixed
            cut.setdefault(K, []).append(integral(t[seen], c1[seen]))
        print(f"integrated up to t = {share * fixed:.0f} for all K: nu = {bootstrap(cut, rng)[0]:.3f}")
    draw(runs, table, nu, picture)


def draw(runs, table, nu, picture):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    keys = sorted(table)
    colours = dict(zip(keys, plt.cm.viridis(numpy.linspace(0, 0.9, len(keys)))))
    for K, seed, t, c1, _ in runs:
        left.loglog(t[1:], c1[1:], color=colours[K], lw=0.8, label=f"K = {K}" if seed == 0 else None)
    left.set(xlabel="t = learning rate x step", ylabel="c1, memorisation signal", title="Memorisation takes longer for larger K")
    left.legend(fontsize=8)
    for K in keys:
        right.loglog([K] * len(table[K]), table[K], "o", color=colours[K], ms=4)
    middle = numpy.exp(numpy.mean([numpy.log(I) for values in table.values() for I in values]))
    centre = numpy.exp(numpy.mean([numpy.log(K) for K, values in table.items() for _ in values]))
    line = numpy.array([keys[0], keys[-1]], float)
    right.loglog(line, middle * (line / centre) ** nu, "k--", lw=1, label=f"K^{nu:.2f}")
    right.loglog(line, middle * (line / centre) ** 0.7, ":", color="grey", lw=1, label="K^0.7 (the paper's)")
    right.set(xlabel="task diversity K", ylabel="I_K, integrated signal", title="The memoriser's scaling law")
    right.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    print(picture)


if __name__ == "__main__":
    main()
