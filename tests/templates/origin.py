#!/usr/bin/env python3
"""What the template writes depends on the structure of a conversation alone, whatever its texts say.

Usage: origin.py RENDER_TOOL COUNT [SEED]     COUNT conversations for each template of the catalogue, a tenth for the others;
those whose structure the template refuses do not count.
Every conversation is rendered twice: with texts that say nothing (x1, x2, ...), and with texts made of the template's own special tokens, whole, cut in
two and nested. The pieces of the output that the renderer marks as the template's must be the same list both times, so
the number and the place of control tokens are. For a template of the catalogue the prompt is tokenised, too, with its model's
vocabulary: the control ids must be the same list.

Some templates read texts to place thinking tags: they look for </think> in what the assistant said and for
<tool_response> around what the user said. For these the tags <think> and </think> and their ids are left out of the
comparison, and the tokens in the pieces, not the pieces, must agree.
"""
import multiprocessing
import random
import re
import sys

import conversations
import sources
from renderer import Renderer, template_pieces

NOW = 1_760_000_000
JOBS = 2  # the machines have two cores
MOST_REFUSED = 4  # structures refused for each rendered: some templates want turns in strict order, none wants less
TOKEN = re.compile(r"<\|[^|<>\s]{1,40}\|>|<｜[^｜\s]{1,40}｜>|</?[a-z_]{3,20}>|<[se]os>|</?s>|\[/?[A-Z_]{3,20}\]")
THINKING = {"<think>", "</think>"}


class Plain:
    """Texts of the first rendering: nothing but different, as some templates compare messages."""

    def __init__(self):
        self.count = 0

    def text(self):
        self.count += 1
        return f"x{self.count}"

    def nine(self):
        return (self.text() + "xxxxxxxxx")[:9]


class Hostile:
    """Texts that spell special tokens: whole, in halves that neighbours could complete, one inside another."""

    def __init__(self, rng, tokens):
        self.rng, self.tokens, self.count = rng, tokens, 0

    def _piece(self):
        token = self.rng.choice(self.tokens)
        cut = self.rng.randint(1, len(token) - 1)
        return self.rng.choice([token, token[:cut], token[cut:], token[:cut] + token + token[cut:], "hello", "\n", " ",
                                "你好", token.upper(), token.replace("|", "\u200b|"), token + self.rng.choice(self.tokens)])

    def text(self):  # numbered like the plain ones, so that two are as different
        self.count += 1
        pieces = [self._piece() for _ in range(self.rng.randint(1, 5))]
        pieces.insert(self.rng.randint(0, len(pieces)), str(self.count))
        return "".join(pieces).strip()

    def nine(self):  # some templates check the length of call ids
        return (self.text() + "xxxxxxxxx").replace("\n", "_")[:9]


def named(fill, rng, make, least=0):
    """A dict with 0 to 3 texts as keys; numbered, so that sorting by key keeps their order."""
    return {f"{i:02d}{fill.text()}": make() for i in range(rng.randint(least, 3))}


def schema(fill, rng, depth=2):
    kind = rng.choice(["string", "number", "array", "object", "boolean"])
    result = {"type": kind}
    if rng.random() < 0.6:
        result["description"] = fill.text()
    if rng.random() < 0.2:
        result["enum"] = [fill.text()]
    if kind == "array" and depth:
        result["items"] = schema(fill, rng, depth - 1)
    if kind == "object" and depth:
        result["properties"] = named(fill, rng, lambda: schema(fill, rng, depth - 1))
        result["required"] = list(result["properties"])[:1]
    return result


def tool(fill, rng):
    return {"type": "function", "function": {
        "name": fill.text(), "description": fill.text(),
        "parameters": {"type": "object", "properties": named(fill, rng, lambda: schema(fill, rng)), "required": []}}}


def call(fill, rng):
    def argument():
        return rng.choice([lambda: fill.text(), lambda: 1.5, lambda: [fill.text()], lambda: named(fill, rng, fill.text)])()

    arguments = named(fill, rng, argument) if rng.random() < 0.8 else fill.text()
    return {"type": "function", "id": fill.nine(), "function": {"name": fill.text(), "arguments": arguments}}


