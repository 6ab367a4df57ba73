"""Pictures as BLIP's processor makes them, by Pillow and NumPy: preprocess.py FOLDER THREADS"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
from answer import answer
from PIL import Image

folder, threads = sys.argv[1], int(sys.argv[2])
with open(f"{folder}/preprocessor_config.json") as file:
    config = json.load(file)
mean, std = (numpy.array(config[name], dtype="float32") for name in ("image_mean", "image_std"))
size = config["size"]["width"], config["size"]["height"]
names = sorted(name for name in os.listdir(folder) if name.endswith((".jpg", ".png")))


def load(name):
    """Decoded, resized, scaled and normalised, channels first."""
    with Image.open(os.path.join(folder, name)) as picture:
        pixels = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    values = numpy.asarray(pixels).astype("float32") * numpy.float32(1 / 255)
    return ((values - mean) / std).transpose(2, 0, 1)


def work():
    with ThreadPoolExecutor(threads) as pool:
        return {"sum": float(sum(values.sum(dtype="float64") for values in pool.map(load, names)))}


answer({}, work)
