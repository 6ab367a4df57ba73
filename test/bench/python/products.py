"""Matrix products by PyTorch: products.py M K N TIMES THREADS"""

import sys

import torch
from answer import answer

m, k, n, times, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
left, right = torch.randn(m, k), torch.randn(k, n)


def work():
    for _ in range(times):
        left @ right


answer({}, work)
