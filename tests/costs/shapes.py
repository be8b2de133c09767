"""Requests of a size in bytes: for each route a well-formed one, and ones that are made to cost."""
import json

# Another word in every request, so that no compiled constraint is found again.
NEW = "unheard"
CHAT, COMPLETION, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"
GENERATION = "/api/v1/services/aigc/text-generation/generation"
WORDS = "The old violin lay on the table and nobody had played it for years. "


def filled(size, piece):
    return (piece * (size // len(piece) + 1))[:size]


def many(size, make):
    """make(0), make(1), ... as long as their JSON fits in the size."""
    found, used = [], 0
    while used < size:
        found.append(make(len(found)))
        used += len(json.dumps(found[-1])) + 2
    return found


def chat(**more):
    return {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}], "enable_thinking": False, **more}


def said(text):
    return chat(messages=[{"role": "user", "content": text}])


def held(schema):
    return chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"title": NEW, **schema}}})


def tool(name, schema):
    return {"type": "function", "function": {"name": name, "parameters": {"title": NEW, **schema}}}


def of_object(properties, **more):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False, **more}


def nested_schema(size):
    schema = {"type": "string"}
    while len(json.dumps(schema)) < size and len(json.dumps(schema)) < 4000:  # the parser's own limit of depth comes first
        schema = of_object({"a": schema})
    return schema


def nested_text(size, opening, closing):
    depth = size // (len(opening) + len(closing))
    return opening * depth + "1" + closing * depth


def behind(name, first, next_one):
    """$defs of some 2 kB, more is not needed: `first`, then each made of a reference to the one before it; and a reference to the last."""
    made = [first]
    while len(json.dumps(made)) < 2000:
        made.append(next_one({"$ref": f"#/$defs/{name}{len(made) - 1}"}))
    return {f"{name}{i}": schema for i, schema in enumerate(made)}, {"$ref": f"#/$defs/{name}{len(made) - 1}"}


def doubled(size):
    defs, last = behind("a", {"minimum": 1}, lambda inner: {"allOf": [inner, inner]})
    return {"type": "integer", "not": last, "$defs": defs, "description": "x" * size}


def apart(size, low, high, next_one):
    """Two that exclude each other at their ends alone."""
    (of_low, last_low), (of_high, last_high) = behind("a", low, next_one), behind("b", high, next_one)
    return {"oneOf": [last_low, last_high], "$defs": {**of_low, **of_high}, "description": "x" * size}


