"""Checks of OpenAI's Responses and Conversations: what makes the prompt (asked of both that read it: the one that answers and the one that counts),
what forms the answer, what is kept."""
import json

import structure_checks
from checks import check_ignore_eos, prompt_tokens, same, wide
from doors import QUESTION, send
from structure_checks import FOREIGN, OTHER_SCHEMA, SCHEMA, held_to, is_refused

COUNT = "/v1/responses/input_tokens"
LONG = {"max_tokens": 60}


class Counted:
    """As a door, of the endpoint that counts what a response's prompt has."""

    def ask(self, server, over=None, **_):
        answer = send(server, COUNT, {"model": "tiny", "input": QUESTION, **(over or {})})
        answer.prompt_tokens = answer.body["input_tokens"] if answer.status == 200 else 0
        return answer


def counted(checks):
    return {place: (lambda server, door, check=check: check(server, Counted())) for place, check in checks.items()}


def part(text, kind="input_text"):
    return {"type": kind, "text": text}


def saying(*items):
    return {"input": list(items)}


def message(content, role="user", **more):
    return {"type": "message", "role": role, "content": content, **more}


def tool(name="f", parameters=None, **more):
    return {"type": "function", "name": name, "parameters": parameters or SCHEMA, **more}


def all_differ(server, door, *overs):
    counts = [prompt_tokens(server, door, over) for over in overs]
    same(len(set(counts)), len(counts))
    return counts


def all_same(server, door, *overs):
    same(len({prompt_tokens(server, door, over) for over in overs}), 1)


# ---- the prompt ----

def check_input(server, door):
    all_differ(server, door, {"input": "Hello."}, {"input": "Tell me a long story, please."})
    all_same(server, door, {"input": QUESTION}, saying(message(QUESTION)), saying({"role": "user", "content": QUESTION}))
    is_refused(door.ask(server, {"input": []}), "input")


def check_parts(server, door):
    all_same(server, door, saying(message(QUESTION)), saying(message([part("What is "), part("a violin?")])))
    is_refused(door.ask(server, saying(message([{"type": "input_image", "image_url": "x"}]))), "input[0].content[0].type")


def check_role(server, door):
    is_refused(door.ask(server, saying(message([part("x", "output_text")]))), "input[0].content[0].type")
    all_same(server, door, saying(message("x", "assistant"), message("y")), saying(message([part("x", "output_text")], "assistant"), message("y")))
    all_same(server, door, saying(message("x", "developer"), message("y")), saying(message("x", "system"), message("y")))
    is_refused(door.ask(server, saying(message("x", "critic"))), "input[0].role")


def check_roles_of_answers(server, door):
    check_role(server, door)
    texts = [wide(server, door, saying(message("Tell me a story.", role), message(QUESTION))) for role in ("system", "user", "assistant")]
    same(len(set(texts)), 3)


def talk(call="call_1", answer="call_1", name="f", arguments='{"a":1}', output="It is red."):
    return saying(message("What is it?"), {"type": "function_call", "call_id": call, "name": name, "arguments": arguments},
                  {"type": "function_call_output", "call_id": answer, "output": output})


def check_calls(server, door):
    counts = [prompt_tokens(server, door, talk(**change)) for change in (
        {}, {"name": "a_much_longer_name_of_it"}, {"arguments": '{"a":1,"b":[1,2,3,4,5,6,7,8,9]}'}, {"output": "No."})]
    assert counts[0] not in counts[1:], counts
    all_same(server, door, talk(), talk(output=[part("It is "), part("red.")]))


def check_call_ids(server, door):
    is_refused(door.ask(server, talk(answer="call_2")), "call_2")
    same(door.ask(server, talk(call="call_2", answer="call_2")).status, 200)


def check_reasoning_items(server, door):
    """Of an earlier turn reasoning is no input, as with the hosted models."""
    thought = {"type": "reasoning", "content": [part("I greet back.", "reasoning_text")], "summary": []}
    all_same(server, door, saying(message("Hi."), thought, message("Hello.", "assistant"), message(QUESTION)),
             saying(message("Hi."), message("Hello.", "assistant"), message(QUESTION)))
    is_refused(door.ask(server, saying({**thought, "content": [part("x")]}, message(QUESTION))), "input[0].content[0].type")


