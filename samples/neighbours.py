"""Handwritten digits, told apart by their nearest neighbour: Python alone does it."""

import csv
import gzip
import math
from pathlib import Path

FILE = Path("/mnt/data/digits.csv.gz")
HELD_OUT = 5  # every fifth image is kept to be recognised


def load(file=FILE):
    """Return the known and the held-out digits, each a list of (64 grey values, label)."""
    with gzip.open(file, "rt") as lines:
        rows = [[int(float(value)) for value in row] for row in csv.reader(lines)]
    digits = [(row[:-1], row[-1]) for row in rows]
    return [d for n, d in enumerate(digits) if n % HELD_OUT], digits[::HELD_OUT]


def right(batch, known):
    """Count the digits of ``batch`` whose nearest among ``known`` has the same label."""
    return sum(nearest(image, known) == label for image, label in batch)


def nearest(image, known):
    return min(known, key=lambda other: math.dist(image, other[0]))[1]


def batches(digits, size):
    return [digits[start : start + size] for start in range(0, len(digits), size)]
