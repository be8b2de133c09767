"""Checks of the endpoints that count tokens and generate nothing, and of the one that shows a model."""
import structure_checks
from checks import in_input, in_messages, named, same, turns, typed
from doors import send


def counts(path, read, *bodies):
    """Each body has a count of its own."""
    def check(server, door):
        del door
        seen = []
        for body in bodies:
            answer = send(server, path, {"model": "tiny", **body})
            assert answer.status == 200, answer.raw
            seen.append(read(answer.body))
        assert len(set(seen)) == len(seen), seen
    return check


def alike(path, read, *bodies):
    def check(server, door):
        del door
        seen = {read(send(server, path, {"model": "tiny", **body}).body) for body in bodies}
        same(len(seen), 1)
    return check


def unknown_model(path, body):
    def check(server, door):
        del door
        answer = send(server, path, {**body, "model": "no-such-model"})
        assert answer.status in (400, 404) and "no-such-model" in answer.raw, answer.raw
    return check


def counting(path, read, place, part):
    """Checks of an endpoint that counts the tokens of messages."""
    hello, story = place(turns(("user", "Hello."))), place(turns(("user", "Tell me a long story, please.")))
    several = place([{"role": "user", "content": [part("Hel"), part("lo.")]}])
    return {"": counts(path, read, hello, story), "[].content": counts(path, read, hello, story),
            "[].role": counts(path, read, hello, place(turns(("assistant", "Hello."), ("user", "Hello.")))),
            "[].content[].text": alike(path, read, hello, several), "[].content[].type": alike(path, read, hello, several)}


class Counted:
    """As a door, of an endpoint that counts the tokens of a conversation and generates nothing."""

    def __init__(self, path, read):
        self.path, self.read = path, read

    def ask(self, server, over, **_):
        answer = send(server, self.path, {"model": "tiny", **over})
        answer.prompt_tokens = self.read(answer.body) if answer.status == 200 else 0
        return answer


def calls_counted(path, read, messages_prefix=""):
    checks = structure_checks.AsOpenai(messages_prefix=messages_prefix).calls()
    return {place: (lambda server, door, check=check: check(server, Counted(path, read))) for place, check in checks.items()}


def tokenize_proofs():
    path, hello = "/v1/tokenize", in_messages(turns(("user", "Hello.")))
    thinking = counts(path, lambda body: body["count"], {**hello, "enable_thinking": True}, {**hello, "enable_thinking": False})

    def same_prompt(one, other):
        return alike(path, lambda body: tuple(body["tokens"]), {**hello, **one}, {**hello, **other})
    kwargs = same_prompt({"enable_thinking": False}, {"chat_template_kwargs": {"enable_thinking": False}})
    return {**calls_counted(path, lambda body: body["count"]), "model": unknown_model(path, {"text": "x"}), "text": counts(path, lambda body: body["count"], {"text": "x"}, {"text": "x y z"}),
            **named("messages", counting(path, lambda body: body["count"], in_messages, typed)),
            "messages[].partial": counts(path, lambda body: body["count"], in_messages(turns(("user", "x"), ("assistant", "y"))),
                                         in_messages(turns(("user", "x")) + [{"role": "assistant", "content": "y", "partial": True}])),
            "messages[].reasoning_content": alike(path, lambda body: body["count"], in_messages(turns(("user", "x"), ("assistant", "y"), ("user", "z"))),
                                                  in_messages(turns(("user", "x")) + [{"role": "assistant", "content": "y", "reasoning_content": "t"}] +
                                                              turns(("user", "z")))),
            "reasoning_effort": same_prompt({"enable_thinking": False}, {"reasoning_effort": "none"}),
            "enable_thinking": thinking, "chat_template_kwargs": kwargs, "chat_template_kwargs.enable_thinking": kwargs,
            # Thinking with a budget is begun by the prompt.
            "thinking_budget": counts(path, lambda body: body["count"], {**hello, "enable_thinking": True}, {**hello, "thinking_budget": 8})}


def tokenizer_proofs():
    path, read = "/api/v1/tokenizer", lambda body: body["usage"]["input_tokens"]
    prompts = counts(path, read, {"input": {"prompt": "x"}}, {"input": {"prompt": "x y z"}})
    partial = turns(("user", "x")) + [{"role": "assistant", "content": "y", "partial": True}]
    thought = turns(("user", "x")) + [{"role": "assistant", "content": "y", "reasoning_content": "t"}] + turns(("user", "z"))
    history = [{"user": "a", "bot": "b"}]
    return {**calls_counted(path, read, "input"), "model": unknown_model(path, {"input": {"prompt": "x"}}), "input": prompts, "input.prompt": prompts,
            **named("input.messages", counting(path, read, in_input, typed)),
            "input.messages[].partial": counts(path, read, in_input(turns(("user", "x"), ("assistant", "y"))), in_input(partial)),
            "input.messages[].reasoning_content": alike(path, read, in_input(turns(("user", "x"), ("assistant", "y"), ("user", "z"))), in_input(thought)),
            **{"input.history" + name: counts(path, read, {"input": {"prompt": "x"}}, {"input": {"prompt": "x", "history": history}})
               for name in ("", "[].user", "[].bot")}}


def count_proofs():
    path, read, hello = "/v1/messages/count_tokens", lambda body: body["input_tokens"], in_messages(turns(("user", "Hello.")))
    on = counts(path, read, {**hello, "thinking": {"type": "enabled"}}, {**hello, "thinking": {"type": "disabled"}})
    thought = [{"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, typed("y")]}]
    system = alike(path, read, {**hello, "system": "Be brief."}, {**hello, "system": [typed("Be "), typed("brief.")]})
    return {**structure_checks.anthropic_count(send), "model": unknown_model(path, hello), **named("messages", counting(path, read, in_messages, typed)),
            "messages[].content[].thinking": alike(path, read, in_messages(turns(("user", "x"), ("assistant", "y"), ("user", "z"))),
                                                   in_messages(turns(("user", "x")) + thought + turns(("user", "z")))),
            "system": counts(path, read, hello, {**hello, "system": "Be brief."}), "system[].type": system, "system[].text": system,
            "thinking": on, "thinking.type": on,
            "output_config.effort": alike(path, read, {**hello, "output_config": {"effort": "low"}},
                                          {**hello, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
            "thinking.display": alike(path, read, {**hello, "thinking": {"type": "enabled", "display": "omitted"}}, {**hello, "thinking": {"type": "enabled"}}),
            "thinking.budget_tokens": counts(path, read, {**hello, "thinking": {"type": "enabled"}}, {**hello, "thinking": {"type": "enabled", "budget_tokens": 9}})}