def answered(server, **fields):
    answer = send(server, "/v1/responses", {"model": "tiny", "input": "Hello.", "max_output_tokens": 16, "enable_thinking": False, **fields})
    same(answer.status, 200)
    return answer.body


def check_reference(server, door):
    item = answered(server)["output"][0]
    again = message(item["content"], "assistant")
    all_same(server, door, saying(message("Hello."), {"type": "item_reference", "id": item["id"]}, message(QUESTION)),
             saying(message("Hello."), {"id": item["id"]}, message(QUESTION)),
             saying(message("Hello."), again, message(QUESTION)))
    answer = door.ask(server, saying({"type": "item_reference", "id": "msg_none"}))
    assert answer.status == 404 and "input[0].id" in answer.raw, answer.raw


def check_previous(server, door):
    first = answered(server)
    text = "".join(piece["text"] for piece in first["output"][0]["content"])
    all_same(server, door, {"previous_response_id": first["id"]}, saying(message("Hello."), message(text, "assistant"), message(QUESTION)))
    is_refused(door.ask(server, {"previous_response_id": "resp_none"}), "resp_none")


def conversation_of(server, *items):
    return send(server, "/v1/conversations", {"items": list(items)}).body["id"]


def check_conversation(server, door):
    before = [message("My name is Ada."), message("Hello, Ada.", "assistant")]
    name = conversation_of(server, *before)
    count = Counted()  # an answer would become part of it
    all_same(server, count, {"conversation": name}, {"conversation": {"id": name}}, saying(*before, message(QUESTION)))
    same(door.ask(server, {"conversation": {"id": name}}).status, 200)
    assert door.ask(server, {"conversation": "conv_none"}).status == 404


def check_instructions(server, door):
    all_same(server, door, {"instructions": "Be brief."}, saying(message("Be brief.", "system"), message(QUESTION)))


def check_effort(server, door):
    all_same(server, door, {"reasoning": {"effort": "none"}, "enable_thinking": None}, {"enable_thinking": False})
    all_differ(server, door, {"reasoning": {"effort": "none"}, "enable_thinking": None}, {"reasoning": {"effort": "high"}, "enable_thinking": None})
    is_refused(door.ask(server, {"reasoning": {"effort": "x"}, "enable_thinking": None}), "reasoning.effort")


def check_tools_in_prompt(server, door):
    all_differ(server, door, {}, {"tools": [tool()]}, {"tools": [tool(description="Plays the violin.")]}, {"tools": [tool("a_much_longer_name_of_it")]},
               {"tools": [tool(parameters={"type": "object", "properties": {"a_long_name": {"type": "string"}}})]})
    is_refused(door.ask(server, {"tools": [{"type": "web_search"}]}), "tools[0].type")


def check_strict_tool(server, door):
    is_refused(door.ask(server, {"tools": [tool(parameters=FOREIGN, strict=True)]}), "$ref")
    same(door.ask(server, {"tools": [tool(parameters=FOREIGN)]}).status, 200)


def check_allowed(server, door):
    def only(*names, mode="auto", kind="function"):
        return {"tools": [tool(), tool("g", OTHER_SCHEMA)],
                "tool_choice": {"type": "allowed_tools", "mode": mode, "tools": [{"type": kind, "name": name} for name in names]}}
    all_same(server, door, only("g"), {"tools": [tool("g", OTHER_SCHEMA)]})  # the model is shown these alone
    is_refused(door.ask(server, only("h")), "tool_choice.tools[0].name")
    is_refused(door.ask(server, only("g", mode="x")), "tool_choice.mode")
    is_refused(door.ask(server, only("g", kind="mcp")), "tool_choice.tools[0].type")


def check_choice_is_read(server, door):
    tools = {"tools": [tool()]}
    is_refused(door.ask(server, {**tools, "tool_choice": {"type": "function", "name": "g"}}), "tool_choice.name")
    is_refused(door.ask(server, {**tools, "tool_choice": {"type": "mcp", "server_label": "x"}}), "tool_choice.type")
    same(door.ask(server, {**tools, "tool_choice": {"type": "function", "name": "f"}}).status, 200)


