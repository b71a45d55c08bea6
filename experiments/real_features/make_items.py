#!/usr/bin/python3
"""Makes digits.h5: 1,797 handwritten digits (8 x 8 pixels), the test set of UCI's "Optical Recognition of Handwritten Digits"
(Alpaydin & Kaynak 1998, CC BY 4.0), as scikit-learn ships it. `centred`: pixels less their mean over the images; `whitened`: the same in
the basis of their covariance, each direction with variance 1, without those that hold less than 1e-4 of the variance.

usage: make_items.py [FILE]      needs python3-sklearn; default: digits.h5 beside this file
"""

import sys
from pathlib import Path

import h5py
import numpy as np
from sklearn.datasets import load_digits


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "digits.h5"
    pixels = load_digits().data
    centred = pixels - pixels.mean(axis=0)
    variance, basis = np.linalg.eigh(np.cov(centred, rowvar=False))
    kept = variance > 1e-4 * variance.sum()
    whitened = centred @ basis[:, kept] / np.sqrt(variance[kept])
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        for name, values in (("centred", centred), ("whitened", whitened)):
            data = file.create_dataset(name, data=values.astype("f4"), compression="gzip", compression_opts=9, shuffle=True)
            data.attrs["source"] = "UCI Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), CC BY 4.0"
    print(f"{path}: {pixels.shape[0]} items, {centred.shape[1]} and {whitened.shape[1]} numbers each")


if __name__ == "__main__":
    main()
