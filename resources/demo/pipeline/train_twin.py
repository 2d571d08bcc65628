#!/usr/bin/env python3
"""Trains the dense twin of the bundled model with PyTorch: a Transformer++ of the same width, depth and GLU size, in
bfloat16, on the same windows of the same tokens in the same order as `mmfree train` draws them (the CUDA backend trains
MatMul-free models only). Writes a Hugging Face folder that `mmfree evaluate-dictionary` reads.

    train_twin.py --data train.txt --tokenizer tokenizer.model --chat-template chat_template.json --out twin \\
        --steps 8000 --batch 128 --length 256 --learning-rate 1e-3
"""

import argparse
import json
import math
import pathlib
import re
import time

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F

MASK = (1 << 64) - 1


def mix(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def window_starts(seed, index, batch, starts):
    """Where TokenDataset::drawBatch begins its windows (engine/train/dataset.cpp, engine/core/random.h)."""
    key = mix((seed + 0x9E3779B97F4A7C15 * (0xBA7C4 + 1)) & MASK)
    return [(mix(key ^ mix((index * batch + row + 0xD1B54A32D192ED03) & MASK)) * starts) >> 64 for row in range(batch)]


def encode(path, tokenizer):
    """Token ids as mmfree reads the file: <s> and </s> are control tokens, one BOS before everything."""
    ids, control = [tokenizer.bos_id()], {"<s>": tokenizer.bos_id(), "</s>": tokenizer.eos_id()}
    parts = re.split(r"(</?s>)", path.read_text("utf-8"))
    encoded = iter(tokenizer.encode([p for p in parts if p and p not in control], num_threads=16))
    for part in parts:
        if part in control:
            ids.append(control[part])
        elif part:
            ids.extend(next(encoded))
    return np.array(ids, dtype=np.int64)


def answer_targets(ids, user, assistant):
    """Next tokens, -1 inside questions."""
    targets = ids[1:].copy()
    begins, ends = np.flatnonzero(ids == user), np.flatnonzero(ids == assistant)
    for begin, end in zip(begins, ends):
        targets[begin:end] = -1
    return targets


class Layer(torch.nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = torch.nn.RMSNorm(width, eps=1e-6), torch.nn.RMSNorm(width, eps=1e-6)
        linear = lambda a, b: torch.nn.Linear(a, b, bias=False)
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        self.gate, self.up, self.down = linear(width, inner), linear(width, inner), linear(inner, width)

    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        h = self.norm1(x)
        q, k, v = (p(h).view(batch, length, self.heads, -1).transpose(1, 2) for p in (self.q, self.k, self.v))
        rotate = lambda t: t * cos + torch.cat((-t[..., t.shape[-1] // 2:], t[..., :t.shape[-1] // 2]), -1) * sin
        a = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True)
        x = x + self.o(a.transpose(1, 2).reshape(batch, length, width))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Twin(torch.nn.Module):
    def __init__(self, vocabulary, width, layers, heads, inner, positions):
        super().__init__()
        self.embed = torch.nn.Embedding(vocabulary, width)
        self.layers = torch.nn.ModuleList(Layer(width, heads, inner) for _ in range(layers))
        self.norm = torch.nn.RMSNorm(width, eps=1e-6)
        self.head = torch.nn.Linear(width, vocabulary, bias=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.02)
        size = width // heads
        angle = torch.outer(torch.arange(positions).float(), 10000.0 ** (-torch.arange(0, size, 2).float() / size))
        self.register_buffer("cos", torch.cat((angle, angle), -1).cos())
        self.register_buffer("sin", torch.cat((angle, angle), -1).sin())

    def forward(self, ids, targets):
        x = self.embed(ids)
        cos, sin = self.cos[:ids.shape[1]].to(torch.bfloat16), self.sin[:ids.shape[1]].to(torch.bfloat16)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return F.cross_entropy(self.head(self.norm(x)).float().flatten(0, 1), targets.flatten(), ignore_index=-1)


def save(model, config, options):
    from safetensors.torch import save_file
    names = {"embed.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight",
             "head.weight": "lm_head.weight"}
    inner = {"norm1": "input_layernorm", "norm2": "post_attention_layernorm", "q": "self_attn.q_proj",
             "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj", "gate": "mlp.gate_proj",
             "up": "mlp.up_proj", "down": "mlp.down_proj"}
    tensors = {}
    for name, value in model.state_dict().items():
        match = re.fullmatch(r"layers\.(\d+)\.(\w+)\.weight", name)
        if match:
            name = "model.layers.%s.%s.weight" % (match.group(1), inner[match.group(2)])
        elif name in names:
            name = names[name]
        else:
            continue
        tensors[name] = value.to(torch.bfloat16).contiguous()
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(options.out / "model.safetensors"), metadata={"format": "pt"})
    (options.out / "config.json").write_text(json.dumps(config, indent=1))
    (options.out / "tokenizer.model").write_bytes(options.tokenizer.read_bytes())
    (options.out / "chat_template.json").write_bytes(options.chat_template.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--chat-template", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=1e9, help="end early, with the schedule, at this time")
    for name, value in (("batch", 128), ("length", 256), ("seed", 1), ("layers", 8), ("width", 512), ("heads", 8),
                        ("inner", 1536), ("warmup-steps", 200)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    options = parser.parse_args()

    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(options.tokenizer))
    ids = encode(options.data, tokenizer)
    targets = answer_targets(ids, tokenizer.piece_to_id("<user>"), tokenizer.piece_to_id("<assistant>"))
    print("%d tokens" % len(ids), flush=True)
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    model = Twin(tokenizer.vocab_size(), options.width, options.layers, options.heads, options.inner,
                 options.length).cuda()
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    adam = torch.optim.AdamW([{"params": matrices, "weight_decay": options.weight_decay},
                              {"params": others, "weight_decay": 0.0}], lr=1.0, betas=(0.9, 0.95), eps=1e-8, fused=True)
    compiled = torch.compile(model)
    all_ids, all_targets = torch.from_numpy(ids).cuda(), torch.from_numpy(targets).cuda()
    offsets = torch.arange(options.length, device="cuda")
    options.out.mkdir(parents=True, exist_ok=True)
    log, begin = open(options.out / "metrics.jsonl", "w"), time.time()
    for step in range(options.steps):
        cosine = 0.5 * (1 + math.cos(math.pi * step / options.steps))
        rate = options.learning_rate * min(1.0, (step + 1) / options.warmup_steps) * cosine
        for group in adam.param_groups:
            group["lr"] = rate
        starts = window_starts(options.seed, step, options.batch, len(ids) - options.length)
        at = torch.tensor(starts, device="cuda")[:, None] + offsets
        with torch.autocast("cuda", torch.bfloat16):
            loss = compiled(all_ids[at], all_targets[at])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        if step % 50 == 0 or step + 1 == options.steps:
            tokens = (step + 1) * options.batch * options.length
            log.write(json.dumps({"step": step + 1, "loss": loss.item(), "learningRate": rate, "tokens": tokens,
                                  "elapsedSeconds": time.time() - begin}) + "\n")
            log.flush()
        if step % 500 == 0:
            print("step %d loss %.4f %.0f s" % (step + 1, loss.item(), time.time() - begin), flush=True)
        if time.time() - begin > options.seconds:
            print("out of time at step %d" % (step + 1), flush=True)
            break
    save(model, {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": tokenizer.vocab_size(),
                 "hidden_size": options.width, "num_hidden_layers": options.layers,
                 "intermediate_size": options.inner, "num_attention_heads": options.heads,
                 "num_key_value_heads": options.heads, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
                 "max_position_embeddings": options.length, "tie_word_embeddings": False, "bos_token_id": 1,
                 "eos_token_id": 2, "torch_dtype": "bfloat16"}, options)


if __name__ == "__main__":
    main()