def check_parallel_is_read(server, door):
    is_refused(door.ask(server, {"tools": [tool()], "parallel_tool_calls": 1}), "parallel_tool_calls")
    all_same(server, door, {"tools": [tool()], "parallel_tool_calls": False}, {"tools": [tool()]})


def check_format_is_read(server, door):
    def form(**fields):
        return {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"enum": [17]}, **fields}}}
    same(door.ask(server, form()).status, 200)
    is_refused(door.ask(server, form(name="x" * 65)), "text.format.name")
    is_refused(door.ask(server, form(type="xml")), "text.format.type")
    for strict in (True, False):  # each is held to, strict or not, or refused
        is_refused(door.ask(server, form(strict=strict, schema=FOREIGN)), "$ref")
    is_refused(door.ask(server, {"text": {"formats": {}}}), "format")


def check_degraded_count(server, door):
    plain, part_of_it = (door.ask(server, over) for over in ({}, {"no_such_field": 1, "allow_degraded": True}))
    same(part_of_it.prompt_tokens, plain.prompt_tokens)
    same(part_of_it.body["degraded"], {"unhonoured": ["no_such_field"]})
    same(part_of_it.headers["x-studio-degraded"], "no_such_field")


PROMPT = {
    "input": check_input, "input[].type": check_input, "input[].content": check_input, "input[].role": check_role,
    "input[].content[].type": check_parts, "input[].content[].text": check_parts,
    "input[].arguments": check_calls, "input[].name": check_calls, "input[].output": check_calls, "input[].output[].type": check_calls,
    "input[].output[].text": check_calls, "input[].call_id": check_call_ids, "input[].id": check_reference,
    "instructions": check_instructions, "previous_response_id": check_previous, "conversation": check_conversation, "conversation.id": check_conversation,
    "reasoning": check_effort, "reasoning.effort": check_effort,
    "tools": check_tools_in_prompt, **{"tools[]." + name: check_tools_in_prompt for name in ("type", "name", "description", "parameters")},
    "tools[].strict": check_strict_tool, "tool_choice": check_choice_is_read, "tool_choice.type": check_choice_is_read,
    "tool_choice.name": check_choice_is_read, **{"tool_choice." + name: check_allowed for name in ("mode", "tools", "tools[].type", "tools[].name")},
    "parallel_tool_calls": check_parallel_is_read,
    "text": check_format_is_read, **{"text.format" + name: check_format_is_read for name in ("", ".type", ".name", ".schema", ".strict")},
}


def check_unknown_model(server, door):
    answer = door.ask(server, {"model": "no-such-model"})
    assert answer.status == 404 and "no-such-model" in answer.raw, answer.raw


def thinking_counted(server, door):
    all_differ(server, door, {"enable_thinking": True}, {"enable_thinking": False}, {"thinking_budget": 9})


def count_proofs():
    return counted({**PROMPT, "model": check_unknown_model, "enable_thinking": thinking_counted, "thinking_budget": thinking_counted,
                    "allow_degraded": check_degraded_count})


# ---- the answer ----

def check_max_output_tokens(server, door):
    for limit in (16, 21):
        answer = door.ask(server, {"ignore_eos": True, "max_output_tokens": limit})
        same((answer.tokens, answer.finish), (limit, "length"))
    is_refused(door.ask(server, {"max_output_tokens": 15}), "max_output_tokens")


def check_include(server, door):
    logprobs = door.ask(server, {"include": ["message.output_text.logprobs"], "ignore_eos": True}, temperature=0)
    same(len(logprobs.logprobs), logprobs.tokens)
    without = door.ask(server, {"include": ["file_search_call.results"]}, temperature=0)
    same((without.logprobs, without.headers["x-studio-ignored"]), ([], "include.file_search_call.results"))
    is_refused(door.ask(server, {"include": ["x"]}), "include[0]")


def check_top_logprobs(server, door):
    answer = door.ask(server, {"include": ["message.output_text.logprobs"], "top_logprobs": 3, "ignore_eos": True}, temperature=0)
    same(answer.logprobs, [3] * answer.tokens)


