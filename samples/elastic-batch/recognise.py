"""Recognise handwritten digits from a queue: the Master hands out batches, Workers take their time.

Who comes late or is slow takes fewer batches. Nobody knows how many Workers there are.
"""

import json
import os
import time
from collections import Counter
from multiprocessing.managers import BaseManager
from queue import Queue
from threading import Thread

import neighbours

PORT = 23456
BATCH = 12


class Office(BaseManager):
    """Two queues of the Master's: batches that are to do, and results."""


def main():
    # The variable is spelled so. It is the only one: a replica is told of no peer.
    task = json.loads(os.environ["ElASTICBATCH_CONFIG"])["task"]  # noqa: SIM112
    if task["type"] == "master":
        hand_out()
    else:
        work(f"worker-{task['index']}", f"{os.environ['DLC_JOB_ID']}-master-0")


def hand_out():
    to_do, results = Queue(), Queue()
    Office.register("to_do", lambda: to_do)
    Office.register("results", lambda: results)
    office = Office(("", PORT), authkey=b"digits").get_server()
    Thread(target=office.serve_forever, daemon=True).start()
    unknown = neighbours.load()[1]
    batches = neighbours.batches(unknown, BATCH)
    for batch in [*batches, None]:
        to_do.put(batch)
    done = [results.get() for _ in batches]
    for worker, count in sorted(Counter(worker for worker, _ in done).items()):
        print(f"{count} batches by {worker}")
    print(f"accuracy {sum(right for _, right in done) / len(unknown):.3f}")


def work(name, master):
    Office.register("to_do")
    Office.register("results")
    office = Office((master, PORT), authkey=b"digits")
    while not opened(office):
        time.sleep(0.1)
    known = neighbours.load()[0]
    to_do, results, count = office.to_do(), office.results(), 0
    while batch := next_of(to_do):
        results.put((name, neighbours.right(batch, known)))
        count += 1
    print(f"{name} has done {count}")


def opened(office):
    try:
        office.connect()
    except ConnectionError:
        return False
    return True


def next_of(to_do):
    """Take a batch; None when all are done, which the next one has to hear, too."""
    try:
        batch = to_do.get()
        if batch is None:
            to_do.put(None)
    except (ConnectionError, EOFError):  # the Master has gone home
        return None
    return batch


if __name__ == "__main__":
    main()
