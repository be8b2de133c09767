"""The distinct requests of a crowd, drawn from a seed: prompts as token ids, so that lengths are exact."""
import os
import random

TEXTS = ("english.txt", "code.txt", "chinese.txt")  # of tests/data/accuracy
MAX_PROMPT, MAX_ANSWER = 200, 24
OCTAVES = 8          # 1, 2-3, 4-7, ... 128-200 tokens, each as often: short prompts cost little
SHARED_PREFIXES = 8  # half of the prompts begin as others do, for as long as chance has it
RANDOM_EVERY = 8     # one in so many holds ids that no text has in this order
LOGPROBS_EVERY = 4   # one in so many is compared by the bits of its logprobs, too


def texts_of(root):
    texts = []
    for name in TEXTS:
        with open(os.path.join(root, "tests/data/accuracy", name), encoding="utf-8") as file:
            texts.append(file.read())
    return "\n".join(texts)


def cut(rng, ids, length):
    at = rng.randrange(len(ids) - length)
    return ids[at:at + length]


def prompt_of(rng, number, ids, prefixes):
    shortest = 1 << rng.randrange(OCTAVES)
    length = rng.randint(shortest, min(2 * shortest - 1, MAX_PROMPT))
    if number % RANDOM_EVERY == 0:
        return [rng.choice(ids) for _ in range(length)]
    own = cut(rng, ids, length)
    if rng.random() < 0.5:
        shared = rng.randint(0, length)
        return rng.choice(prefixes)[:shared] + own[shared:]
    return own


def make_requests(model, ids, count, seed):
    prefixes = [cut(random.Random(repr((seed, "prefix", i))), ids, MAX_PROMPT) for i in range(SHARED_PREFIXES)]
    bodies = []
    for number in range(count):
        rng = random.Random(repr((seed, number)))
        body = {"model": model, "prompt": prompt_of(rng, number, ids, prefixes), "max_tokens": rng.randint(1, MAX_ANSWER),
                "temperature": rng.choice((0, 0.3, 0.7, 1, round(rng.uniform(0.1, 1.9), 3))), "top_p": rng.choice((1, 1, 0.95, 0.8)),
                "seed": rng.getrandbits(31)}
        if number % LOGPROBS_EVERY == 0:
            body["logprobs"] = rng.randint(0, 5)
        bodies.append(body)
    return bodies
