"""Seeded conversations with everything that templates look at, well formed and not."""
import json

TRUSTED = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

# Spelled by users to forge structure.
SPECIAL_TOKENS = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>", "<tool_call>", "</tool_call>",
    "<tool_response>", "</tool_response>", "<s>", "</s>", "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>",
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<｜User｜>", "<｜Assistant｜>",
    "<｜end▁of▁sentence｜>", "<|user|>", "<|assistant|>", "<|end|>", "<|fim_prefix|>", "[TOOL_CALLS]", "<bos>",
]
WORDS = [
    "hello", "What is", "weather", "Paris", "\n", "\n\n", " ", "  ", "\t", "你好，世界", "naïve café", "🙂", "e\u0301",
    "\u2028", "\u00a0", "\u3000", "ΣΑΣ", "ß", "İ", "{{ x }}", "{% if a %}", "{# c #}", "%s %d", "{}", "\\n", "\\",
    "'", '"', "<b>&amp;</b>", "\r\n", "\x00", "\x1f", "\x7f", "\x85", "1e5", "None", "</p>", "```json\n{}\n```",
    "user", "system", "# Tools", "\u202e", "\U0001f9d1\u200d\U0001f680",
]
NAMES = ["get_weather", "search", "f", "поиск", "a b", "x.y", "items", "get", "run-it"]


def text(rng):
    kind = rng.random()
    if kind < 0.08:
        return ""
    if kind < 0.2:
        return rng.choice([" padded ", "\nlines\n", "\n", "  ", "\t x", "<think>\nhm\n</think>\n\nyes", "<think>a</think>",
                           "a</think>b</think>c", "<tool_response>\nr\n</tool_response>", "/no_think", "[TOOL_RESULTS]"])
    parts = []
    for _ in range(rng.randint(1, 8)):
        parts.append(rng.choice(SPECIAL_TOKENS) if rng.random() < 0.15 else rng.choice(WORDS))
        if rng.random() < 0.5:
            parts.append(" ")
    return "".join(parts)


def number(rng):
    return rng.choice([0, 1, -1, 7, 2**31, 2**53 + 1, -2**63, 2**64 - 1, 0.5, 1.0, -0.0, 1e16, 1e-7, 3.14159, 1e22, 123456.789,
                       5e-324, 0.1 + 0.2, rng.random(), rng.uniform(-1e6, 1e6), rng.randint(-10**6, 10**6)])


def value(rng, depth=3):
    kind = rng.randrange(8 if depth else 5)
    if kind < 2:
        return text(rng)
    if kind == 2:
        return number(rng)
    if kind == 3:
        return rng.choice([True, False, None])
    if kind == 4:
        return rng.choice([[], {}, "", 0])
    if kind < 7:
        return {rng.choice(NAMES + WORDS): value(rng, depth - 1) for _ in range(rng.randint(0, 3))}
    return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]


