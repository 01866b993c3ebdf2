"""Train a network on handwritten digits, data-parallel over every replica of the job."""

import os
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import digits

EPOCHS = 12
BATCH = 16


def main():
    # MASTER_ADDR, MASTER_PORT, WORLD_SIZE and RANK are in the environment.
    dist.init_process_group("gloo", init_method="env://")
    rank, size = dist.get_rank(), dist.get_world_size()
    print(f"rank {rank} of {size} on {os.uname().nodename}")
    training, held_out = (TensorDataset(*map(torch.from_numpy, part)) for part in digits.load())
    torch.manual_seed(0)
    model = DistributedDataParallel(network())
    train(model, training, leads=rank == 0)
    if rank == 0:
        print(f"accuracy {accuracy(model.module, held_out):.3f}")
    dist.destroy_process_group()


def network():
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 6 * 6, 10),
    )


def train(model, dataset, *, leads):
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch_size=BATCH, sampler=sampler)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        start = time.perf_counter()
        loss = sum(step(model, optimizer, *batch) for batch in loader) / len(loader)
        dist.all_reduce(loss)
        if leads:
            took = time.perf_counter() - start
            print(f"epoch {epoch + 1:2} loss {loss / dist.get_world_size():.4f} in {took:.2f} s")


def step(model, optimizer, images, labels):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()  # DDP averages the gradients of all replicas in here
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def accuracy(model, dataset):
    images, labels = dataset.tensors
    return (model(images).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    main()
