"""What proves that a field was honoured: one check each, of the server's answer, never of its word.

COMMON checks know a field by its neutral name, in every dialect; the others belong to one endpoint's places. proofs.py says which belongs where.
"""
import structure_checks
from doors import QUESTION, send

LONG = {"max_tokens": 32}
WIDE = {"temperature": 1.9, "top_p": 1.0, "top_k": 200}  # so that each seed has its own text


def same(a, b):
    assert a == b, f"{a!r} is not {b!r}"


def differs(a, b):
    assert a != b, f"both are {a!r}"


def greedy(server, door):
    return door.ask(server, temperature=0).text


def wide(server, door, over=None, **neutral):
    """The text of many likely ones that the seed chooses, where there is a seed."""
    known = {name: value for name, value in {**WIDE, **LONG}.items() if name in door.fields}
    return door.ask(server, over, **{**known, **neutral}).text


def narrows(**narrow):
    """At a high temperature, the field leaves the likeliest token alone."""
    def check(server, door):
        same(wide(server, door, max_tokens=12, **narrow), greedy(server, door))
    return check


def steers(**steer):
    """With the same seeds, the field alone changes the answers; short ones may hold nothing to change."""
    def check(server, door):
        plain, again, steered = ([wide(server, door, seed=seed, **more) for seed in range(4)] for more in ({}, {}, steer))
        same(plain, again)
        differs(plain, steered)
    return check


def check_model(server, door):
    answer = door.ask(server, model="no-such-model")
    assert answer.status in (400, 404) and "no-such-model" in answer.raw, answer.raw


def check_stream(server, door):
    whole, streamed = door.ask(server, temperature=0, stream=False), door.ask(server, temperature=0, stream=True)
    assert whole.body is not None and streamed.body is None and len(streamed.events()) > 2
    same(streamed.text, whole.text)


def check_temperature(server, door):
    same(greedy(server, door), greedy(server, door))
    hot = [wide(server, door, **({"seed": i} if "seed" in door.fields else {})) for i in range(4)]
    assert len(set(hot)) > 1, hot


def check_seed(server, door):
    first, again, other = (wide(server, door, seed=seed) for seed in (7, 7, 8))
    same(first, again)
    differs(first, other)


