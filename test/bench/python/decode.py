"""Captions of pictures by transformers' `generate`: decode.py MODEL BEAMS TOKENS THREADS"""

import sys

import torch
from answer import answer
from cpu_torch import share_head_bias
from safetensors.torch import load_file
from transformers import BlipForConditionalGeneration

folder = sys.argv[1]
beams, tokens, threads = map(int, sys.argv[2:])

torch.set_num_threads(threads)
model = BlipForConditionalGeneration.from_pretrained(folder).eval()
share_head_bias(model)
pictures = load_file(f"{folder}/pictures.safetensors")["pixelValues"]
pictures = pictures.permute(0, 3, 1, 2).contiguous()
length = 1 + tokens


def decode():
    with torch.inference_mode():
        options = {"max_length": length, "min_length": length, "do_sample": False}
        found = model.generate(pixel_values=pictures, num_beams=beams, **options)
    return {"ids": found.tolist()}


answer({"weights": sum(weight.numel() for weight in model.parameters())}, decode)
