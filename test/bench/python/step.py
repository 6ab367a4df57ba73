"""A training step as PyTorch, transformers and PEFT take it.

    step.py MODEL BATCH PIXELS TOKENS VOCABULARY THREADS ADAPTER [cached]

ADAPTER is JSON, or `null` to train all weights. With `cached` the encoder's outputs are computed
before the first step, as a cache of them would hand them over.
"""

import json
import sys

import torch
from answer import answer
from cpu_torch import share_head_bias
from transformers import BlipConfig, BlipForConditionalGeneration

folder, *numbers, adapter = sys.argv[1:8]
batch, pixels, tokens, vocabulary, threads = map(int, numbers)
adapter = json.loads(adapter)
is_cached = sys.argv[8:] == ["cached"]

torch.set_num_threads(threads)
torch.manual_seed(1)
model = BlipForConditionalGeneration(BlipConfig.from_pretrained(folder))
share_head_bias(model)
if adapter is not None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=adapter["r"],
        lora_alpha=adapter["alpha"],
        lora_dropout=adapter["dropout"],
        target_modules=adapter["target_modules"],
    )
    model = get_peft_model(model, config)
model.train()
trained = [weight for weight in model.parameters() if weight.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
blip = model.base_model.model if adapter is not None else model


def ids():
    return torch.randint(5, vocabulary, (batch, tokens))


def pictures():
    return torch.randn(batch, 3, pixels, pixels)


if is_cached:
    with torch.no_grad():
        encoded = blip.vision_model(pixel_values=pictures())[0]


def loss_of(captions):
    mask = torch.ones_like(captions)
    if not is_cached:
        inputs = {"pixel_values": pictures(), "input_ids": captions, "attention_mask": mask}
        return model(**inputs, labels=captions).loss
    return blip.text_decoder(
        input_ids=captions,
        attention_mask=mask,
        encoder_hidden_states=encoded,
        labels=captions,
        reduction="mean",
    ).loss


def step():
    loss = loss_of(ids())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return {"loss": loss.item()}


answer({"trained": sum(weight.numel() for weight in trained)}, step)