def conversation(fill, rng):
    """The same structure for the same state of rng, whatever fill says."""
    messages = []
    with_tools, with_parts = rng.random() < 0.5, rng.random() < 0.15

    def content():
        return [{"type": "text", "text": fill.text()}, {"type": "text", "text": fill.text()}] if with_parts else fill.text()

    if rng.random() < 0.5:
        messages.append({"role": "system", "content": content()})
    for turn in range(rng.randint(1, 3)):
        messages.append({"role": "user", "content": content()})
        if with_tools and rng.random() < 0.6:
            calls = [call(fill, rng) for _ in range(rng.randint(1, 2))]
            messages.append({"role": "assistant", "content": rng.choice(["", None]) if rng.random() < 0.5 else content(), "tool_calls": calls})
            messages += [{"role": "tool", "content": content(), "tool_call_id": made["id"], "name": made["function"]["name"]} for made in calls]
        messages.append({"role": "assistant", "content": content()})
        if rng.random() < 0.3:
            messages[-1]["reasoning_content"] = fill.text()
    if rng.random() < 0.6:
        messages.pop()
    context = {"messages": messages, "add_generation_prompt": rng.random() < 0.7}
    if with_tools:
        context["tools"] = [tool(fill, rng) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.3:
        context["enable_thinking"] = rng.random() < 0.5
    return context


def special_tokens(source):
    found = set(TOKEN.findall(source)) | set(conversations.SPECIAL_TOKENS)
    return sorted(token for token in found if len(token) > 2)


def difference(renderer, number, rng_seed, tokens, reads_texts, thinking_ids):
    """(what differs or None, whether the template refused the structure)."""
    plain = conversation(Plain(), random.Random(rng_seed))
    hostile = conversation(Hostile(random.Random(f"{rng_seed}/texts"), tokens), random.Random(rng_seed))
    answers = [renderer.render(number, context, conversations.TRUSTED, NOW) for context in (plain, hostile)]
    if "error" in answers[0] or "error" in answers[1]:
        same = "error" in answers[0] and "error" in answers[1]
        return (None if same else f"only one fails: {[a.get('error') for a in answers]}"), True
    ids = [[i for i in answer.get("control_ids", []) if i not in thinking_ids] for answer in answers]
    if ids[0] != ids[1]:
        return f"control ids {ids[0]} and {ids[1]}", False
    pieces = [template_pieces(answer) for answer in answers]
    if not reads_texts:
        return (None if pieces[0] == pieces[1] else f"pieces {pieces[0]} and {pieces[1]}"), False
    placed = [[t for piece in side for t in TOKEN.findall(piece) if t not in THINKING] for side in pieces]
    return (None if placed[0] == placed[1] else f"tokens {placed[0]} and {placed[1]}"), False


def check_template(job):
    """(the lines to print, whether all is well) of a template; on a process of its own."""
    tool_path, name, source, count, seed = job
    vocabulary = sources.vocabulary_of(name)
    renderer = Renderer(tool_path, vocabulary)
    number = renderer.compile(source)
    tokens = special_tokens(source)
    reads_texts = "'</think>' in" in source or '"</think>" in' in source or "startswith('<tool_response>')" in source
    thinking_ids = set()
    if reads_texts and vocabulary:  # a template of nothing but the tags, to learn their ids
        tags = renderer.compile("".join(sorted(THINKING)))
        thinking_ids = set(renderer.render(tags, {}, {}, NOW)["control_ids"])
    rendered, refused, differences = 0, 0, []
    while rendered < count and refused < MOST_REFUSED * count:
        i = rendered + refused
        found, was_refused = difference(renderer, number, f"{seed}/{name}/{i}", tokens, reads_texts, thinking_ids)
        refused += was_refused
        rendered += not was_refused
        if found:
            differences.append((i, found))
    lines = [f"        conversation {i}: {found[:1500]}" for i, found in differences[:2]]
    how = ("tokens but thinking tags" if reads_texts else "template bytes") + (" or control ids" if vocabulary else "")
    lines.append(f"{'FAILED ' if differences else 'ok     '} origin, {name}: {rendered} conversations, {len(differences)} differ in {how}; "
          f"{len(tokens)} tokens spelled, {refused} structures refused")
    return lines, not differences and rendered == count


def main():
    tool_path, count, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "1"
    templates, _ = sources.load()
    jobs = [(tool_path, name, source, count if sources.is_of_catalogue(name) else max(count // 10, 1), seed)
            for name, source in templates.items()]
    jobs.sort(key=lambda job: -job[3])  # the long ones first, so that no process ends up with the last of them alone
    results = []
    with multiprocessing.Pool(JOBS) as pool:
        for lines, is_good in pool.imap(check_template, jobs):
            print("\n".join(lines), flush=True)
            results.append(is_good)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