def check_metadata(server, door):
    same(door.ask(server, {"metadata": {"a": "b"}}).body["metadata"], {"a": "b"})
    is_refused(door.ask(server, {"metadata": {"a": 1}}), "metadata.a")


def get(server, path):
    import urllib.error
    import urllib.request
    try:
        request = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {server.key}"})
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, None


def check_store(server, door):
    kept, gone = (door.ask(server, {"store": store}).body["id"] for store in (True, False))
    same([get(server, "/v1/responses/" + name)[0] for name in (kept, gone)], [200, 404])


def check_background(server, door):
    begun = door.ask(server, {"background": True}, temperature=0).body
    same((begun["status"], begun["background"]), ("queued", True))
    while begun["status"] in ("queued", "in_progress"):
        begun = get(server, "/v1/responses/" + begun["id"])[1]
    same(begun["output"][0]["content"][0]["text"], door.ask(server, temperature=0).text)


def check_stream_options(server, door):
    is_refused(door.ask(server, {"stream_options": {}}), "stream_options")
    answer = door.ask(server, {"stream": True, "stream_options": {"include_obfuscation": False}})
    same((answer.status, answer.headers["x-studio-ignored"]), (200, "stream_options.include_obfuscation"))


def calls_of(answer):
    return [(item["name"], json.loads(item["arguments"])) for item in answer.body["output"] if item["type"] == "function_call"]


def chosen(server, door, choice, tools=None):
    return calls_of(door.ask(server, {"tools": tools or [tool(), tool("g", OTHER_SCHEMA)], "tool_choice": choice}, temperature=0, **LONG))


def check_tool(server, door):
    check_tools_in_prompt(server, door)
    same(chosen(server, door, "required", [tool("h", OTHER_SCHEMA)])[0], ("h", {"b": 2}))


def check_choice(server, door):
    check_choice_is_read(server, door)
    same(chosen(server, door, "none"), [])
    for name, call in (("f", {"a": 1}), ("g", {"b": 2})):
        same(chosen(server, door, {"type": "function", "name": name})[0], (name, call))
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": name}]}
        same(chosen(server, door, allowed)[0], (name, call))


def check_parallel(server, door):
    for seed in range(4):
        fields = {"tools": [tool()], "tool_choice": "required", "parallel_tool_calls": False}
        same(calls_of(door.ask(server, fields, temperature=1.9, seed=seed, max_tokens=120)), [("f", {"a": 1})])


def check_format(server, door):
    check_format_is_read(server, door)
    for schema, text in (({"enum": [17]}, "17"), ({"enum": ["x"]}, '"x"')):
        form = {"format": {"type": "json_schema", "name": "x", "schema": schema}}
        same(door.ask(server, {"text": form}, temperature=0, **LONG).text, text)
    wanted = {"input": "Say it in JSON.", "text": {"format": {"type": "json_object"}}}
    same(door.ask(server, wanted, temperature=0).text.lstrip()[:1], "{")
    same(door.ask(server, {"text": {"format": {"type": "text"}}}, temperature=0).text, door.ask(server, temperature=0).text)


def check_effort_of_answers(server, door):
    check_effort(server, door)
    short, none = (door.ask(server, {"reasoning": {"effort": effort}, "enable_thinking": None}, temperature=0, max_tokens=48)
                   for effort in ("minimal", "none"))
    assert short.reasoning and not none.reasoning


