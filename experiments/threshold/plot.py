#!/usr/bin/python3
"""Which runs of the minimal model acquire ICL, against the threshold predicted from the memoriser alone. Reads the merged file alone.

usage: plot.py MERGED.h5 [PICTURE.png]     prints the tables of README.md, and draws
"""

import sys

import h5py
import numpy

PREDICTED_K, SIGNAL = 1290, 135.5  # n tau*, and K* from it: written down in experiment.toml before the runs were made


def main():
    merged = sys.argv[1]
    picture = sys.argv[2] if len(sys.argv) > 2 else merged.replace(".h5", ".png")
    with h5py.File(merged) as file:
        rows = file["runs"][:]
    acquired = {}
    for row in rows:
        acquired.setdefault(int(row["data.K"]), []).append(bool(row["acquired"]))
    nearest = sorted(acquired, key=lambda K: abs(numpy.log(K / PREDICTED_K)))[:4]
    right = {K: sum(done == (K > PREDICTED_K) for done in runs) for K, runs in acquired.items()}
    print("| K | K / K* | acquired ICL | predicted | right | steps at the end | I_K at the end |")
    print("|---|---|---|---|---|---|---|")
    for K in sorted(acquired):
        mine = rows[rows["data.K"] == K]
        print(f"| {K} | {K / PREDICTED_K:.2f} | {sum(acquired[K])} of {len(acquired[K])} | {'yes' if K > PREDICTED_K else 'no'} | {right[K]} | "
              f"{min(mine['last_step'])} to {max(mine['last_step'])} | {min(mine['final_I_K']):.0f} to {max(mine['final_I_K']):.0f} |")
    total = sum(map(len, acquired.values()))
    print(f"\nright: {sum(right.values())} of {total}; of the runs at the four K nearest to K*: "
          f"{sum(right[K] for K in nearest)} of {sum(len(acquired[K]) for K in nearest)}")
    draw(rows, acquired, picture)


def draw(rows, acquired, picture):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    keys = sorted(acquired)
    left.semilogx(keys, [numpy.mean(acquired[K]) for K in keys], "o-")
    left.axvline(PREDICTED_K, color="black", ls=":", label=f"predicted K* = {PREDICTED_K}")
    left.set(xlabel="task diversity K", ylabel="share of runs that acquire ICL", title="The threshold of the minimal model")
    left.legend()
    for done, marker, name in ((True, "o", "acquires ICL"), (False, "x", "does not")):
        mine = rows[(rows["acquired"] == 1) == done]
        right.loglog(mine["data.K"], mine["final_I_K"], marker, label=name)
    right.axhline(SIGNAL, color="black", ls=":", label="n tau*")
    right.set(xlabel="task diversity K", ylabel="I_K at acquisition, or at the end", title="The signal that was there")
    right.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    print(picture)


if __name__ == "__main__":
    main()
