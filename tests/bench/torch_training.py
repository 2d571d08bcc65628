#!/usr/bin/env python3
"""Training speed of the same MatMul-free model in PyTorch on the CPU: eager, fused operations in plain torch.

Usage: torch_training.py HIDDEN LAYERS GLU VOCABULARY BATCH LENGTH THREADS SECONDS
Prints tokens a second of whole steps (forward, backward, clipping, AdamW). Compare with the tokensPerSecond in
metrics.jsonl of `mmfree train` with the same shape, batch, length and --threads, run in turns on the same machine.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

HIDDEN, LAYERS, GLU, VOCABULARY, BATCH, LENGTH, THREADS, SECONDS = (int(word) for word in sys.argv[1:9])
EPS = 1e-6


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight


class BitLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.02)
        self.norm = nn.Parameter(torch.ones(inputs))

    def forward(self, x):
        y = rms_norm(x, self.norm)
        scale = 127.0 / y.abs().amax(-1, keepdim=True).clamp(min=1e-5)
        y = y + ((y * scale).round().clamp(-128, 127) / scale - y).detach()
        mean = self.weight.abs().mean().clamp(min=1e-5)
        ternary = (self.weight / mean).round().clamp(-1, 1) * mean
        return F.linear(y, self.weight + (ternary - self.weight).detach())


class Layer(nn.Module):
    def __init__(self, index):
        super().__init__()
        self.index = index
        self.attn_norm, self.g_norm, self.mlp_norm = (nn.Parameter(torch.ones(HIDDEN)) for _ in range(3))
        self.forget, self.candidate, self.gate, self.out = (BitLinear(HIDDEN, HIDDEN) for _ in range(4))
        self.gate_up, self.down = BitLinear(HIDDEN, 2 * GLU), BitLinear(GLU, HIDDEN)

    def forward(self, x, bound):
        a = rms_norm(x, self.attn_norm)
        forget = torch.sigmoid(self.forget(a))
        if self.index > 0:
            forget = bound + (1 - bound) * forget
        candidate = F.silu(self.candidate(a)) * (1 - forget)
        hidden, states = torch.zeros(x.shape[0], HIDDEN), []
        for t in range(x.shape[1]):
            hidden = forget[:, t] * hidden + candidate[:, t]
            states.append(hidden)
        x = x + self.out(rms_norm(self.gate(a), self.g_norm) * F.silu(torch.stack(states, 1)))
        gate, up = self.gate_up(rms_norm(x, self.mlp_norm)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, HIDDEN)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.bounds = nn.Parameter(torch.zeros(LAYERS, HIDDEN))
        self.layers = nn.ModuleList(Layer(index) for index in range(LAYERS))
        self.norm = nn.Parameter(torch.ones(HIDDEN))
        self.head = BitLinear(HIDDEN, VOCABULARY)

    def forward(self, tokens):
        bounds = torch.softmax(self.bounds, 0).cumsum(0)
        bounds = bounds - bounds[:1]
        x = self.embedding(tokens)
        for index, layer in enumerate(self.layers):
            x = layer(x, bounds[index])
        return self.head(rms_norm(x, self.norm))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3, betas=(0.9, 0.95), weight_decay=0.01)
    start, tokens, step = None, 0, 0
    while start is None or time.monotonic() - start < SECONDS:
        batch = torch.randint(0, VOCABULARY, (BATCH, LENGTH + 1))
        loss = F.cross_entropy(model(batch[:, :-1]).reshape(-1, VOCABULARY), batch[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if step == 2:  # the first ones allocate
            start = time.monotonic()
        elif step > 2:
            tokens += BATCH * LENGTH
    seconds = time.monotonic() - start
    parameters = sum(p.numel() for p in model.parameters())
    print(json.dumps({"torch": torch.__version__, "parameters": parameters, "tokensPerSecond": tokens / seconds}))


main()