def schema(rng, depth=2):
    kind = rng.choice(["string", "number", "integer", "boolean", "array", "object", "null", ["string", "null"]])
    result = {"type": kind}
    if rng.random() < 0.5:
        result["description"] = text(rng)
    if rng.random() < 0.2:
        result["enum"] = [text(rng) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.2:
        result[rng.choice(["default", "minimum", "maximum", "nullable", "example"])] = value(rng, 1)
    if kind == "array" and depth:
        result["items"] = schema(rng, depth - 1)
    if kind == "object" and depth:
        result["properties"] = {rng.choice(NAMES): schema(rng, depth - 1) for _ in range(rng.randint(0, 3))}
        if rng.random() < 0.5:
            result["required"] = list(result["properties"])[:1]
    if rng.random() < 0.1:
        result = {"anyOf": [result, {"type": "null"}]}
    return result


def tool(rng):
    function = {"name": rng.choice(NAMES)}
    if rng.random() < 0.9:
        function["description"] = text(rng)
    if rng.random() < 0.9:
        parameters = {"type": "object", "properties": {rng.choice(NAMES): schema(rng) for _ in range(rng.randint(0, 3))}}
        if rng.random() < 0.7:
            parameters["required"] = rng.sample(list(parameters["properties"]), rng.randint(0, len(parameters["properties"])))
        function["parameters"] = parameters
    if rng.random() < 0.1:
        function["strict"] = True
    if rng.random() < 0.1:
        function["return"] = schema(rng)
    return function if rng.random() < 0.05 else {"type": "function", "function": function}


def tool_call(rng):
    arguments = {rng.choice(NAMES): value(rng, 2) for _ in range(rng.randint(0, 3))}
    if rng.random() < 0.3:
        arguments = json.dumps(arguments, ensure_ascii=False)
    call = {"name": rng.choice(NAMES), "arguments": arguments}
    if rng.random() < 0.8:
        call = {"type": "function", "function": call}
        if rng.random() < 0.7:
            call["id"] = rng.choice(["call_1", "abcdef123", "abcdef124"])
    return call


def parts(rng):
    result = []
    for _ in range(rng.randint(0, 3)):
        kind = rng.random()
        if kind < 0.75:
            result.append({"type": "text", "text": text(rng)})
        elif kind < 0.95:
            result.append({"type": rng.choice(["image", "image_url", "video"]), "image": "x"})
        else:
            result.append(text(rng))
    return result


def content(rng, wild, may_be_null=False):
    if not wild:
        return text(rng)
    kind = rng.random()
    if kind < 0.1:
        return parts(rng)
    if kind < 0.13 or (may_be_null and kind < 0.5):
        return None
    return text(rng)


def message(rng, role, wild):
    result = {"role": role}
    if not wild or rng.random() < 0.95:
        result["content"] = content(rng, wild, may_be_null=role == "assistant")
    if role == "assistant":
        if rng.random() < 0.3:
            result["reasoning_content"] = rng.choice([text(rng), "", None])
        if rng.random() < 0.1:
            result[rng.choice(["thinking", "reasoning", "prefix", "tool_plan", "phase"])] = rng.choice([text(rng), True])
    if role == "tool":
        if rng.random() < 0.6:
            result["tool_call_id"] = rng.choice(["call_1", "abcdef123", "y"])
        if rng.random() < 0.6:
            result["name"] = rng.choice(NAMES)
    if rng.random() < 0.03:
        result["name"] = text(rng)
    return result


def tool_calls(rng, wild):
    if wild and rng.random() < 0.2:
        return rng.choice([None, []])
    return [tool_call(rng) for _ in range(rng.randint(1, 3))]


def messages(rng, wild, with_system, with_tools):
    result = []
    if with_system:
        result.append(message(rng, "system", wild))
    turns = rng.choice([0, 1, 2, 3]) if wild else rng.choice([1, 1, 1, 2, 2, 3, 4])
    for turn in range(turns):
        result.append(message(rng, "user", wild))
        while with_tools and rng.random() < 0.5:
            result.append(message(rng, "assistant", wild))
            result[-1]["tool_calls"] = tool_calls(rng, wild)
            if rng.random() < 0.1:
                result[-1]["content"] = None
            for _ in range(rng.randint(0, 2) if wild else len(result[-1]["tool_calls"])):
                result.append(message(rng, "tool", wild))
        if turn + 1 < turns or rng.random() < 0.5:
            result.append(message(rng, "assistant", wild))
    if wild and rng.random() < 0.3:
        result.insert(rng.randint(0, len(result)), message(rng, rng.choice(["system", "developer", "tool", "user", "assistant", "critic"]), wild))
    return result


def conversation(rng):
    """The variables of one rendering, without TRUSTED."""
    wild = rng.random() < 0.15  # anything may be missing, null or out of place
    with_tools = rng.random() < 0.4
    context = {"messages": messages(rng, wild, with_system=rng.random() < 0.4, with_tools=with_tools)}
    if with_tools or rng.random() < 0.2:
        context["tools"] = rng.choice([None, []]) if not with_tools else [tool(rng) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.9:
        context["add_generation_prompt"] = rng.random() < 0.7
    if rng.random() < 0.5:
        context["enable_thinking"] = rng.choice([True, False, None])
    if rng.random() < 0.1:
        context["documents"] = [{"title": text(rng), "text": text(rng)} for _ in range(rng.randint(0, 2))]
    for name, choices in {"date_string": ["26 Jul 2024", ""], "tools_in_user_message": [True, False], "builtin_tools": [["brave_search"]],
                          "custom_tools": [None], "add_vision_id": [True, False], "reasoning_effort": ["low", "high"],
                          "preserve_thinking": [True, False], "thinking": [True, False], "controls": [{"length": "short"}]}.items():
        if rng.random() < 0.08:
            context[name] = rng.choice(choices)
    return context
