"""Boost trees on handwritten digits: each replica has a part, all agree on every split."""

import os
import socket
import time

import xgboost as xgb
from xgboost import collective
from xgboost.tracker import RabitTracker

import digits

NODE = os.uname().nodename
ROUNDS = 10
PARAMETERS = {
    "objective": "multi:softmax",
    "num_class": 10,
    "max_depth": 4,
    "eta": 0.4,
    "nthread": 1,
}


def main():
    # MASTER_ADDR, MASTER_PORT, WORLD_SIZE and RANK are in the environment.
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    host, port = socket.gethostbyname(os.environ["MASTER_ADDR"]), int(os.environ["MASTER_PORT"])
    if rank == 0:
        tracker = RabitTracker(n_workers=size, host_ip=host, port=port, sortby="task")
        tracker.start()
    (images, labels), (held_out, expected) = digits.load()
    meeting = {"dmlc_tracker_uri": host, "dmlc_tracker_port": port, "dmlc_task_id": str(rank)}
    with collective.CommunicatorContext(dmlc_communicator="rabit", dmlc_retry=10, **meeting):
        print(f"rank {collective.get_rank()} of {collective.get_world_size()} on {NODE}")
        model = train(images[rank::size], labels[rank::size])
    if rank == 0:
        tracker.wait_for()
        print(f"accuracy {(model.predict(xgb.DMatrix(held_out)) == expected).mean():.3f}")


def train(images, labels):
    start = time.perf_counter()
    model = xgb.train(PARAMETERS, xgb.DMatrix(images, labels), ROUNDS)
    print(f"{ROUNDS} rounds in {time.perf_counter() - start:.2f} s")
    return model


if __name__ == "__main__":
    main()
