#!/usr/bin/python3
"""What is promised of the built-in model: its size, words that a dictionary knows, held-out perplexity; with --train also
that its script makes it anew. Usage: tests/builtin/run.py [--train]

Training takes about 20 minutes of one core and wants the packages of the group "train" (scripts/packages.txt).
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOL = os.path.join(ROOT, "tools/train_tiny")
MODEL = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
MAX_PERPLEXITY_CHANGE = 0.01
TIMEOUT_S = 60

sys.path.insert(0, TOOL)
sys.path.insert(0, os.path.join(HERE, "../lib"))
import check  # noqa: E402
from server import Server  # noqa: E402

passed = failed = 0


def expect(is_right, what):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    print(f"{'ok' if is_right else 'FAILED'} {what}", flush=True)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def conversation_perplexity(path):
    return check.perplexity(check.Model(path), check.held_out_conversations())


def sampled_answers():
    """One answer of the served model to each prompt, as the script that trained it would ask."""
    with Server(models=["tiny"]) as server:
        for index, prompt in enumerate(check.PROMPTS):
            body = {"model": "tiny", "messages": [{"role": "user", "content": prompt}], "temperature": check.TEMPERATURE, "seed": index,
                    "top_p": 1, "top_k": 0, "repetition_penalty": 1, "max_tokens": check.MAX_NEW_TOKENS,
                    "enable_thinking": index >= check.THINKING_FROM}
            request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                             {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                message = json.load(answer)["choices"][0]["message"]
            text = message.get("reasoning_content", "") + " " + message["content"]
            print(f"  {prompt!r} -> {text!r}")
            yield text


def measure():
    size = os.path.getsize(MODEL)
    expect(size <= check.MAX_BYTES, f"size: {size} bytes of at most {check.MAX_BYTES}")
    share, words = check.dictionary_share(list(sampled_answers()))
    expect(share >= check.MIN_WORD_SHARE, f"{share:.2%} of {words} words in {len(check.PROMPTS)} samples at temperature {check.TEMPERATURE} "
                                          "stand in the dictionary")
    scrambled = ["".join(chr(ord("a") + (ord(c) - ord("a") + 7) % 26) for c in word) for word in ("fox", "river", "garden", "friend")]
    expect(check.dictionary_share(scrambled)[0] < check.MIN_WORD_SHARE, "letters in another order are no words")
    held_out, tokens = conversation_perplexity(MODEL)
    expect(held_out <= check.MAX_PERPLEXITY, f"held-out perplexity of conversations: {held_out:.4f} over {tokens} tokens")
    glosses, tokens = check.perplexity(check.Model(MODEL), check.held_out_glosses())
    print(f"held-out perplexity of WordNet on words it never saw: {glosses:.4f} over {tokens} tokens")
    return held_out


def train_again(held_out):
    subprocess.run([os.path.join(ROOT, "scripts/install_packages.sh"), "train"], check=True)
    with tempfile.TemporaryDirectory(prefix="studio-tiny-") as folder:
        made = os.path.join(folder, "tiny.gguf")
        subprocess.run([os.path.join(TOOL, "train.py"), made], check=True)
        if digest(made) == digest(MODEL):
            return expect(True, f"made anew: the same {os.path.getsize(made)} bytes, SHA-256 {digest(made)}")
        perplexity, _ = conversation_perplexity(made)
        change = abs(perplexity / held_out - 1)
        expect(change <= MAX_PERPLEXITY_CHANGE, f"made anew on another kind of machine: perplexity {perplexity:.4f}, {change:.2%} away")


def main():
    held_out = measure()
    if "--train" in sys.argv:
        train_again(held_out)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
