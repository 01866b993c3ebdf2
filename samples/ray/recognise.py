"""Recognise handwritten digits by tasks that Ray spreads over every node of the job."""

import os
import time
from collections import Counter

import ray

import neighbours

BATCH = 12


@ray.remote(scheduling_strategy="SPREAD", num_cpus=1)
def recognise(batch, known):
    return os.uname().nodename, neighbours.right(batch, known)


def main():
    ray.init(log_to_driver=False)  # RAY_ADDRESS is in the environment
    nodes = [node["NodeManagerHostname"] for node in ray.nodes()]
    print(f"{len(nodes)} nodes: {', '.join(sorted(nodes))}")
    known, unknown = neighbours.load()
    shared, start = ray.put(known), time.perf_counter()
    tasks = [recognise.remote(batch, shared) for batch in neighbours.batches(unknown, BATCH)]
    done = ray.get(tasks)
    print(f"{len(tasks)} tasks in {time.perf_counter() - start:.2f} s")
    for node, count in sorted(Counter(node for node, _ in done).items()):
        print(f"{count} tasks on {node}")
    print(f"accuracy {sum(right for _, right in done) / len(unknown):.3f}")


if __name__ == "__main__":
    main()