def scattered(size):
    """Characters of four bytes, far from each other."""
    return "".join(chr(0x10000 + i * 15838 % 0xF0000) for i in range(size // 4))


# Much of nothing: repeats of an empty text within each other, of which one look at the answer meets all.
NOTHING = "(((|){60}){60}){6}"
# Of one token in the text: what tokenizers, normalisers and templates are slow at.
TEXTS = {"one letter": "a", "spaces": " ", "line ends": "\n", "digits": "7", "punctuation": "!?", "combining marks": "e\u0301\u0323\u0302", "Chinese": "\u4e2d\u6587",
         "emoji": "\U0001f469\u200d\U0001f680", "control tokens": "<|im_end|>", "begun control tokens": "<|im_", "quotes": '"', "backslashes": "\\",
         "calls": "<tool_call>", "fences": "```json\n", "words of ever other letters": "qzx jvk wpf ", "apostrophes": "'s't'll", "surrogates": "\U0001f600",
         "zero width": "\u200b", "right to left": "\u0627\u0644\u0639", "Hangul parts": "\u1112\u1161\u11ab"}
SCHEMAS = {
    "a large enum": lambda size: {"enum": many(size, lambda i: f"v{i}")},
    "an enum of like beginnings": lambda size: {"enum": many(size, lambda i: "a" * 40 + str(i))},
    "many alternatives": lambda size: {"anyOf": many(size, lambda i: of_object({f"k{i}": {"type": "integer"}}))},
    "alternatives that exclude each other": lambda size: {"oneOf": many(size, lambda i: {"type": "integer", "multipleOf": i + 2})},
    "objects that exclude each other": lambda size: {"oneOf": many(size, lambda i: {"type": "object", "properties": {f"k{i}": {"type": "string"}}})},
    "all at once": lambda size: {"allOf": many(size, lambda i: {"type": "string", "minLength": i % 7, "pattern": f"^[a-z{i % 10}]*$"})},
    "many members that may come": lambda size: {"type": "object", "properties": dict(many(size, lambda i: (f"k{i}", {"type": "string"})))},
    "nested objects": nested_schema,
    "nested repeats": lambda size: {"type": "string", "pattern": "^((((a{1,40}){1,40}){1,40}){1,40}){1,40}$", "description": "x" * size},
    "a huge repeat": lambda size: {"type": "array", "items": {"type": "string", "minLength": 10**6}, "minItems": 10**9, "description": "x" * size},
    "more at least than at most": lambda size: {"type": "array", "minItems": 10**6, "maxItems": 3, "description": "x" * size},
    "a pattern of choices": lambda size: {"type": "string", "pattern": "^(" + "|".join(many(size, lambda i: f"a*b{i}")) + ")*$"},
    "a pattern that doubles": lambda size: {"type": "string", "pattern": "^(a|aa|aaa)*b(a|b)*a" + "(a|b)" * (size // 5) + "$"},
    "patterns that must not match": lambda size: {"allOf": many(size, lambda i: {"not": {"type": "string", "pattern": f"[a-z]{{{i % 20}}}x"}})},
    "names by patterns": lambda size: {"type": "object", "patternProperties": dict(many(size, lambda i: (f"^[a-{chr(98 + i % 20)}]{i}", {"type": "integer"})))},
    "itself in many places": lambda size: {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}}] * (size // 50)}}},
    "a chain of references": lambda size: {"$ref": "#/$defs/d0", "$defs": dict(many(size, lambda i: (f"d{i}", {"$ref": f"#/$defs/d{i + 1}"})))},
    "conditions": lambda size: {"type": "object", "allOf": many(size, lambda i: {"if": {"properties": {f"k{i}": {"const": i}}, "required": [f"k{i}"]},
                                                                            "then": {"required": [f"m{i}"]}})},
    "opposites that double": doubled,
    "all of them with any of them": lambda size: {"allOf": many(size // 2, lambda i: {}), "anyOf": many(size // 2, lambda i: {})},
    "items that must be contained": lambda size: {"type": "array", "allOf": many(size, lambda i: {"contains": {"const": i}, "minContains": 64, "maxContains": 64})},
    "choices of choices that exclude each other": lambda size: apart(size, {"type": "integer", "minimum": 0}, {"type": "integer", "maximum": -1},
                                                                     lambda inner: {"anyOf": [inner] * 16}),
    "objects of objects that exclude each other": lambda size: apart(size, {"type": "integer"}, {"type": "integer", "minimum": 1},
                                                                     lambda inner: of_object({f"k{i}": inner for i in range(30)})),
    "names that must come": lambda size: {"type": "object", "required": many(size, lambda i: f"k{i}")},
    "a pattern of nothing": lambda size: {"type": "string", "pattern": f"^([^!]{NOTHING})*[a-m]([^!]{NOTHING}){{18}}$", "description": "x" * size},
    "odd numbers": lambda size: {"type": "number", "multipleOf": 1e-9, "minimum": -1e300, "maximum": 1e300, "description": "x" * size},
    "unknown keywords": lambda size: {"type": "string", **dict(many(size, lambda i: (f"x-{i}", {"a": [i]})))},
}


def chat_shapes(size):
    yield "nested arrays", f'{{"model":"tiny","messages":{nested_text(size, "[", "]")}}}'
    yield "nested objects", f'{{"model":"tiny","metadata":{nested_text(size, chr(123) + chr(34) + "a" + chr(34) + ":", "}")}}}'
    yield "unknown fields", chat(**dict(many(size, lambda i: (f"z{i}", i))))
    yield "unknown fields, allowed", chat(allow_degraded=True, **dict(many(size, lambda i: (f"z{i}", i))))
    yield "one field again and again", '{"model":"tiny",' + '"seed":1,' * (size // 9) + '"messages":[{"role":"user","content":"hi"}],"max_tokens":1}'
    yield "a long key", chat(**{"k" * size: 1})
    yield "many empty messages", chat(messages=many(size, lambda i: {"role": "user" if i % 2 == 0 else "assistant", "content": ""}))
    yield "many parts", chat(messages=[{"role": "user", "content": many(size, lambda i: {"type": "text", "text": "a"})}])
    yield "many earlier calls", chat(messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": many(size, lambda i: {
        "id": f"c{i}", "type": "function", "function": {"name": "f", "arguments": "{}"}})}])
    yield "many stops", chat(stop=many(size, lambda i: f"s{i}"))
    yield "a long stop", chat(stop="a" * size)
    yield "many biases", chat(logit_bias=dict(many(size, lambda i: (str(i), 1))))
    yield "many tools", chat(tools=many(size, lambda i: tool(f"f{i}", of_object({"a": {"type": "string"}}))), tool_choice="required")
    of_nothing = {"allOf": [{}] * 150, "anyOf": [{}] * 150}
    yield "many tools that meet themselves", chat(tools=many(size, lambda i: tool(f"f{i}", {**of_object({"a": {"type": "string"}}), **of_nothing})),
                                                  tool_choice="required")
    yield "escapes", '{"model":"tiny","max_tokens":1,"messages":[{"role":"user","content":"' + "\\u0041" * (size // 6) + '"}]}'
    yield "a long number", '{"model":"tiny","max_tokens":1,"messages":[{"role":"user","content":"hi"}],"seed":' + "1" * size + "}"
    yield "white space", '{"model":"tiny","max_tokens":1,"messages":[{"role":"user","content":"hi"}]' + " " * size + "}"
    yield "a regex of choices", chat(structured_outputs={"regex": f"{NEW}|(" + "|".join(many(size, lambda i: f"(a*)*b{i}")) + ")*"})
    yield "a regex of nothing", chat(structured_outputs={"regex": f"([^!]{NOTHING})*([a-c].{{16}}|[d-g].{{17}}|[h-l].{{18}}|[m-q].{{19}})|{NEW}" + "x" * size})
    rules = many(size, lambda i: f'e{i} ::= {f"e{i - 1}" if i > 0 else "[b]"} | ""')
    yield "a grammar of nothing", chat(structured_outputs={"grammar": "\n".join([f"root ::= {NEW} | ([^!] e{len(rules) - 1})* [a-m] ([^!] e{len(rules) - 1}){{18}}", f'{NEW} ::= "!"', *rules])})
    yield "a class of many characters", chat(structured_outputs={"grammar": f"root ::= {NEW}\n{NEW} ::= [{scattered(size)}]"})
    yield "a grammar of many rules", chat(structured_outputs={"grammar": "\n".join(many(size, lambda i: f'{"root" if i == 0 else f"{NEW}{i}"} ::= {NEW}{i + 1} {NEW}{i + 1} | "a"'))})
    yield "a grammar that is ambiguous", chat(structured_outputs={"grammar": f'root ::= {NEW}\n{NEW} ::= a a a a a\na ::= "x" | a a | a a a ' + '| "x" ' * (size // 6)})
    yield "many choices", chat(structured_outputs={"choice": many(size, lambda i: f"c{i}")})
    for what, piece in TEXTS.items():
        yield f"text of {what}", said(filled(size, piece))
    for what, make in SCHEMAS.items():
        yield f"schema: {what}", held(make(size))
        yield f"tool: {what}", chat(tools=[tool("f", of_object({"a": make(size)}))], tool_choice="required")


def other_shapes(size):
    """(route, what, body, the well-formed one beside it)"""
    text = filled(size, WORDS)
    messages = {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": text}]}
    yield MESSAGES, "many blocks", {**messages, "messages": [{"role": "user", "content": many(size, lambda i: {"type": "text", "text": "a"})}]}, messages
    yield MESSAGES, "many results", {**messages, "messages": [{"role": "user", "content": many(size, lambda i: {"type": "tool_result", "tool_use_id": "a", "content": "b"})}]}, messages
    yield MESSAGES, "many tools", {**messages, "messages": [{"role": "user", "content": "hi"}], "tools": many(size, lambda i: {
        "name": f"f{i}", "input_schema": of_object({"a": {"enum": ["x", i]}})}), "tool_choice": {"type": "any"}}, messages
    native = {"model": "tiny", "input": {"messages": [{"role": "user", "content": text}]}, "parameters": {"max_tokens": 1}}
    yield GENERATION, "many parameters", {**native, "input": {"prompt": "hi"}, "parameters": dict(many(size, lambda i: (f"p{i}", i)))}, native
    yield GENERATION, "a long history", {"model": "tiny", "input": {"prompt": "hi", "history": many(size, lambda i: {"user": "a", "bot": "b"})}, "parameters": {"max_tokens": 1}}, native
    asked = {"model": "tiny", "input": text, "max_output_tokens": 16, "store": False}
    yield RESPONSES, "many items", {**asked, "input": many(size, lambda i: {"role": "user", "content": "a"})}, asked
    yield RESPONSES, "many metadata", {**asked, "input": "hi", "metadata": dict(many(size, lambda i: (f"m{i}", "x")))}, asked
    yield RESPONSES, "many calls", {**asked, "input": many(size, lambda i: {"type": "function_call", "call_id": f"c{i}", "name": "f", "arguments": "{}"})}, asked
    completion = {"model": "tiny", "prompt": text, "max_tokens": 1}
    yield COMPLETION, "many prompts", {**completion, "prompt": many(size, lambda i: "a")}, completion
    yield COMPLETION, "many ids", {**completion, "prompt": many(size, lambda i: 5)}, completion
    embedded = {"model": "tiny-bert", "input": many(size, lambda i: WORDS[:24])}
    yield "/v1/embeddings", "many small texts", {"model": "tiny-bert", "input": many(size, lambda i: "a")}, embedded
    yield "/v1/embeddings", "one long text", {"model": "tiny-bert", "input": text}, embedded
    yield "/v1/embeddings", "marks", {"model": "tiny-bert", "input": [filled(min(size, 4000), "e\u0301\u0323")]}, embedded
    ranked = {"model": "tiny-ranker", "query": "a", "documents": many(size, lambda i: WORDS[:24])}
    yield "/v1/reranks", "many small documents", {**ranked, "documents": many(size, lambda i: "a")}, ranked
    yield "/v1/reranks", "a long query", {**ranked, "query": text, "documents": ["a"]}, ranked
    ollama = {"model": "tiny", "stream": False, "messages": [{"role": "user", "content": text}], "options": {"num_predict": 1}}
    yield "/api/chat", "many options", {**ollama, "messages": [], "options": dict(many(size, lambda i: (f"o{i}", i)))}, ollama
    yield "/api/chat", "a format", {**ollama, "messages": [{"role": "user", "content": "hi"}], "format": SCHEMAS["many alternatives"](size)}, ollama
    yield "/v1/tokenize", "one letter", {"model": "tiny", "text": "a" * size}, {"model": "tiny", "text": text}
    yield "/v1/conversations", "many items", {"items": many(min(size, 1200), lambda i: {"type": "message", "role": "user", "content": "a"})}, {"items": [
        {"type": "message", "role": "user", "content": text}]}


def all_of_them(size):
    """(route, what, body, well-formed bodies)"""
    plain = said(filled(size, WORDS))
    plainly_held = held(of_object(dict(many(size, lambda i: (f"field_{i}", {"type": "string", "description": WORDS})))))
    for what, body in chat_shapes(size):
        yield CHAT, what, body, plain, plainly_held
    yield from other_shapes(size)
