"""The prototypical training step in PyTorch, as easyfsl runs it; `bench.training` starts this with its own interpreter.

Prints the steps a second as JSON. The images lie in memory as tensors, so that no loader is measured.
"""

import argparse
import json
import time

import torch
from easyfsl.methods import PrototypicalNetworks
from torch import nn

SIDE = 28


def conv4(width: int) -> nn.Sequential:
    """The embedding network of Snell et al. (2017)."""
    layers: list[nn.Module] = []
    for i in range(4):
        layers += [nn.Conv2d(width if i else 1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten())


def main() -> None:
    """Train on random images for a while and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("width", "n-way", "k-shot", "n-query"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    n_way = options.n_way
    support, query = (torch.rand(n_way * each, 1, SIDE, SIDE) for each in (options.k_shot, options.n_query))
    backbone = conv4(options.width)
    if options.channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)
        support, query = (images.contiguous(memory_format=torch.channels_last) for images in (support, query))
    labels, asked = (torch.arange(n_way).repeat_interleave(each) for each in (options.k_shot, options.n_query))
    model = PrototypicalNetworks(backbone)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        model.process_support_set(support, labels)
        loss_of(model(query), asked).backward()
        optimizer.step()

    for _ in range(3):
        step()
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < options.seconds:
        step()
        steps += 1
    seconds = time.perf_counter() - begun
    print(json.dumps({"steps_per_second": steps / seconds, "version": torch.__version__}))


if __name__ == "__main__":
    main()
