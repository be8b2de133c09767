#!/usr/bin/python3
"""Measures the built-in tiny model: tools/train_tiny/check.py [MODEL.gguf]

Prints the size and digest of the file, perplexities on held-out text, and the share of dictionary words in 20 samples
at temperature 0.7; fails when the file is larger or the share smaller than promised. The weights are those of the
file, dequantised.
"""

import argparse
import hashlib
import itertools
import math
import pathlib
import random
import re
import sys

import train  # first: it pins the arithmetic
import torch

import bpe
import corpus
import gguf_file
import model

DEFAULT = train.HERE.parent.parent / "catalogue" / "builtin" / "tiny-qwen3.gguf"
MAX_BYTES = 2_000_000
MIN_WORD_SHARE = 0.90
DICTIONARY = pathlib.Path("/usr/share/dict/american-english")
TEMPERATURE, MAX_NEW_TOKENS = 0.7, 160
HELD_OUT_CONVERSATIONS, HELD_OUT_GLOSSES = 300, 300
HELD_OUT_SEED = train.SEED + 500
PROMPTS = ["Hello!", "Who are you?", "What can you do?", "What is a piano?", "What is a river?",
           "Explain what a horse is.", "What does the word night mean?", "What kind of thing is a hammer?",
           "What is the capital of France?", "What is the opposite of dark?", "Name three animals.", "Tell me a story.",
           "Tell me a story about a fox.", "Write a story about a mouse.", "Write a poem.", "Why is the sky blue?",
           "Write a program that sorts a list.", "How do I repair my bicycle?", "Tell me a short story.", "What is a garden?"]
THINKING_FROM = 14  # the prompts from here on are asked with thinking


def load(path):
    """The model and its tokenizer as the file holds them."""
    meta, tensors = gguf_file.read(path)

    def get(key):
        return meta["qwen3." + key]

    config = model.Config(
        vocab=len(meta["tokenizer.ggml.tokens"]), hidden=get("embedding_length"), layers=get("block_count"),
        heads=get("attention.head_count"), kv_heads=get("attention.head_count_kv"),
        head_dim=get("attention.key_length"), ffn=get("feed_forward_length"), rope_base=get("rope.freq_base"),
        norm_eps=get("attention.layer_norm_rms_epsilon"), context=get("context_length"))
    net = model.TinyModel(config)
    net.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    merges = [tuple(pair.split(" ")) for pair in meta["tokenizer.ggml.merges"]]
    return net, bpe.Tokenizer(merges, config.vocab)


def perplexity(net, tokenizer, texts):
    """exp of the mean loss over the learned tokens of each text, every text on its own."""
    total, count = 0.0, 0
    for pieces in texts:
        ids, weights = train.encode(tokenizer, pieces)
        logits = net.head(net.body(torch.tensor([ids[:-1]])))[0]
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
        kept = torch.tensor(weights[1:])
        total += (losses * kept).sum().item()
        count += int(kept.sum().item())
    return math.exp(total / count), count


def held_out_conversations():
    source = corpus.Corpus(HELD_OUT_SEED)
    drawn = (source.conversation() for _ in itertools.count())
    kept = (corpus.render(messages) for messages in drawn if corpus.is_held_out(messages))
    return list(itertools.islice(kept, HELD_OUT_CONVERSATIONS))


def held_out_glosses():
    """Sentences of WordNet about words that no training text explains."""
    facts = corpus.Corpus(0).facts
    known = {noun.gloss for noun in facts.nouns}
    unseen = [gloss for gloss in facts.glosses if gloss not in known]
    chosen = random.Random(HELD_OUT_SEED).sample(unseen, HELD_OUT_GLOSSES)
    return [[("The word means", corpus.SKIP), (f" {gloss}.", corpus.LEARN)] for gloss in chosen]


def answer(net, tokenizer, prompt, thinks, seed):
    text = f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer.encode(text if thinks else text + "<think>\n\n</think>\n\n")
    draw = torch.Generator().manual_seed(seed)
    start, ends = len(ids), {tokenizer.ids["<|im_end|>"], tokenizer.ids["<|endoftext|>"]}
    while len(ids) - start < MAX_NEW_TOKENS:
        logits = net.head(net.body(torch.tensor([ids]))[0, -1])
        chosen = torch.multinomial(torch.softmax(logits / TEMPERATURE, -1), 1, generator=draw).item()
        if chosen in ends:
            break
        ids.append(chosen)
    new = ids[start:]
    return tokenizer.decode(new), [tokenizer.tokens[index] for index in new]


def dictionary_share(texts):
    words = {line.strip().lower() for line in DICTIONARY.read_text(encoding="utf-8").splitlines()}
    written = [word.lower() for text in texts for word in re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)]
    return sum(word in words for word in written) / max(1, len(written)), len(written)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("--quiet", action="store_true", help="leave out the samples")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    data = options.file.read_bytes()
    print(f"size: {len(data)} bytes of at most {MAX_BYTES}")
    print(f"SHA-256: {hashlib.sha256(data).hexdigest()}")
    net, tokenizer = load(options.file)
    for name, texts in (("conversations", held_out_conversations()), ("unseen WordNet glosses", held_out_glosses())):
        value, count = perplexity(net, tokenizer, texts)
        print(f"held-out perplexity, {name}: {value:.4f} over {count} tokens")
    texts, ended, thought = [], 0, 0
    for index, prompt in enumerate(PROMPTS):
        thinks = index >= THINKING_FROM
        text, tokens = answer(net, tokenizer, prompt, thinks, train.SEED + index)
        texts.append(text)
        ended += len(tokens) < MAX_NEW_TOKENS
        thought += thinks and "<think>" in tokens and "</think>" in tokens
        if not options.quiet:
            print(f"  {prompt!r} -> {text!r}")
    share, count = dictionary_share(texts)
    print(f"dictionary words: {share:.2%} of {count} in {len(texts)} samples at temperature {TEMPERATURE}; "
          f"{ended} ended by themselves, {thought} of {len(PROMPTS) - THINKING_FROM} closed their thought")
    return 0 if len(data) <= MAX_BYTES and share >= MIN_WORD_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
