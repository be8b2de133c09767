"""Checks of what a request says of the form of its answer: schemas, patterns, functions to call and their results."""
import json

SCHEMA = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"], "additionalProperties": False}
OTHER_SCHEMA = {"type": "object", "properties": {"b": {"enum": [2]}}, "required": ["b"], "additionalProperties": False}
FOREIGN = {"type": "object", "properties": {"a": {"$ref": "http://example.com/a"}}}  # which nobody can hold an answer to
LONG = {"max_tokens": 60}


def tool(name="f", parameters=None, **more):
    return {"type": "function", "function": {"name": name, "parameters": parameters or SCHEMA, **more}}


def same(a, b):
    assert a == b, f"{a!r} is not {b!r}"


def differs(a, b):
    assert a != b, f"both are {a!r}"


def is_refused(answer, word):
    assert answer.status == 400 and word in answer.raw, answer.raw


def calls_of(answer):
    """[(name, arguments)] of an answer of OpenAI's or DashScope's."""
    body = answer.body.get("output", answer.body)
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in body["choices"][0]["message"].get("tool_calls") or []]


class AsOpenai:
    """Of endpoints that have OpenAI's fields, at the root or in `parameters`; messages at the root or in `input`."""

    def __init__(self, prefix="", messages_prefix=""):
        self.prefix, self.messages_prefix = prefix, messages_prefix

    def put(self, fields):
        return {self.prefix: fields} if self.prefix else fields

    def ask(self, server, door, fields, **more):
        return door.ask(server, self.put(fields), temperature=0, **{**LONG, **more})

    def chosen(self, server, door, choice, tools=None):
        return calls_of(self.ask(server, door, {"tools": tools or [tool(), tool("g", OTHER_SCHEMA)], "tool_choice": choice}))

    def check_format(self, server, door):
        for schema, text in (({"enum": [17]}, "17"), ({"enum": ["x"]}, '"x"')):
            form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
            same(self.ask(server, door, {"response_format": form}).text, text)
        plain, text = self.ask(server, door, {}), self.ask(server, door, {"response_format": {"type": "text"}})
        same(plain.text, text.text)

    def check_strict_schema(self, server, door):  # each is held to, strict or not, or refused
        for strict in (True, False):
            form = {"type": "json_schema", "json_schema": {"name": "x", "strict": strict, "schema": {"enum": [17]}}}
            same(self.ask(server, door, {"response_format": form}).text, "17")
            form["json_schema"]["schema"] = FOREIGN
            is_refused(self.ask(server, door, {"response_format": form}), "$ref")

    def check_schema_name(self, server, door):
        form = {"type": "json_schema", "json_schema": {"name": "x" * 65, "schema": {}}}
        is_refused(self.ask(server, door, {"response_format": form}), "json_schema.name")

    def check_choice(self, server, door):
        same(self.chosen(server, door, "none"), [])
        named = {"type": "function", "function": {"name": "g"}}
        same(self.chosen(server, door, named)[0], ("g", {"b": 2}))
        same(self.chosen(server, door, {"type": "function", "function": {"name": "f"}})[0], ("f", {"a": 1}))
        assert self.chosen(server, door, "required")

    def check_tool(self, server, door):
        same(self.chosen(server, door, "required", [tool()])[0], ("f", {"a": 1}))
        same(self.chosen(server, door, "required", [tool("h", OTHER_SCHEMA)])[0], ("h", {"b": 2}))
        is_refused(self.ask(server, door, {"tools": [{"type": "custom", "custom": {"name": "x"}}]}), "tools[0].type")

    def check_description(self, server, door):
        counts = {self.ask(server, door, {"tools": [each]}, max_tokens=1).prompt_tokens for each in (tool(), tool(description="Plays the violin."))}
        same(len(counts), 2)

    def check_strict_tool(self, server, door):
        is_refused(self.ask(server, door, {"tools": [tool(parameters=FOREIGN, strict=True)]}), "$ref")
        same(self.ask(server, door, {"tools": [tool(parameters=FOREIGN)]}, max_tokens=1).status, 200)

    def check_parallel(self, server, door):
        for seed in range(4):
            fields = {"tools": [tool()], "tool_choice": "required", "parallel_tool_calls": False}
            same(calls_of(door.ask(server, self.put(fields), temperature=1.9, seed=seed, max_tokens=120)), [("f", {"a": 1})])

    def talk(self, call="call_1", answer="call_1", name="f", arguments='{"a":1}', content="It is red."):
        messages = [{"role": "user", "content": "What is it?"},
                    {"role": "assistant", "content": "", "tool_calls": [{"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}]},
                    {"role": "tool", "tool_call_id": answer, "content": content}]
        return {self.messages_prefix: {"messages": messages}} if self.messages_prefix else {"messages": messages}

    def check_calls(self, server, door):
        counts = [door.ask(server, self.talk(**change), max_tokens=1).prompt_tokens for change in (
            {}, {"name": "a_much_longer_name_of_it"}, {"arguments": '{"a":1,"b":[1,2,3,4,5,6,7,8,9]}'}, {"content": "No."})]
        assert all(counts) and counts[0] not in counts[1:], counts

    def check_call_ids(self, server, door):
        is_refused(door.ask(server, self.talk(answer="call_2")), "tool_call_id")
        same(door.ask(server, self.talk(call="call_2", answer="call_2"), max_tokens=1).status, 200)

    def check_call_id_by_its_other_name(self, server, door):
        def renamed(answer):
            talk = self.talk(answer=answer)
            message = (talk.get(self.messages_prefix) or talk)["messages"][2]
            message["id"] = message.pop("tool_call_id")
            return talk
        is_refused(door.ask(server, renamed("call_2")), "id")
        same(door.ask(server, renamed("call_1"), max_tokens=1).status, 200)

    def check_call_type(self, server, door):
        talk = self.talk()
        (talk.get(self.messages_prefix) or talk)["messages"][1]["tool_calls"][0]["type"] = "custom"
        is_refused(door.ask(server, talk), "tool_calls[0].type")

    def calls(self):
        place = (self.messages_prefix + "." if self.messages_prefix else "") + "messages[]."
        return {place + "tool_calls": self.check_calls, place + "tool_call_id": self.check_call_ids, place + "tool_calls[].id": self.check_call_ids,
                place + "id": self.check_call_id_by_its_other_name,
                place + "tool_calls[].type": self.check_call_type, place + "tool_calls[].function": self.check_calls,
                place + "tool_calls[].function.name": self.check_calls, place + "tool_calls[].function.arguments": self.check_calls}

    def proofs(self):
        at = self.prefix + "." if self.prefix else ""
        form = {"response_format": self.check_format, "response_format.type": self.check_format, "response_format.json_schema": self.check_format,
                "response_format.json_schema.schema": self.check_format, "response_format.json_schema.name": self.check_schema_name,
                "response_format.json_schema.strict": self.check_strict_schema}
        tools = {"tools": self.check_tool, "tools[].type": self.check_tool, "tools[].function": self.check_tool, "tools[].function.name": self.check_tool,
                 "tools[].function.parameters": self.check_tool, "tools[].function.description": self.check_description,
                 "tools[].function.strict": self.check_strict_tool, "tool_choice": self.check_choice, "tool_choice.type": self.check_choice,
                 "tool_choice.function": self.check_choice, "tool_choice.function.name": self.check_choice, "parallel_tool_calls": self.check_parallel}
        return {**{at + name: check for name, check in {**form, **tools}.items()}, **self.calls()}


def held_to(fields, pattern):
    def check(server, door):
        import re
        answer = door.ask(server, fields, temperature=0, max_tokens=20)
        assert answer.status == 200 and re.fullmatch(pattern, answer.text), answer.raw
    return check


def structured_outputs():
    pieces = {"json": ({"enum": [17]}, "17"), "regex": ("[0-9]{3}-x", "[0-9]{3}-x"), "choice": (["north"], "north"), "grammar": ('root ::= "ab" [c-d]', "ab[cd]")}
    older = {"guided_" + name: held_to({"guided_" + name: value}, pattern) for name, (value, pattern) in pieces.items()}
    newer = {"structured_outputs." + name: held_to({"structured_outputs": {name: value}}, pattern) for name, (value, pattern) in pieces.items()}

    def check_json_object(server, door):
        assert door.ask(server, {"structured_outputs": {"json_object": True}}, temperature=0, max_tokens=3).text.lstrip().startswith("{")
    return {**older, **newer, "structured_outputs": newer["structured_outputs.regex"], "structured_outputs.json_object": check_json_object}


# ---- Anthropic ----

def anthropic_tool(name="f", schema=None, **more):
    return {"name": name, "input_schema": schema or SCHEMA, **more}


def uses(answer):
    return [(block["name"], block["input"]) for block in answer.body["content"] if block["type"] == "tool_use"]


def check_anthropic_tool(server, door):
    for one, use in ((anthropic_tool(), ("f", {"a": 1})), (anthropic_tool("h", OTHER_SCHEMA, type="custom"), ("h", {"b": 2}))):
        same(uses(door.ask(server, {"tools": [one], "tool_choice": {"type": "any"}}, temperature=0, max_tokens=120))[0], use)
    is_refused(door.ask(server, {"tools": [{"type": "bash_20250124", "name": "bash"}]}), "tools[0].type")


def check_anthropic_description(server, door):
    counts = {door.ask(server, {"tools": [each]}, max_tokens=1).prompt_tokens for each in (anthropic_tool(), anthropic_tool(description="Plays the violin."))}
    same(len(counts), 2)


def check_anthropic_strict(server, door):
    is_refused(door.ask(server, {"tools": [anthropic_tool(schema=FOREIGN, strict=True)]}), "$ref")
    same(door.ask(server, {"tools": [anthropic_tool(schema=FOREIGN)]}, max_tokens=1).status, 200)


def check_anthropic_choice(server, door):
    def asked(choice):
        return uses(door.ask(server, {"tools": [anthropic_tool(), anthropic_tool("g", OTHER_SCHEMA)], "tool_choice": choice}, temperature=0, max_tokens=120))
    same(asked({"type": "none"}), [])
    for name, use in (("f", {"a": 1}), ("g", {"b": 2})):
        same(asked({"type": "tool", "name": name})[0], (name, use))
    same(len(asked({"type": "any", "disable_parallel_tool_use": True})), 1)


def anthropic_talk(call="toolu_1", answer="toolu_1", name="f", value=None, content="It is red."):
    return {"messages": [{"role": "user", "content": "What is it?"},
                         {"role": "assistant", "content": [{"type": "tool_use", "id": call, "name": name, "input": value or {"a": 1}}]},
                         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": answer, "content": content}]}]}


def check_anthropic_calls(count):
    def check(server, door):
        counts = [count(server, door, anthropic_talk(**change)) for change in (
            {}, {"name": "a_much_longer_name_of_it"}, {"value": {"a": 1, "b": [1, 2, 3, 4, 5, 6, 7, 8, 9]}}, {"content": "No."})]
        assert all(counts) and counts[0] not in counts[1:], counts
        same(count(server, door, anthropic_talk(content=[{"type": "text", "text": "It is red."}])), counts[0])
    return check


def check_anthropic_ids(send):
    def check(server, door):
        is_refused(send(server, door, anthropic_talk(answer="toolu_2")), "messages[2]")
        same(send(server, door, anthropic_talk(call="toolu_2", answer="toolu_2")).status, 200)
    return check


def anthropic_blocks(count, send):
    calls, ids = check_anthropic_calls(count), check_anthropic_ids(send)
    place = "messages[].content[]."
    return {place + "id": ids, place + "tool_use_id": ids, place + "name": calls, place + "input": calls, place + "content": calls,
            place + "content[].type": calls, place + "content[].text": calls}


def anthropic_format(place):
    def check(server, door):
        form = {"type": "json_schema", "schema": {"enum": ["red"]}}
        over = {"output_config": {"format": form}} if place == "output_config" else {"output_format": form}
        same(door.ask(server, over, temperature=0, max_tokens=60).text, '"red"')
        form["type"] = "xml"
        is_refused(door.ask(server, over), "type")
    return check


def anthropic():
    new, old = anthropic_format("output_config"), anthropic_format("output_format")
    return {"tools": check_anthropic_tool, "tools[].type": check_anthropic_tool, "tools[].name": check_anthropic_tool,
            "tools[].input_schema": check_anthropic_tool, "tools[].description": check_anthropic_description, "tools[].strict": check_anthropic_strict,
            "tool_choice": check_anthropic_choice, "tool_choice.type": check_anthropic_choice, "tool_choice.name": check_anthropic_choice,
            "tool_choice.disable_parallel_tool_use": check_anthropic_choice,
            "output_config": new, "output_config.format": new, "output_config.format.type": new, "output_config.format.schema": new,
            "output_format": old, "output_format.type": old, "output_format.schema": old,
            **anthropic_blocks(lambda server, door, over: door.ask(server, over, max_tokens=1).prompt_tokens,
                               lambda server, door, over: door.ask(server, over, max_tokens=1))}


def anthropic_count(send):
    """Of count_tokens: what is in the prompt counts, what only binds the answer is read and counts nothing."""
    hello = {"model": "tiny", "messages": [{"role": "user", "content": "Hello."}]}

    def count(server, over):
        answer = send(server, "/v1/messages/count_tokens", {**hello, **over})
        assert answer.status == 200, answer.raw
        return answer.body["input_tokens"]

    def grows(server, door):
        del door
        plain = count(server, {"tools": [anthropic_tool()]})
        assert count(server, {}) < plain < count(server, {"tools": [anthropic_tool(description="Plays the violin.")]})
        assert plain < count(server, {"tools": [anthropic_tool("a_much_longer_name_of_it")]})
        differs(plain, count(server, {"tools": [anthropic_tool(schema={"type": "object", "properties": {"long_name": {"type": "string"}}})]}))

    def binds(over, bad, word):
        def check(server, door):
            del door
            tools = {"tools": [anthropic_tool()]}
            same(count(server, {**tools, **over}), count(server, tools))
            is_refused(send(server, "/v1/messages/count_tokens", {**hello, **tools, **bad}), word)
        return check
    form = {"type": "json_schema", "schema": {"enum": [1]}}
    formed = binds({"output_config": {"format": form}}, {"output_config": {"format": {"type": "xml"}}}, "output_config.format")
    chosen = binds({"tool_choice": {"type": "tool", "name": "f"}}, {"tool_choice": {"type": "tool", "name": "g"}}, "tool_choice")
    strict = binds({}, {"tools": [anthropic_tool(schema=FOREIGN, strict=True)]}, "$ref")
    typed = binds({}, {"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type")
    return {"tools": grows, "tools[].name": grows, "tools[].description": grows, "tools[].input_schema": grows, "tools[].strict": strict,
            "tools[].type": typed, "tool_choice": chosen, "tool_choice.type": chosen, "tool_choice.name": chosen,
            "tool_choice.disable_parallel_tool_use": binds({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
                                                           {"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}, "disable_parallel"),
            "output_config": formed, "output_config.format": formed, "output_config.format.type": formed, "output_config.format.schema": formed,
            **anthropic_blocks(lambda server, door, over: count(server, over),
                               lambda server, door, over: send(server, "/v1/messages/count_tokens", {**hello, **over}))}


# ---- Ollama ----

def check_ollama_format(server, door):
    same(door.ask(server, {"format": {"enum": [5]}}, temperature=0).text, "5")
    assert door.ask(server, {"format": "json"}, temperature=0, max_tokens=4).text.lstrip().startswith("{")
    is_refused(door.ask(server, {"format": "xml"}), "format")


def check_ollama_tools(server, door):
    def count(each):
        return door.ask(server, {"tools": [each]}, max_tokens=1).prompt_tokens
    plain = count(tool())
    assert door.ask(server, max_tokens=1).prompt_tokens < plain < count(tool(description="Plays the violin."))
    assert plain < count(tool("a_much_longer_name_of_it"))
    differs(plain, count(tool(parameters={"type": "object", "properties": {"long_name": {"type": "string"}}})))
    is_refused(door.ask(server, {"tools": [{"type": "custom", "custom": {}}]}), "tools[0].type")


def check_ollama_strict(server, door):
    is_refused(door.ask(server, {"tools": [tool(parameters=FOREIGN, strict=True)]}), "$ref")


def check_ollama_calls(server, door):
    def count(name="f", arguments=None, kind="function"):
        calls = [{"id": "x", "type": kind, "function": {"name": name, "arguments": arguments or {"a": 1}}}]
        messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "content": "It is red."}]
        return door.ask(server, {"messages": messages}, max_tokens=1)
    plain = count().prompt_tokens
    assert plain and plain < count("a_much_longer_name_of_it").prompt_tokens
    assert plain < count(arguments={"a": 1, "b": [1, 2, 3, 4, 5, 6, 7, 8, 9]}).prompt_tokens
    is_refused(count(kind="custom"), "tool_calls[0].type")


def ollama_chat():
    tools = {name: check_ollama_tools for name in ("tools", "tools[].type", "tools[].function", "tools[].function.name", "tools[].function.description",
                                                   "tools[].function.parameters")}
    calls = {"messages[].tool_calls" + name: check_ollama_calls for name in ("", "[].type", "[].function", "[].function.name", "[].function.arguments")}
    return {"format": check_ollama_format, **tools, "tools[].function.strict": check_ollama_strict, **calls}
