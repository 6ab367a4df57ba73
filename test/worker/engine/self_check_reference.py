"""The numbers of worker/engine/self-check.ts, computed without any tensor library.

Plain Python floats (64 bit) and loops; derivatives are central differences of the loss. Prints a JSON
object: the loss, and for each parameter p the derivative of the loss in the direction d(p), where
element i of d(p) is cos(i + 1).
"""

import json
import math

PATCHES, WIDTH, VOCABULARY = 4, 3, 5
IDS = [[1, 3, 0, 2], [4, 4, 1, 2]]
LABELS = [[3, 0, 2, 4], [4, 1, 2, 0]]


def wave(count, phase):
    return [math.sin(phase + index) for index in range(count)]


PARAMETERS = {
    "kernel": wave(2 * 2 * WIDTH, 1),
    "embedding": wave(VOCABULARY * WIDTH, 2),
    "scale": wave(WIDTH, 3),
    "output": wave(WIDTH * VOCABULARY, 4),
}


def softmax(row):
    top = max(row)
    powers = [math.exp(value - top) for value in row]
    return [power / sum(powers) for power in powers]


def tokens(image, kernel, embedding, ids):
    """Stride-2 convolution of a 4 x 4 image to 4 patches, plus an embedding a patch."""
    rows = []
    for patch in range(PATCHES):
        top, left = 2 * (patch // 2), 2 * (patch % 2)
        row = []
        for channel in range(WIDTH):
            total = embedding[ids[patch] * WIDTH + channel]
            for y in range(2):
                for x in range(2):
                    pixel = image[(top + y) * 4 + left + x]
                    total += pixel * kernel[(y * 2 + x) * WIDTH + channel]
            row.append(total)
        rows.append(row)
    return rows


def layer_norm(row, scale):
    mean = sum(row) / WIDTH
    variance = sum((value - mean) ** 2 for value in row) / WIDTH
    return [(v - mean) / math.sqrt(variance + 1e-5) * s for v, s in zip(row, scale)]


def attention(rows):
    mixed = []
    for query in rows:
        scores = [sum(a * b for a, b in zip(query, key)) / math.sqrt(WIDTH) for key in rows]
        weights = softmax(scores)
        mixed.append([sum(w * row[c] for w, row in zip(weights, rows)) for c in range(WIDTH)])
    return mixed


def gelu(value):
    return 0.5 * value * (1 + math.erf(value / math.sqrt(2)))


def loss(parameters):
    images = wave(32, 0)
    total = 0.0
    for item in range(2):
        image = images[item * 16 : item * 16 + 16]
        rows = tokens(image, parameters["kernel"], parameters["embedding"], IDS[item])
        rows = attention([layer_norm(row, parameters["scale"]) for row in rows])
        for row, label in zip(rows, LABELS[item]):
            hidden = [gelu(value) for value in row]
            logits = [
                sum(hidden[c] * parameters["output"][c * VOCABULARY + word] for c in range(WIDTH))
                for word in range(VOCABULARY)
            ]
            total -= math.log(softmax(logits)[label])
    return total / (2 * PATCHES)


def derivative(name):
    step = 1e-5

    def moved(sign):
        values = [v + sign * step * math.cos(i + 1) for i, v in enumerate(PARAMETERS[name])]
        return loss({**PARAMETERS, name: values})

    return (moved(1) - moved(-1)) / (2 * step)


print(json.dumps({"loss": loss(PARAMETERS), **{name: derivative(name) for name in PARAMETERS}}))
