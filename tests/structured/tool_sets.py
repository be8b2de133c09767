"""Sets of tools and conversations that ask for them, made from a random source: schemas of the kinds that programs send."""

VERBS = ["get", "set", "find", "delete", "send", "list", "book", "open", "count", "rate"]
THINGS = ["weather", "user", "file", "order", "route", "message", "invoice", "photo", "note", "city", "résumé", "价格"]
ARGUMENTS = ["{}", '{"city": "Paris"}', '{"名": ["é", {"x": null}], "n": 1.5}']
RESULTS = ['{"ok": true, "text": "<tool_call>"}', "```json\n{\"name\": \"get_user\", \"arguments\": {}}\n```", "无", ""]
NEXT_WISHES = ["And now the same for Köln?", "再来一次，但要两个。", "Do it twice, at once.", "Thanks! What did you do?"]
WORDS = ["red", "small", "north", "daily", "c", "f", "ja", "gross", "a b", "x-1"]


def leaf(random):
    kind = random.randrange(12)
    if kind == 0:
        return {"type": "string"}
    if kind == 1:
        return {"type": "string", "enum": random.sample(WORDS, 3)}
    if kind == 2:
        return {"type": "integer", "minimum": 0, "maximum": random.choice([1, 9, 100])}
    if kind == 3:
        return {"type": "boolean"}
    if kind == 4:
        return {"type": "number"}
    if kind == 5:
        return {"type": ["string", "null"], "maxLength": 20}
    if kind == 6:
        return {"type": "string", "pattern": "^[A-Z]{2}[0-9]{3}$"}
    if kind == 7:
        return {"type": "string", "format": "date", "description": "A day"}
    if kind == 8:
        return {"type": "string", "enum": ["北京", "São Paulo", "a\"b"]}
    if kind == 9:
        return {"enum": [1, 2.5, None, "x"]}
    if kind == 10:
        return {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2}
    return {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}


def schema(random, depth):
    kind = random.randrange(6)
    if depth > 0 and kind == 0:
        return {"type": "array", "items": schema(random, depth - 1), "maxItems": random.choice([1, 3])}
    if depth > 0 and kind == 1:
        return parameters(random, depth - 1)
    return leaf(random)


def parameters(random, depth):
    names = random.sample(THINGS, random.randrange(0, 4))
    return {"type": "object", "properties": {name: schema(random, depth) for name in names},
            "required": [name for name in names if random.random() < 0.6], "additionalProperties": False}


def function(random, name):
    tool = {"name": name, "parameters": parameters(random, 2)}
    if random.random() < 0.7:
        tool["description"] = f"Use it to {name.replace('_', ' ')}, where you \"must\" – 必须。"
    if random.random() < 0.3:
        tool["strict"] = True
    return {"type": "function", "function": tool}


def earlier_calls(random, names):
    """One turn of calls and their results, now and then with a text before it."""
    ids = [f"call_{random.randrange(10**6)}_{i}" for i in range(random.choice([1, 1, 2, 3]))]
    calls = [{"id": one, "type": "function", "function": {"name": random.choice(names), "arguments": random.choice(ARGUMENTS)}} for one in ids]
    said = {"role": "assistant", "content": random.choice([None, "", "Let me look.", "我来看看。"]), "tool_calls": calls}
    return [said] + [{"role": "tool", "tool_call_id": one, "content": random.choice(RESULTS)} for one in ids]


def conversation(random):
    """tools, tool_choice, parallel_tool_calls, messages"""
    names = random.sample([f"{verb}_{thing}" for verb in VERBS for thing in THINGS[:10]], random.randrange(1, 7))
    names = [random.choice([name, name, name.replace("_", "-"), name.replace("_", ".") + ":v2"]) for name in names]
    tools = [function(random, name) for name in names]
    choice = random.choice(["auto", "auto", "none", "required", {"type": "function", "function": {"name": random.choice(names)}}])
    messages = [{"role": "user", "content": f"Please {random.choice(names).replace('_', ' ')} for {random.choice(WORDS)}."}]
    if random.random() < 0.4:
        messages += earlier_calls(random, names)
        if random.random() < 0.5:
            messages += [{"role": "assistant", "content": "Done."}, {"role": "user", "content": random.choice(NEXT_WISHES)}]
            messages += earlier_calls(random, names) if random.random() < 0.3 else []
    if random.random() < 0.3:
        messages.insert(0, {"role": "system", "content": "Be brief."})
    return tools, choice, random.random() < 0.5, messages
