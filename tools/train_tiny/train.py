#!/usr/bin/python3
"""Trains the built-in tiny model and writes it as GGUF: tools/train_tiny/train.py OUT.gguf

The result depends on the seed and the arithmetic alone: one thread, and the kernels of the libraries are pinned to
AVX2, so machines of one kind write the same bytes. See README.md for sources, licences and figures.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OPENBLAS_CORETYPE="Haswell",
                  ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2", MKL_NUM_THREADS="1")

import argparse
import hashlib
import math
import pathlib
import random
import sys
import time

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import bpe
import corpus
import gguf_file
import model

SEED = 20261
SPECIAL_AND_PADDING = len(bpe.SPECIALS) + 3  # three rows of padding, as real vocabularies have
TOKENIZER_CONVERSATIONS = 6000
TEXT_SHARE = 0.12       # of samples that are plain text, not chat
BATCH, LENGTH = 12, 256
STEPS = 2500            # about 20 minutes on one core of 60 GFLOP/s
PEAK_RATE, WARMUP = 4e-3, 100
WEIGHT_DECAY = 0.05

def samples(seed):
    """Endless training samples as lists of (text, how it is learned)."""
    source = corpus.Corpus(seed)
    draw = random.Random(seed + 1)
    while True:
        if draw.random() < TEXT_SHARE:
            yield [(source.text() + "<|endoftext|>", corpus.LEARN)]
            continue
        messages = source.conversation()
        if not corpus.is_held_out(messages):
            yield corpus.render(messages) + [("<|endoftext|>", corpus.SKIP)]

def learn_tokenizer(config):
    source = samples(SEED + 100)
    texts = ["".join(text for text, _ in next(source)) for _ in range(TOKENIZER_CONVERSATIONS)]
    parts = [part for text in texts for part in bpe.split_specials(text)]
    return bpe.Tokenizer(bpe.learn_merges(parts, config.vocab - 256 - SPECIAL_AND_PADDING), config.vocab)

def batches(tokenizer, seed):
    """Endless [BATCH, LENGTH + 1] windows over one stream of samples, which follow each other without padding."""
    source = samples(seed)
    ids, weights = [], []
    size = BATCH * LENGTH + 1
    while True:
        while len(ids) < size:
            more_ids, more_weights = corpus.encode(tokenizer, next(source))
            ids += more_ids
            weights += more_weights
        block, weight = torch.tensor(ids[:size]), torch.tensor(weights[:size])
        ids, weights = ids[size - 1:], weights[size - 1:]
        yield block[:-1].view(BATCH, LENGTH), block[1:].view(BATCH, LENGTH), weight[1:].view(BATCH, LENGTH)

def learning_rate(step, steps):
    if step < WARMUP:
        return PEAK_RATE * (step + 1) / WARMUP
    return PEAK_RATE * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP))))

def train(net, tokenizer, steps):
    matrices = [p for p in net.parameters() if p.dim() == 2]
    vectors = [p for p in net.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": WEIGHT_DECAY},
                                   {"params": vectors, "weight_decay": 0.0}], betas=(0.9, 0.98))
    started = time.monotonic()
    for step, (inputs, targets, weights) in zip(range(steps), batches(tokenizer, SEED)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        kept = weights.view(-1) > 0  # only these rows pay for the head
        logits = net.head(net.body(inputs).view(-1, net.config.hidden)[kept])
        loss = torch.nn.functional.cross_entropy(logits, targets.reshape(-1)[kept])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            spent = time.monotonic() - started
            left = spent / (step + 1) * (steps - step - 1)
            print(f"step {step} of {steps}: loss {loss.item():.3f}, {spent:.0f} s spent, {left:.0f} s left", flush=True)

def metadata(config, tokenizer):
    """The keys that llama.cpp's converter writes for a Qwen3 model."""
    arch = "qwen3"
    return {
        "general.architecture": arch,
        "general.type": "model",
        "general.name": "Tiny Qwen3",
        "general.size_label": "1.3M",
        "general.license": "other",
        "general.license.name": "WordNet 3.0 and Apache-2.0",
        f"{arch}.block_count": config.layers,
        f"{arch}.context_length": config.context,
        f"{arch}.embedding_length": config.hidden,
        f"{arch}.feed_forward_length": config.ffn,
        f"{arch}.attention.head_count": config.heads,
        f"{arch}.attention.head_count_kv": config.kv_heads,
        f"{arch}.rope.freq_base": config.rope_base,
        f"{arch}.attention.layer_norm_rms_epsilon": config.norm_eps,
        f"{arch}.attention.key_length": config.head_dim,
        f"{arch}.attention.value_length": config.head_dim,
        "general.file_type": 7,  # mostly Q8_0
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokenizer.tokens,
        "tokenizer.ggml.token_type": gguf_file.I32Array(tokenizer.types),
        "tokenizer.ggml.merges": [f"{left} {right}" for left, right in tokenizer.merges],
        "tokenizer.ggml.eos_token_id": tokenizer.ids["<|im_end|>"],
        "tokenizer.ggml.padding_token_id": tokenizer.ids["<|endoftext|>"],
        "tokenizer.ggml.bos_token_id": tokenizer.ids["<|endoftext|>"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": (HERE / "chat_template.jinja").read_text(encoding="utf-8"),
        "general.quantization_version": 2,
    }

def save(path, net, tokenizer):
    tensors = []
    for name, weight in net.named_parameters():
        kind = gguf_file.TYPE_Q8_0 if weight.dim() == 2 else gguf_file.TYPE_F32
        tensors.append((name, weight.detach().numpy(), kind))
    gguf_file.write(path, metadata(net.config, tokenizer), tensors)

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=STEPS, help="fewer for a quick look")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    config = model.Config()
    tokenizer = learn_tokenizer(config)
    net = model.TinyModel(config)
    print(f"{sum(p.numel() for p in net.parameters())} parameters, {options.steps * BATCH * LENGTH} tokens", flush=True)
    train(net, tokenizer, options.steps)
    save(options.out, net, tokenizer)
    data = options.out.read_bytes()
    print(f"{options.out}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")

if __name__ == "__main__":
    main()