def check_stop(server, door):
    whole = door.ask(server, temperature=0, **LONG).text
    word = whole[len(whole) // 2:][:4]
    answer = door.ask(server, temperature=0, **LONG, stop=[word])
    same(answer.text, whole[:whole.index(word)])
    assert answer.finish in ("stop", "end_turn"), answer.finish


def check_max_tokens(server, door):
    for limit in (1, 5):
        answer = door.ask(server, max_tokens=limit)
        same(answer.tokens, limit)
        assert answer.finish in ("length", "max_tokens"), answer.finish


def check_max_completion_tokens(server, door):
    answer = door.ask(server, {"max_tokens": 100}, thinking=True, max_completion_tokens=6)
    same(answer.tokens, 6)


def check_n(server, door):
    answer = door.ask(server, **WIDE, n=3)
    same(len(answer.choices), 3)
    same(len(set(answer.choices)), 3)


def check_logprobs(server, door):
    same(door.ask(server, logprobs=False).logprobs, [])
    answer = door.ask(server, logprobs=True, max_tokens=5)
    same((len(answer.logprobs), answer.tokens), (5, 5))


def check_top_logprobs(server, door):
    same(door.ask(server, logprobs=True, top_logprobs=3, max_tokens=5).logprobs, [3] * 5)


def check_thinking(server, door):
    on, off = (door.ask(server, temperature=0, max_tokens=48, thinking=is_on) for is_on in (True, False))
    assert on.reasoning and not off.reasoning, (on.reasoning, off.reasoning)


def check_thinking_budget(server, door):
    short, long = (door.ask(server, temperature=0, thinking=True, thinking_budget=budget) for budget in (2, 12))
    assert 0 < len(short.reasoning) < len(long.reasoning), (short.reasoning, long.reasoning)
    assert long.reasoning.startswith(short.reasoning)


def check_allow_degraded(server, door):
    plain = door.ask(server, temperature=0)
    same(door.ask(server, {"no_such_field": 1}, temperature=0).status, 400)
    part = door.ask(server, {"no_such_field": 1}, temperature=0, allow_degraded=True)
    same(part.text, plain.text)
    same(part.headers["x-studio-degraded"], "no_such_field")
    same(part.body["degraded"], {"unhonoured": ["no_such_field"]})
    streamed, clean = (door.ask(server, {**over, **({} if door.as_stream else {"stream": True})}, door.as_stream, temperature=0, allow_degraded=True)
                       for over in ({"no_such_field": 1}, {}))
    same(streamed.headers["x-studio-degraded"], "no_such_field")
    assert '"degraded":{"unhonoured":["no_such_field"]}' in streamed.raw and "degraded" not in clean.raw, streamed.raw
    same(streamed.text, plain.text)
    assert "degraded" not in plain.raw and "x-studio-degraded" not in plain.headers


COMMON = {
    "model": check_model, "stream": check_stream, "temperature": check_temperature, "seed": check_seed, "stop": check_stop,
    "top_p": narrows(top_p=1e-6), "top_k": narrows(top_k=1), "min_p": narrows(min_p=1.0),
    "presence_penalty": steers(presence_penalty=2), "frequency_penalty": steers(frequency_penalty=2), "repetition_penalty": steers(repetition_penalty=8),
    "max_tokens": check_max_tokens, "max_completion_tokens": check_max_completion_tokens, "n": check_n, "logprobs": check_logprobs,
    "top_logprobs": check_top_logprobs, "thinking": check_thinking, "thinking_budget": check_thinking_budget, "allow_degraded": check_allow_degraded,
}


# ---- one endpoint's own ----

def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


def prompt_tokens(server, door, over):
    answer = door.ask(server, over, temperature=0)
    assert answer.status == 200, answer.raw
    return answer.prompt_tokens


def alters(*overs):
    """Each of these requests gets its own answer: what differs between them is read."""
    def check(server, door):
        texts = [wide(server, door, over) if "seed" in door.fields else door.ask(server, over, temperature=0, **LONG).text for over in overs]
        assert all(texts) and len(set(texts)) == len(texts), texts
    return check


def equals(one, other):
    """Two ways to say the same get the same answer."""
    def check(server, door):
        first, second = door.ask(server, one, temperature=0), door.ask(server, other, temperature=0)
        assert first.status == second.status == 200, first.raw + second.raw
        same(first.text, second.text)
        same(first.prompt_tokens, second.prompt_tokens)
    return check


def refuses(over, word):
    def check(server, door):
        answer = door.ask(server, over)
        assert answer.status == 400 and word in answer.raw, answer.raw
    return check


def both(*checks):
    def check(server, door):
        for each in checks:
            each(server, door)
    return check


def check_include_usage(server, door):
    with_usage = door.ask(server, {"stream": True, "stream_options": {"include_usage": True}})
    without = door.ask(server, {"stream": True})
    same(with_usage.events()[-1]["choices"], [])
    assert with_usage.tokens > 0 and without.tokens == 0


def check_logit_bias(server, door):
    ids = send(server, "/v1/tokenize", {"model": "tiny", "text": "the"}).body["tokens"]
    text = door.ask(server, {"logit_bias": {str(ids[0]): 100}, "repetition_penalty": 1.0}, temperature=0, max_tokens=4).text
    same(text, text[:len(text) // 4] * 4)
    differs(text, door.ask(server, temperature=0, max_tokens=4).text)


def check_ignore_eos(server, door):
    answer = door.ask(server, {"ignore_eos": True}, temperature=0, max_tokens=400)
    same((answer.tokens, answer.finish), (400, "length"))


def check_partial(place, **beginning):
    def check(server, door):
        start = turns(("user", QUESTION)) + [{"role": "assistant", "content": "A violin is"}]
        go_on = start[:1] + [{**start[1], "partial": True}]
        whole, continued = (door.ask(server, place(messages), temperature=0) for messages in (start, go_on))
        differs(whole.text, continued.text)
        assert continued.prompt_tokens < whole.prompt_tokens  # no new turn is opened
    return check


# Of an earlier turn reasoning is no input, as with the hosted models; it must not turn up in the prompt nor be refused.
def drops_reasoning(place, name):
    def check(server, door):
        bare = turns(("user", "Hello."), ("assistant", "Hi."), ("user", QUESTION))
        thought = [bare[0], {**bare[1], name: "I greet back."}, bare[2]]
        same(prompt_tokens(server, door, place(thought)), prompt_tokens(server, door, place(bare)))
        answer = door.ask(server, place([{**bare[0], name: "x"}]))
        assert answer.status == 400 and name in answer.raw, answer.raw
    return check


def conversation(place, roles):
    """Checks of messages at one place, as their objects have them."""
    plain = place(turns(("user", QUESTION)))
    checks = {
        "": alters(plain, place(turns(("user", "Tell me a story.")))),
        ".content": alters(plain, place(turns(("user", "Tell me a story.")))),
        ".role": alters(*[place(turns((role, "Tell me a story."), ("user", QUESTION))) for role in roles]),
    }
    return checks


def parts_of(place, part):
    text = [{"role": "user", "content": [part("What is "), part("a violin?")]}]
    return equals(place(turns(("user", QUESTION))), place(text))


def in_messages(messages):
    return {"messages": messages}


def in_input(messages):
    return {"input": {"messages": messages}}


def typed(text):
    return {"type": "text", "text": text}


def named(prefix, checks):
    return {prefix + name: check for name, check in checks.items()}


def effort(prefix=""):
    """An effort is what enable_thinking and thinking_budget say in numbers, and no second word on it."""
    def said(**fields):
        over = {"max_tokens": 4, "enable_thinking": None, **fields}
        return {prefix: over} if prefix else over
    return both(equals(said(reasoning_effort="none"), said(enable_thinking=False)),
                equals(said(reasoning_effort="minimal"), said(thinking_budget=256)),
                equals(said(reasoning_effort="max"), said(enable_thinking=True)),
                refuses(said(reasoning_effort="low", enable_thinking=False), "reasoning_effort"),
                refuses(said(reasoning_effort="low", thinking_budget=5), "reasoning_effort"),
                refuses(said(reasoning_effort="much"), "reasoning_effort"))


OPENAI_CHAT = {
    **structure_checks.AsOpenai().proofs(),
    **structure_checks.structured_outputs(),
    "messages": conversation(in_messages, [])[""],
    "messages[].content": conversation(in_messages, [])[".content"],
    "messages[].role": both(conversation(in_messages, ["system", "user", "assistant"])[".role"],
                            equals(in_messages(turns(("developer", "Be brief."), ("user", "Hi."))),
                                   in_messages(turns(("system", "Be brief."), ("user", "Hi."))))),
    "messages[].reasoning_content": drops_reasoning(in_messages, "reasoning_content"),
    "messages[].partial": check_partial(in_messages),
    "messages[].content[].type": parts_of(in_messages, typed),
    "messages[].content[].text": parts_of(in_messages, typed),
    "stream_options": check_include_usage,
    "logit_bias": check_logit_bias,
    "ignore_eos": check_ignore_eos,
    "reasoning_effort": effort(),
    "chat_template_kwargs": refuses({"chat_template_kwargs": {"enable_thinking": True}}, "contradicts"),
    "chat_template_kwargs.enable_thinking": both(
        refuses({"chat_template_kwargs": {"enable_thinking": True}}, "contradicts"),
        lambda server, door: differs(door.ask(server, {"enable_thinking": None, "chat_template_kwargs": {"enable_thinking": True}, "max_tokens": 48},
                                              temperature=0).reasoning, "")),
}


def check_suffix(server, door):
    if server.infill_model is None:
        answer = door.ask(server, {"suffix": "end"})
        assert answer.status == 400 and "suffix" in answer.raw, answer.raw
        return
    base = {"model": server.infill_model, "prompt": "def double(x):\n    return "}
    with_suffix = door.ask(server, {**base, "suffix": "\n\nprint(double(21))\n"}, temperature=0)
    without = door.ask(server, base, temperature=0)
    assert with_suffix.status == 200, with_suffix.raw
    differs(with_suffix.text, without.text)


def check_completion_logprobs(server, door):
    answer = door.ask(server, logprobs=3)
    same(len(answer.body["choices"][0]["logprobs"]["tokens"]), answer.tokens)
    same(answer.logprobs, [3] * answer.tokens)


def check_echo(server, door):
    prompt = door.base["prompt"]
    plain, echoed = (door.ask(server, {"echo": is_on}, temperature=0) for is_on in (False, True))
    same(echoed.text, prompt + plain.text)
    same((echoed.tokens, echoed.prompt_tokens), (plain.tokens, plain.prompt_tokens))
    alone = door.ask(server, {"echo": True, "max_tokens": 0})
    same((alone.text, alone.tokens, alone.finish, alone.prompt_tokens), (prompt, 0, "length", plain.prompt_tokens))
    streamed = door.ask(server, {"echo": True, "stream_options": {"include_usage": True}}, temperature=0, stream=True)
    same((streamed.text, streamed.tokens), (echoed.text, echoed.tokens))
    two = door.ask(server, {"echo": True, "prompt": [prompt, "A story"], "n": 2}, temperature=0)
    same([text.startswith(start) for text, start in zip(two.choices, (prompt, prompt, "A story", "A story"))], [True] * 4)
    for wrong in ({"max_tokens": 0}, {"echo": True, "suffix": "end"}):
        same(door.ask(server, wrong).status, 400)
    check_echo_logprobs(server, door, prompt, plain)


def check_echo_logprobs(server, door, prompt, plain):
    """What the model said of its own tokens it says of them again where they are the prompt's."""
    said = door.ask(server, {"echo": True}, temperature=0, logprobs=2)
    same(said.text, prompt + plain.text)
    logprobs = said.body["choices"][0]["logprobs"]
    same("".join(logprobs["tokens"]), said.text)
    same((logprobs["token_logprobs"][0], logprobs["top_logprobs"][0]), (None, None))
    same(len(logprobs["tokens"]), said.prompt_tokens + said.tokens)
    assert all(value <= 0 for value in logprobs["token_logprobs"][1:]) and max(map(len, logprobs["top_logprobs"][1:])) == 2
    ids = send(server, "/v1/tokenize", {"model": "tiny", "text": said.text}).body["tokens"]
    same(len(ids), len(logprobs["tokens"]))
    again = door.ask(server, {"echo": True, "prompt": ids, "max_tokens": 0}, logprobs=2)
    same(again.body["choices"][0]["logprobs"], logprobs)
    same((again.text, again.prompt_tokens), (said.text, len(ids)))


def check_best_of(server, door):
    """The likeliest of those that n alone would tell, best first; all of them are counted."""
    def worth(choice):
        values = choice["logprobs"]["token_logprobs"]
        return sum(values) / len(values)
    drawn = {"temperature": 1.9, "top_p": 1.0, "top_k": 200}
    all_of_them = door.ask(server, drawn, n=5, logprobs=0)
    best = door.ask(server, {**drawn, "best_of": 5}, n=2, logprobs=0)
    ranked = sorted(all_of_them.body["choices"], key=worth, reverse=True)
    same(best.choices, [choice["text"] for choice in ranked[:2]])
    same([choice["index"] for choice in best.body["choices"]], [0, 1])
    same(best.tokens, all_of_them.tokens)
    quiet = door.ask(server, {**drawn, "best_of": 5}, n=2)
    same((quiet.choices, quiet.body["choices"][0]["logprobs"]), (best.choices, None))
    for wrong in ({"best_of": 1, "n": 2}, {"best_of": 17}, {"best_of": 2, "stream": True}, {"best_of": 2, "echo": True}):
        answer = door.ask(server, wrong)
        assert answer.status == 400 and "best_of" in answer.raw, answer.raw
    same(door.ask(server, {"best_of": 1, "stream": True}).status, 200)


OPENAI_COMPLETIONS = {
    "echo": check_echo,
    "best_of": check_best_of,
    "prompt": both(alters({"prompt": "The violin is"}, {"prompt": "A story about a"}),
                   lambda server, door: same(len(door.ask(server, {"prompt": ["The violin is", "A story"]}).choices), 2)),
    "suffix": check_suffix,
    "stream_options": check_include_usage,
    "logit_bias": check_logit_bias,
    "ignore_eos": check_ignore_eos,
    "logprobs": check_completion_logprobs,
}


def check_result_format(server, door):
    text, message = (door.ask(server, {"parameters": {"result_format": kind, "enable_thinking": False}}, temperature=0)
                     for kind in ("text", "message"))
    assert text.body["output"]["text"] and "choices" in message.body["output"]
    same(text.text, message.text)


def check_incremental_output(server, door):
    stream = {"X-DashScope-SSE": "enable"}
    plain = door.ask(server, temperature=0)
    for is_incremental in (True, False):
        answer = door.ask(server, {"parameters": {"incremental_output": is_incremental}}, headers=stream, temperature=0)
        pieces = []
        for event in answer.events():
            content = event["output"]["choices"][0]["message"]["content"]
            pieces.append(content if isinstance(content, str) else "".join(part["text"] for part in content))
        same("".join(pieces) if is_incremental else pieces[-1], plain.text)
        assert is_incremental or all(b.startswith(a) for a, b in zip(pieces, pieces[1:]))


def check_history(server, door):
    pair = {"input": {"messages": None, "prompt": QUESTION, "history": [{"user": "Hello.", "bot": "Hi."}]}}
    equals(pair, in_input(turns(("user", "Hello."), ("assistant", "Hi."), ("user", QUESTION))))(server, door)


PLAIN_PROMPT = equals({"input": {"messages": None, "prompt": QUESTION}}, in_input(turns(("user", QUESTION))))
DASHSCOPE = {
    **structure_checks.AsOpenai("parameters", "input").proofs(),
    "parameters.reasoning_effort": effort("parameters"),
    "input": alters({"input": {"messages": turns(("user", "Hello."))}}, {"input": {"messages": turns(("user", "Tell me a story."))}}),
    "input.messages": conversation(in_input, [])[""],
    "input.messages[].content": conversation(in_input, [])[".content"],
    "input.messages[].role": conversation(in_input, ["system", "user", "assistant"])[".role"],
    "input.messages[].reasoning_content": drops_reasoning(in_input, "reasoning_content"),
    "input.messages[].partial": check_partial(in_input),
    "input.messages[].content[].text": parts_of(in_input, lambda text: {"text": text}),
    "input.messages[].content[].type": parts_of(in_input, typed),
    "input.prompt": PLAIN_PROMPT,
    "input.history": check_history,
    "input.history[].user": check_history,
    "input.history[].bot": check_history,
    "parameters": COMMON["max_tokens"],
    "parameters.result_format": check_result_format,
    "parameters.incremental_output": check_incremental_output,
    "parameters.allow_degraded": lambda server, door: same(
        door.ask(server, {"parameters": {"allow_degraded": True, "enable_search": True}}).headers.get("x-studio-degraded"), "parameters.enable_search"),
}


def blocks(server, door):
    system = [typed("Be "), typed("brief.")]
    equals({"system": "Be brief."}, {"system": system})(server, door)


def check_budget_tokens(server, door):
    short, long = (door.ask(server, {"thinking": {"type": "enabled", "budget_tokens": budget}}, temperature=0) for budget in (2, 12))
    assert 0 < len(short.reasoning) < len(long.reasoning), (short.reasoning, long.reasoning)


def check_thinking_type(server, door):
    on, off = (door.ask(server, {"thinking": {"type": kind}}, temperature=0, max_tokens=48) for kind in ("enabled", "disabled"))
    assert on.reasoning and not off.reasoning


def check_thinking_display(server, door):
    told, omitted = (door.ask(server, {"thinking": {"type": "enabled", "display": display}}, temperature=0, max_tokens=48).body["content"][0]["thinking"]
                     for display in ("summarized", "omitted"))
    assert told and not omitted, (told, omitted)


def thinking_blocks(server, door):
    def said(extra):
        return in_messages([{"role": "user", "content": "Hello."}, {"role": "assistant", "content": extra + [typed("Hi.")]},
                            {"role": "user", "content": QUESTION}])
    thought = {"type": "thinking", "thinking": "I greet back.", "signature": ""}
    same(prompt_tokens(server, door, said([thought])), prompt_tokens(server, door, said([])))


def check_anthropic_effort(server, door):
    """An effort is a budget of thinking; the usual one asks for nothing."""
    def said(effort, **thinking):
        over = {"max_tokens": 48, "output_config": {"effort": effort} if effort else None, "thinking": thinking or None}
        return door.ask(server, over, temperature=0)
    for word, budget in (("low", {"budget_tokens": 1024}), ("medium", {"budget_tokens": 4096}), ("xhigh", {}), ("max", {})):
        by_word, by_number = said(word), said(None, type="enabled", **budget)
        same((by_word.body["content"], by_word.prompt_tokens), (by_number.body["content"], by_number.prompt_tokens))
        assert by_word.reasoning and "x-studio-ignored" not in by_word.headers
        same(said(word, type="adaptive").body["content"], by_word.body["content"])
    for thinking in ({"type": "disabled"}, {"type": "adaptive"}, {"type": "enabled", "budget_tokens": 9}, {}):
        plain, usual = said(None, **thinking), said("high", **thinking)
        same((usual.body["content"], usual.prompt_tokens), (plain.body["content"], plain.prompt_tokens))
        assert "output_config.effort" in usual.headers["x-studio-ignored"], usual.headers
    for answer in (said("low", type="disabled"), said("low", type="enabled", budget_tokens=9), said("none"), said("minimal"), said("much")):
        assert answer.status == 400 and "output_config.effort" in answer.raw, answer.raw


ANTHROPIC = {
    **structure_checks.anthropic(),
    "messages": conversation(in_messages, [])[""],
    "messages[].content": conversation(in_messages, [])[".content"],
    "messages[].role": lambda server, door: differs(*[prompt_tokens(server, door, in_messages(turns(("user", QUESTION), (role, "It is"))))
                                                      for role in ("user", "assistant")]),  # the assistant's is continued
    "messages[].content[].type": both(parts_of(in_messages, typed), thinking_blocks),
    "messages[].content[].text": parts_of(in_messages, typed),
    "messages[].content[].thinking": thinking_blocks,
    "system": lambda server, door: differs(prompt_tokens(server, door, {}), prompt_tokens(server, door, {"system": "Be brief."})),
    "system[].type": blocks,
    "system[].text": blocks,
    "thinking": check_thinking_type,
    "thinking.type": check_thinking_type,
    "thinking.display": check_thinking_display,
    "thinking.budget_tokens": check_budget_tokens,
    "output_config.effort": check_anthropic_effort,
}


def options(**more):
    return {"options": more}


def check_num_predict(server, door):
    COMMON["max_tokens"](server, door)
    same(door.ask(server, options(num_predict=-1), temperature=0).finish, "stop")


OLLAMA = {
    "options": COMMON["max_tokens"],
    "options.num_predict": check_num_predict,
    "options.num_ctx": both(refuses(options(num_ctx=1 << 20), "options.num_ctx"), equals(options(num_ctx=64), {})),
    "options.allow_degraded": lambda server, door: same(
        door.ask(server, options(allow_degraded=True, mirostat=2)).headers.get("x-studio-degraded"), "options.mirostat"),
}
OLLAMA_CHAT = {
    **OLLAMA,
    **structure_checks.ollama_chat(),
    "messages": conversation(in_messages, [])[""],
    "messages[].content": conversation(in_messages, [])[".content"],
    "messages[].role": conversation(in_messages, ["system", "user", "assistant"])[".role"],
    "messages[].thinking": drops_reasoning(in_messages, "thinking"),
}
OLLAMA_GENERATE = {
    **OLLAMA,
    "format": structure_checks.check_ollama_format,
    "prompt": alters({"prompt": QUESTION}, {"prompt": "Tell me a story."}),
    "suffix": check_suffix,
    "system": alters({}, {"system": "Answer like a pirate."}),
    "raw": lambda server, door: differs(prompt_tokens(server, door, {"system": None}), prompt_tokens(server, door, {"raw": True})),
}
