"""Fit a line over every replica of a OneFlowJob, by the variables that OneFlow would meet by.

OneFlow has no wheel for this Python, so Python alone does here what its launcher would: everybody
meets at MASTER_ADDR, and gradients are averaged over WORLD_SIZE replicas.
"""

import os
import random
import time
from multiprocessing.connection import Client, Listener

STEPS = 60
RATE = 0.5
SLOPE, OFFSET = 2.0, -1.0


def main():
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    print(f"rank {rank} of {size} on {os.uname().nodename}")
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    average = lead(place, size) if rank == 0 else follow(place, rank)
    slope, offset = fit(points(rank), average)
    print(f"slope {slope:.3f} offset {offset:.3f}")


def points(rank):
    """Return the part of the data that this replica has."""
    numbers = random.Random(rank)  # noqa: S311 - data, not a secret
    return [(x, SLOPE * x + OFFSET) for x in (numbers.uniform(-1, 1) for _ in range(100))]


def fit(data, average):
    slope = offset = 0.0
    for _ in range(STEPS):
        errors = [(x, slope * x + offset - y) for x, y in data]
        gradient = sum(x * e for x, e in errors), sum(e for _, e in errors)
        by_slope, by_offset = average([g / len(data) for g in gradient])
        slope, offset = slope - RATE * by_slope, offset - RATE * by_offset
    return slope, offset


def lead(place, size):
    """Wait for the others; the function returned averages what all of them have."""
    with Listener(place, authkey=b"oneflow") as door:
        peers = {peer.recv(): peer for peer in (door.accept() for _ in range(size - 1))}
    if sorted(peers) != list(range(1, size)):
        raise SystemExit(f"ranks {sorted(peers)} came, of {size}")

    def average(mine):
        parts = [mine, *(peer.recv() for peer in peers.values())]
        mean = [sum(part) / size for part in zip(*parts, strict=True)]
        for peer in peers.values():
            peer.send(mean)
        return mean

    return average


def follow(place, rank):
    peer = reached(place)
    peer.send(rank)

    def average(mine):
        peer.send(mine)
        return peer.recv()

    return average


def reached(place):
    while True:
        try:
            return Client(place, authkey=b"oneflow")
        except ConnectionRefusedError:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
