"""Recognise handwritten digits by tasks that Ray runs on every node of the job."""

import os
import time

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

import neighbours


@ray.remote(num_cpus=1)
def recognise(unknown, known):
    return os.uname().nodename, neighbours.right(unknown, known)


def main():
    ray.init(log_to_driver=False)  # RAY_ADDRESS is in the environment
    size = len(ray.nodes())
    print(f"{size} nodes")
    known, unknown = neighbours.load()
    shared, start = ray.put(known), time.perf_counter()
    # One place on each node: without them the Head, which is up first, does most of it.
    places = placement_group([{"CPU": 1}] * size, strategy="STRICT_SPREAD")
    done = ray.get([on(places, n).remote(unknown[n::size], shared) for n in range(size)])
    for node, right in sorted(done):
        print(f"{right} right on {node}")
    took = time.perf_counter() - start
    print(f"accuracy {sum(right for _, right in done) / len(unknown):.3f} in {took:.2f} s")


def on(places, n):
    """The task, bound to the n-th place."""
    return recognise.options(
        scheduling_strategy=PlacementGroupSchedulingStrategy(places, placement_group_bundle_index=n)
    )


if __name__ == "__main__":
    main()