RESPONSES = {
    **PROMPT,
    **{place: held_to(fields, pattern) for place, fields, pattern in (
        ("guided_json", {"guided_json": {"enum": [17]}}, "17"), ("guided_regex", {"guided_regex": "[0-9]{3}-x"}, "[0-9]{3}-x"),
        ("guided_choice", {"guided_choice": ["north"]}, "north"), ("guided_grammar", {"guided_grammar": 'root ::= "ab" [c-d]'}, "ab[cd]"))},
    **{place: check for place, check in structure_checks.structured_outputs().items() if place.startswith("structured")},
    "structured_outputs.json_object": lambda server, door: same(
        door.ask(server, {"structured_outputs": {"json_object": True}}, temperature=0).text.lstrip()[:1], "{"),
    "input[].role": check_roles_of_answers,
    "input[].content[].type": lambda server, door: (check_parts(server, door), check_reasoning_items(server, door)),
    "ignore_eos": check_ignore_eos, "max_output_tokens": check_max_output_tokens, "include": check_include, "top_logprobs": check_top_logprobs,
    "metadata": check_metadata, "store": check_store, "background": check_background, "stream_options": check_stream_options,
    "tools": check_tool, "tools[].type": check_tool, "tools[].name": check_tool, "tools[].parameters": check_tool,
    "tool_choice": check_choice, "tool_choice.type": check_choice, "tool_choice.name": check_choice, "parallel_tool_calls": check_parallel,
    **{"text" + name: check_format for name in ("", ".format", ".format.type", ".format.schema")},
    "reasoning": check_effort_of_answers, "reasoning.effort": check_effort_of_answers,
}


# ---- conversations ----

HELD = [message("Hello."), message([part("Hi.", "output_text")], "assistant"), {"type": "reasoning", "content": [part("t", "reasoning_text")], "summary": []},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": [part("It is "), part("red.")]}]


def without_own(item):
    return {name: value for name, value in item.items() if name not in ("id", "status", "summary", "encrypted_content")}


def kept_items(server, name):
    return [without_own(item) for item in get(server, f"/v1/conversations/{name}/items?order=asc")[1]["data"]]


def check_held(server, items):
    """What is held is what was said, item by item."""
    same([item["type"] for item in items], [item["type"] for item in HELD])
    same([item.get("role") for item in items[:2]], ["user", "assistant"])
    same([item["content"][0]["text"] for item in items[:3]], ["Hello.", "Hi.", "t"])
    same([item["content"][0]["type"] for item in items[:3]], ["input_text", "output_text", "reasoning_text"])
    same(items[3], without_own(HELD[3]))
    same((items[4]["call_id"], items[4]["output"]), ("call_1", "It is red."))


def check_new_conversation(server, _):
    check_held(server, kept_items(server, conversation_of(server, *HELD)))


def check_new_items(server, _):
    name = conversation_of(server)
    added = send(server, f"/v1/conversations/{name}/items", {"items": HELD})
    same(added.status, 200)
    check_held(server, [without_own(item) for item in added.body["data"]])
    check_held(server, kept_items(server, name))


def check_new_metadata(server, _):
    made = send(server, "/v1/conversations", {"metadata": {"a": "b"}}).body
    same(get(server, "/v1/conversations/" + made["id"])[1]["metadata"], {"a": "b"})


def check_changed_metadata(server, _):
    name = conversation_of(server)
    send(server, "/v1/conversations/" + name, {"metadata": {"c": "d"}})
    same(get(server, "/v1/conversations/" + name)[1]["metadata"], {"c": "d"})


def degrades(path, body):
    def check(server, _):
        place = path.format(id=conversation_of(server))
        is_refused(send(server, place, {**body, "no_such_field": 1}), "no_such_field")
        answer = send(server, place, {**body, "no_such_field": 1, "allow_degraded": True})
        same((answer.status, answer.headers["x-studio-degraded"]), (200, "no_such_field"))
        same(answer.body["degraded"], {"unhonoured": ["no_such_field"]})
    return check


ITEM_PLACES = ["", "[].type", "[].role", "[].content", "[].content[].type", "[].content[].text", "[].call_id", "[].name", "[].arguments", "[].output",
               "[].output[].type", "[].output[].text"]
ITEMS = "/v1/conversations/{id}/items"
CONVERSATIONS = {**{"items" + place: check_new_conversation for place in ITEM_PLACES}, "metadata": check_new_metadata,
                 "allow_degraded": degrades("/v1/conversations", {})}
CHANGES = {"metadata": check_changed_metadata, "allow_degraded": degrades("/v1/conversations/{id}", {"metadata": {}})}
NEW_ITEMS = {**{"items" + place: check_new_items for place in ITEM_PLACES}, "allow_degraded": degrades(ITEMS, {"items": [message("x")]})}
