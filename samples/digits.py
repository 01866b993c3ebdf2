"""Handwritten digits: 1,797 images of 8 x 8 grey values, as scikit-learn ships them."""

from pathlib import Path

import numpy as np

FILE = Path("/mnt/data/digits.csv.gz")
HELD_OUT = 5  # every fifth image is kept from training


def load(file=FILE):
    """Return (images, labels) to train on and (images, labels) held out, values from 0 to 1."""
    table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    images, labels = table[:, :-1] / 16, table[:, -1].astype(np.int64)
    held_out = np.arange(len(table)) % HELD_OUT == 0
    return (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])
