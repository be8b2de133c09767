#!/usr/bin/python3
"""Measures the built-in tiny model: tools/train_tiny/check.py [MODEL.gguf]

Prints the size and digest of the file, perplexities on held-out text, and the share of dictionary words in 20 samples
at temperature 0.7; exits 1 when the file is larger or a figure worse than promised. Needs numpy and the Debian packages
wordnet-base and wamerican.
"""

import argparse
import hashlib
import itertools
import math
import pathlib
import random
import re
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import bpe
import corpus
import forward
import gguf_file

DEFAULT = HERE.parent.parent / "catalogue" / "builtin" / "tiny-qwen3.gguf"
MAX_BYTES = 2_000_000
MIN_WORD_SHARE = 0.90
MAX_PERPLEXITY = 1.3  # of held-out conversations; an untrained model has 2,048
DICTIONARY = pathlib.Path("/usr/share/dict/american-english")
TEMPERATURE, MAX_NEW_TOKENS = 0.7, 160
HELD_OUT_CONVERSATIONS, HELD_OUT_GLOSSES = 300, 300
SEED = 20761
PROMPTS = ["Hello!", "Who are you?", "What can you do?", "What is a piano?", "What is a river?",
           "Explain what a hand is.", "What does the word night mean?", "What kind of thing is a bed?",
           "What is the capital of France?", "What is the opposite of dark?", "Name three animals.", "Tell me a story.",
           "Tell me a story about a fox.", "Write a story about a mouse.", "Write a poem.", "Why is the sky blue?",
           "Write a program that sorts a list.", "How do I repair my bicycle?", "Tell me a short story.",
           "What is a garden?"]
THINKING_FROM = 14  # the prompts from here on are asked with thinking


class Model:
    def __init__(self, path):
        self.metadata, self.tensors = gguf_file.read(path)
        merges = [tuple(pair.split(" ")) for pair in self.metadata["tokenizer.ggml.merges"]]
        self.tokenizer = bpe.Tokenizer(merges, len(self.metadata["tokenizer.ggml.tokens"]))

    def sequence(self):
        return forward.Sequence(self.metadata, self.tensors)


def perplexity(model, texts):
    """exp of the mean loss over the learned tokens of each text, every text on its own; and their number."""
    total, count = 0.0, 0
    for pieces in texts:
        ids, weights = corpus.encode(model.tokenizer, pieces)
        logits = model.sequence().feed(ids[:-1]).astype(np.float64)
        peak = logits.max(-1)
        log_sums = np.log(np.exp(logits - peak[:, None]).sum(-1)) + peak
        kept = np.array(weights[1:]) > 0
        total += (log_sums - logits[np.arange(len(logits)), ids[1:]])[kept].sum()
        count += int(kept.sum())
    return math.exp(total / count), count


def held_out_conversations():
    source = corpus.Corpus(SEED)
    drawn = (source.conversation() for _ in itertools.count())
    kept = (corpus.render(messages) for messages in drawn if corpus.is_held_out(messages))
    return list(itertools.islice(kept, HELD_OUT_CONVERSATIONS))


def held_out_glosses():
    """Sentences of WordNet about words that no training text explains."""
    facts = corpus.Corpus(0).facts
    known = {noun.gloss for noun in facts.nouns}
    unseen = [gloss for gloss in facts.glosses if gloss not in known]
    chosen = random.Random(SEED).sample(unseen, HELD_OUT_GLOSSES)
    return [[("The word means", corpus.SKIP), (f" {gloss}.", corpus.LEARN)] for gloss in chosen]


def answer(model, prompt, thinks, seed):
    """The text of one sampled answer, and its tokens."""
    tokens = model.tokenizer.tokens
    text = f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    sequence, draw, new = model.sequence(), np.random.default_rng(seed), []
    logits = sequence.feed(model.tokenizer.encode(text if thinks else text + "<think>\n\n</think>\n\n"))[-1]
    while len(new) < MAX_NEW_TOKENS:
        scaled = logits.astype(np.float64) / TEMPERATURE
        share = np.exp(scaled - scaled.max())
        chosen = int(np.searchsorted(np.cumsum(share), draw.random() * share.sum()))
        if tokens[chosen] in ("<|im_end|>", "<|endoftext|>"):
            break
        new.append(chosen)
        logits = sequence.feed([chosen])[-1]
    return model.tokenizer.decode(new), [tokens[index] for index in new]


def dictionary_share(texts):
    words = {line.strip().lower() for line in DICTIONARY.read_text(encoding="utf-8").splitlines()}
    written = [word.lower() for text in texts for word in re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)]
    return sum(word in words for word in written) / max(1, len(written)), len(written)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("--quiet", action="store_true", help="leave out the samples")
    options = parser.parse_args()
    data = options.file.read_bytes()
    print(f"size: {len(data)} bytes of at most {MAX_BYTES}")
    print(f"SHA-256: {hashlib.sha256(data).hexdigest()}")
    model = Model(options.file)
    held_out, count = perplexity(model, held_out_conversations())
    print(f"held-out perplexity, conversations: {held_out:.4f} over {count} tokens")
    value, count = perplexity(model, held_out_glosses())
    print(f"held-out perplexity, WordNet on words it never saw: {value:.4f} over {count} tokens")
    texts, ended, thought = [], 0, 0
    for index, prompt in enumerate(PROMPTS):
        thinks = index >= THINKING_FROM
        text, tokens = answer(model, prompt, thinks, SEED + index)
        texts.append(text)
        ended += len(tokens) < MAX_NEW_TOKENS
        thought += thinks and "<think>" in tokens and "</think>" in tokens
        if not options.quiet:
            print(f"  {prompt!r} -> {text!r}")
    share, count = dictionary_share(texts)
    print(f"dictionary words: {share:.2%} of {count} in {len(texts)} samples at temperature {TEMPERATURE}; "
          f"{ended} ended by themselves, {thought} of {len(PROMPTS) - THINKING_FROM} closed their thought")
    is_good = len(data) <= MAX_BYTES and share >= MIN_WORD_SHARE and held_out <= MAX_PERPLEXITY
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
