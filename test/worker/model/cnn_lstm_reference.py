"""Writes test/fixtures/cnn-lstm/reference.json: the CNN-LSTM captioner written again with PyTorch's
own layers, in float64. Run it with the Python that test/rig/python-environment.ts makes.

Weights and pictures follow from their position: see `wave`. Of each gradient there is its length,
and its sum weighted by `wave`, which depends on every element's place.
"""

import json
import math
import sys

import torch
from torch import nn

CONFIG = {
    "model_type": "cnn-lstm",
    "encoder": {"image_size": 8, "channels": [4, 6], "groups": 2, "norm_eps": 1e-5},
    "decoder": {
        "vocab_size": 11,
        "embedding_size": 5,
        "hidden_size": 7,
        "dropout": 0,
        "bos_token_id": 2,
        "sep_token_id": 3,
        "pad_token_id": 0,
    },
}
INPUT_IDS = [[2, 5, 9, 3, 0, 0], [2, 7, 4, 10, 6, 3]]
LABELS = [[2, 5, 9, 3, 0, -100], [2, 7, 4, 10, 6, 3]]
NEW_TOKENS = 6


def wave(count, phase):
    return torch.tensor([math.sin(phase + 1.7 * at) for at in range(count)], dtype=torch.float64)


class Convolution(nn.Module):
    def __init__(self, before, after, stride, groups, eps):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm = nn.GroupNorm(groups, after, eps)

    def forward(self, x):
        return self.norm(self.conv(x))


class Stage(nn.Module):
    def __init__(self, before, after, groups, eps):
        super().__init__()
        self.down = Convolution(before, after, 2, groups, eps)
        self.inner = Convolution(after, after, 1, groups, eps)
        self.outer = Convolution(after, after, 1, groups, eps)

    def forward(self, x):
        down = torch.relu(self.down(x))
        return torch.relu(down + self.outer(torch.relu(self.inner(down))))


class Encoder(nn.Module):
    def __init__(self, image_size, channels, groups, norm_eps, embedding_size):
        super().__init__()
        pairs = zip([3, *channels], channels)
        self.stages = nn.ModuleList(Stage(*pair, groups, norm_eps) for pair in pairs)
        side = image_size // 2 ** len(channels)
        self.projection = nn.Linear(side * side * channels[-1], embedding_size)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        # The features of a position stand together.
        features = x.permute(0, 2, 3, 1).flatten(1)
        return self.projection(features / math.sqrt(features.shape[1]))


class Decoder(nn.Module):
    def __init__(self, vocab_size, embedding_size, hidden_size, pad_token_id):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=pad_token_id)
        self.lstm = nn.LSTM(embedding_size, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, picture, ids):
        first = picture[:, None]
        inputs = torch.cat([first, self.embedding(ids) + first], 1)
        return self.output(self.lstm(inputs)[0][:, 1:])


class Captioner(nn.Module):
    def __init__(self):
        super().__init__()
        text = CONFIG["decoder"]
        names = ("vocab_size", "embedding_size", "hidden_size", "pad_token_id")
        self.encoder = Encoder(**CONFIG["encoder"], embedding_size=text["embedding_size"])
        self.decoder = Decoder(**{name: text[name] for name in names})

    def forward(self, pixels, ids):
        return self.decoder(self.encoder(pixels), ids)


def greedy(model, pixels):
    ids = torch.full((len(pixels), 1), CONFIG["decoder"]["bos_token_id"])
    for _ in range(NEW_TOKENS):
        ids = torch.cat([ids, model(pixels, ids)[:, -1].argmax(-1, keepdim=True)], 1)
    return ids.tolist()


def main(target):
    model = Captioner().double()
    with torch.no_grad():
        for index, (name, parameter) in enumerate(model.named_parameters()):
            values = 1.6 * wave(parameter.numel(), index).reshape(parameter.shape)
            parameter.copy_(1 + values if name.endswith("norm.weight") else values)
    size = CONFIG["encoder"]["image_size"]
    pixels = wave(2 * size * size * 3, 0.5).reshape(2, size, size, 3).permute(0, 3, 1, 2)
    ids, labels = torch.tensor(INPUT_IDS), torch.tensor(LABELS)
    logits = model(pixels, ids[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
    loss.backward()
    gradients = {
        name: {
            "length": parameter.grad.norm().item(),
            "weighted": (parameter.grad.flatten() * wave(parameter.numel(), 0.3)).sum().item(),
        }
        for name, parameter in model.named_parameters()
    }
    reference = {
        "config": CONFIG,
        "inputIds": INPUT_IDS,
        "labels": LABELS,
        "loss": loss.item(),
        "gradients": gradients,
        "greedy": greedy(model, pixels),
    }
    with open(target, "w", encoding="utf-8") as file:
        json.dump(reference, file, indent=1)
        file.write("\n")


main(sys.argv[1])
