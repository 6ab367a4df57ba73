"""The other half of the round trip: transformers and PEFT read what we write, and write what we read.

    python3 round_trip.py OURS BASE INPUTS THEIRS

OURS holds `full/` (a whole model) and `adapter/` (an adapter of the model in BASE), INPUTS is a
safetensors file. Writes into THEIRS models and adapters in the forms that PyTorch has for them, and
`logits.safetensors`: what transformers and PEFT compute from each, ours and theirs, on the inputs.
"""

import os
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import BlipForConditionalGeneration

ours, base, inputs, theirs = sys.argv[1:]
names = ["pixel_values", "input_ids", "attention_mask"]
batch = {name: load_file(inputs)[name] for name in names}
logits = {}


def load(folder):
    return BlipForConditionalGeneration.from_pretrained(folder)


def note(name, model):
    with torch.no_grad():
        logits[name] = model.eval()(**batch).logits.contiguous()


def disturb(parameters):
    """Other weights than any file of ours has."""
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.05 * torch.randn_like(parameter))


def folder(name):
    """A model folder without weights."""
    path = os.path.join(theirs, name)
    shutil.copytree(base, path, ignore=shutil.ignore_patterns("*.safetensors"))
    return path


torch.manual_seed(0)
torch.set_num_threads(1)
note("our-full", load(os.path.join(ours, "full")))
note("our-adapter", PeftModel.from_pretrained(load(base), os.path.join(ours, "adapter")))

model = load(base)
disturb(model.parameters())
note("single", model)
model.save_pretrained(folder("single"))
model.save_pretrained(folder("sharded"), max_shard_size="50KB")
torch.save(model.state_dict(), os.path.join(folder("pickled"), "pytorch_model.bin"))
model.half().save_pretrained(folder("half"))
torch.save(model.state_dict(), os.path.join(folder("pickled-half"), "pytorch_model.bin"))
model.float()
note("half", model)
logits["pickled-half"] = logits["half"]
logits["sharded"] = logits["pickled"] = logits["single"]

settings = LoraConfig(r=3, lora_alpha=7, lora_dropout=0.1, target_modules=["query", "value"])
adapted = get_peft_model(load(base), settings)
disturb(parameter for parameter in adapted.parameters() if parameter.requires_grad)
note("adapter", adapted)
adapted.save_pretrained(os.path.join(theirs, "adapter"))
adapted.save_pretrained(os.path.join(theirs, "pickled-adapter"), safe_serialization=False)
logits["pickled-adapter"] = logits["adapter"]

save_file({name: value.clone() for name, value in logits.items()}, os.path.join(theirs, "logits.safetensors"))
