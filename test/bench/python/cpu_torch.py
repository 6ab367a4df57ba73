"""PyTorch where its GPU libraries are stand-ins: see test/python/absent_libraries.py."""

import torch

# transformers asks this of CUDA at each step, also where there is none; a stand-in cannot answer.
torch.cuda.is_current_stream_capturing = lambda: False


def share_head_bias(blip):
    """One bias of the head, as published: newer transformers make two where weights are untied."""
    head = blip.text_decoder.cls.predictions
    head.decoder.bias = head.bias
