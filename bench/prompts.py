"""Prompts as token ids: real text, cut to exact numbers of tokens, another cut for every purpose and round."""
import os
import random

from pairs import ROOT

TEXTS = ["english.txt", "english_2.txt", "code.txt", "code_2.txt"]  # of tests/data/accuracy
CONTROL_TOKENS = 22  # of Qwen 2.5
MARK = "§"  # where the user's text goes between the template's


class Prompts:
    def __init__(self, studio):
        """studio: a running server of ours, which knows the vocabulary."""
        texts = []
        for name in TEXTS:
            with open(os.path.join(ROOT, "tests/data/accuracy", name), encoding="utf-8") as file:
                texts.append(file.read())
        self.ids = studio.ids_of(text="\n".join(texts))
        chat, mark = studio.ids_of(messages=[{"role": "user", "content": MARK}]), studio.ids_of(text=MARK)
        at = next(i for i in range(len(chat)) if chat[i:i + len(mark)] == mark)
        self.before, self.after = chat[:at], chat[at + len(mark):]
        # From <|endoftext|>, the one before <|im_start|>. They show as no text, and most end an answer.
        self.control_ids = range(self.before[0] - 1, self.before[0] - 1 + CONTROL_TOKENS)

    def text(self, tokens, *purpose):
        """That many tokens; the same purpose gives the same ones, and another begins elsewhere."""
        at = random.Random(repr(purpose)).randrange(len(self.ids) - tokens)
        return self.ids[at:at + tokens]

    def chat(self, tokens, *purpose):
        """A conversation of so many tokens in all, the template's among them."""
        return self.before + self.text(tokens - len(self.before) - len(self.after), *purpose) + self.after
