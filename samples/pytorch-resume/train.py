"""Train data-parallel, lose a replica on the way, and go on from the last checkpoint.

AIMaster starts both replicas anew; what they wrote beside the data is still there.
"""

import os
import signal

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import digits

EPOCHS = 12
STEPS = 10
CRASH_AFTER = 5
CHECKPOINT = digits.FILE.with_name("checkpoint.pt")


def main():
    dist.init_process_group("gloo", init_method="env://")
    rank, size = dist.get_rank(), dist.get_world_size()
    training, held_out = (tuple(map(torch.from_numpy, part)) for part in digits.load())
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    done = resume(model, optimizer)
    print(f"rank {rank} begins with epoch {done + 1}")
    train(DistributedDataParallel(model), optimizer, [part[rank::size] for part in training], done)
    if rank == 0:
        print(f"accuracy {accuracy(model, *held_out):.3f}")
    dist.destroy_process_group()


def train(parallel, optimizer, shard, done):
    images, labels = shard
    for epoch in range(done + 1, EPOCHS + 1):
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(parallel(images), labels)
            loss.backward()
            optimizer.step()
        if dist.get_rank() == 0:
            print(f"epoch {epoch:2} loss {loss.item():.4f}")
            save(parallel.module, optimizer, epoch)
        dist.barrier()
        if done == 0 and epoch == CRASH_AFTER and dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)  # as if its node went away


def save(model, optimizer, epoch):
    """Write aside and rename: a crash leaves the last checkpoint whole."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
    aside = CHECKPOINT.with_suffix(".new")
    torch.save(state, aside)
    aside.rename(CHECKPOINT)


def resume(model, optimizer):
    """Return the last epoch that a checkpoint knows, 0 without one."""
    if not CHECKPOINT.exists():
        return 0
    state = torch.load(CHECKPOINT)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["epoch"]


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    main()
