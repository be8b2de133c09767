"""Marks of what shall be held: the first request with one tells what it made, the next what it found; the answers are the same."""
import itertools

from checks import in_input, in_messages, same, turns
from counting_checks import alike
from structure_checks import anthropic_talk, anthropic_tool

MARK = {"type": "ephemeral"}
LEAST = 1024  # tokens that are held
NUMBERS = itertools.count()  # so that each check has a text that nobody sent before


def long_text():
    return f"{next(NUMBERS)}: " + "The violin is played by a bow. " * 150


def told(answer):
    """(made, found)"""
    usage = answer.body["usage"]
    details = usage.get("prompt_tokens_details")
    if details is None:
        return usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]
    made = details["cache_creation_input_tokens"]
    same(details["cache_creation"], {"ephemeral_5m_input_tokens": made})
    same(details["cache_type"], "ephemeral")
    return made, details["cached_tokens"]


def holds(place):
    """place(text, mark): a request with a part of that text, and the mark where there is one."""
    def check(server, door):
        text = long_text()

        def ask(mark, what=text):
            answer = door.ask(server, place(what, mark), temperature=0, max_tokens=4)
            assert answer.status == 200, answer.raw
            return answer
        plain, first, second = ask({}), ask({"cache_control": MARK}), ask({"cache_control": MARK})
        made, found = told(first)
        assert made >= LEAST and found == 0, first.raw
        same(told(second), (0, made))
        same([first.text, second.text], [plain.text] * 2)
        assert "ephemeral_5m" not in plain.raw and "x-studio-ignored" not in second.headers
        same(told(ask({"cache_control": MARK}, "Hello.")), (0, 0))
        for wrong in ({"type": "persistent"}, {}):
            answer = door.ask(server, place(text, {"cache_control": wrong}), max_tokens=1)
            assert answer.status == 400 and "cache_control.type" in answer.raw, answer.raw
    return check


def several(place):
    """place(texts, mark): parts of these texts, each with the mark."""
    def check(server, door):
        texts = [long_text() for _ in range(2)]
        first = door.ask(server, place(texts[:1]), temperature=0, max_tokens=1)
        second = door.ask(server, place(texts), temperature=0, max_tokens=1)
        same(told(second)[1], told(first)[0])
        assert told(second)[0] >= LEAST // 2, second.raw
        answer = door.ask(server, place(["x"] * 5), max_tokens=1)
        assert answer.status == 400 and "4 times" in answer.raw and "cache_control" in answer.raw, answer.raw
    return check


def each(place, *checks):
    def check(server, door):
        for one in checks:
            one(server, door)
    return {place + "cache_control": check, place + "cache_control.type": check}


def typed(text, mark):
    return {"type": "text", "text": text, **mark}


def untyped(text, mark):
    return {"text": text, **mark}


def in_parts(where, part):
    path = "input.messages[].content[]." if where is in_input else "messages[].content[]."
    return each(path, holds(lambda text, mark: where([{"role": "user", "content": [part(text, mark), part("Why?", {})]}])),
                several(lambda texts: where([{"role": "user", "content": [part(text, {"cache_control": MARK}) for text in texts]}])))


def openai():
    return in_parts(in_messages, typed)


def dashscope():
    return in_parts(in_input, untyped)


def hello(**more):
    return {**in_messages(turns(("user", "Hello."))), **more}


ANTHROPIC_PLACES = {
    "": lambda text, mark: {**in_messages(turns(("user", text))), **mark},
    "system[].": lambda text, mark: hello(system=[typed(text, mark)]),
    "messages[].content[].content[].": lambda text, mark: anthropic_talk(content=[typed(text, mark)]),
    "tools[].": lambda text, mark: hello(tools=[anthropic_tool(description=text, **mark)]),
}


def anthropic():
    proofs = in_parts(in_messages, typed)
    for place, over in ANTHROPIC_PLACES.items():
        proofs.update(each(place, holds(over)))
    return proofs


def counted(path, read, places, part=typed, where=in_messages):
    """Of an endpoint that counts: a mark is read, and counts nothing."""
    def bodies(place, over):
        return each(place, alike(path, read, over("x", {}), over("x", {"cache_control": MARK})))
    path_of_parts = "input.messages[].content[]." if where is in_input else "messages[].content[]."
    proofs = bodies(path_of_parts, lambda text, mark: where([{"role": "user", "content": [part(text, mark)]}]))
    for place, over in places.items():
        proofs.update(bodies(place, over))
    return proofs
