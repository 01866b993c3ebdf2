"""Train on handwritten digits that are in OSS, and leave the model beside them."""

import torch
from torch import nn

import digits

STEPS = 200
MODEL = digits.FILE.with_name("model.pt")


def main():
    torch.manual_seed(0)
    training, held_out = (tuple(map(torch.from_numpy, part)) for part in digits.load())
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    train(model, *training)
    print(f"accuracy {accuracy(model, *held_out):.3f}")
    torch.save(model.state_dict(), MODEL)
    print(f"saved {MODEL}")


def train(model, images, labels):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step:3} loss {loss.item():.4f}")


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    main()
