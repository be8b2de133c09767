#!/usr/bin/env python3
"""Every field of a request that a vendor's SDK has a type for, each with an example: the lists of this folder.

Usage: vendor_types.py SDK [--check]   run by the Python that has the SDK (openai, anthropic, ollama); --check compares instead of writing.
A list is one endpoint, named in its first line; then comes one line per promise: {"field", "body"}, where `body` goes over a plain
request. Where a type lists literals, each is a promise of its own. What is read are names and types, no text. DashScope's SDK has no
types: its lists are made by dashscope_fields.py.
"""
import json
import os
import sys
import typing

try:
    import typing_extensions  # every one of these SDKs brings it
except ImportError:
    typing_extensions = None  # dashscope_fields.py needs keep() alone

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_DEPTH = 4  # of objects and lists: past it all that differs is inside of what is one promise already
NAMED = {"role": "assistant", "think": "high"}  # texts that only some values of make sense
PLAIN = {str: "x", int: 1, float: 0.5, bool: True, object: {"a": 1}, bytes: "eA=="}


def wrapper_of(kind):
    """"Required", "NotRequired" or another word that says more of a type than what it is; None for a plain type."""
    name = getattr(typing.get_origin(kind), "_name", None) or str(typing.get_origin(kind))
    return next((word for word in ("NotRequired", "Required", "ReadOnly", "Annotated") if word in name), None)


def unwrapped(kind):
    while wrapper_of(kind):
        kind = typing.get_args(kind)[0]
    return kind


def fields_of(kind):
    """[(name, type, whether it must be there)] of a typed dictionary or a pydantic model, else None."""
    if hasattr(kind, "__required_keys__"):
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        return [(name, of, wrapper_of(of) == "Required" or (kind.__total__ and wrapper_of(of) != "NotRequired"))
                for name, of in hints.items()]
    if hasattr(kind, "model_fields"):
        return [(field.alias or name, field.annotation, field.is_required()) for name, field in kind.model_fields.items()]
    return None


def is_none(kind):
    return kind is type(None) or typing.get_args(kind) == (None,)


def examples(kind, path, depth=0):
    """(path, value) of each way to fill a type; the first is the plainest."""
    kind = unwrapped(kind)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    name = path.rsplit(".", 1)[-1]
    if kind is str and name in NAMED:
        yield path, NAMED[name]
    elif kind in PLAIN:
        yield path, PLAIN[kind]
    elif origin is typing.Literal:
        few = inner[:1] if path.endswith("model") else inner  # names of models are no fields
        yield from ((path, value) for value in few if value is not None)
    elif fields_of(kind) is not None:
        yield from examples_of_object(kind, path, depth)
    elif origin is typing.Union or "UnionType" in type(kind).__name__:
        for member in inner:
            if not is_none(member):
                yield from examples(member, path, depth)
    elif inner and "dict" not in str(origin).lower() and "Mapping" not in str(origin):
        for place, value in examples(inner[0], path + "[]", depth + 1):
            yield place, [value]
    elif inner:  # names of the caller's own; {} where anything may stand behind them
        yield path, {} if inner[1] in (object, typing.Any) else {"key": next(examples(inner[1], path, depth + 1))[1]}
    elif kind is typing.Any:
        yield path, {"a": 1}
    else:
        yield path, "x"


def examples_of_object(kind, path, depth):
    fields = fields_of(kind)
    least = {}
    for name, of, is_required in fields:
        if is_required or (name == "type" and typing.get_origin(unwrapped(of)) is typing.Literal):
            least[name] = next((value for _, value in examples(of, name, depth + 1)), "x") if depth < 2 * MAX_DEPTH else "x"
    variant = least.get("type")
    place = f"{path}({variant})" if isinstance(variant, str) else path
    yield place, least
    if depth >= MAX_DEPTH:
        return
    for name, of, _ in fields:
        if name == "type" and variant:
            continue  # that is the place's own name
        for inner_place, value in examples(of, f"{place}.{name}", depth + 1):
            yield inner_place, {**least, name: value}


def leaf_of(value, place):
    """The value that a place names, as text; of objects just that it is one."""
    for part in place.replace("[]", ".[]").split(".")[1:]:
        name = part.split("(")[0]
        if name == "[]":
            value = value[0] if isinstance(value, list) else value
        elif isinstance(value, dict):
            value = value.get(name)
    return "{}" if isinstance(value, (dict, list)) else str(value)


def promises(kind):
    seen, lines = set(), []
    for name, of, _ in fields_of(kind):
        for place, value in examples(of, name):
            mark = (place, leaf_of(value, place))
            if mark not in seen:  # what the user's and the assistant's messages may both hold is one promise
                seen.add(mark)
                lines.append({"field": place, "body": {name: value}})
    return lines


def shallow(lines):
    """Of an endpoint whose objects another has too: its own fields, and what they hold themselves."""
    return [line for line in lines if line["field"].count(".") <= 1]


def openai():
    from openai.types import batch_create_params as batches
    from openai.types import completion_create_params as completions
    from openai.types import embedding_create_params as embeddings
    from openai.types import file_create_params as files
    from openai.types.chat import completion_create_params as chat
    from openai.types.conversations import conversation_create_params, conversation_update_params, item_create_params
    from openai.types.responses import input_token_count_params as count
    from openai.types.responses import response_create_params as responses
    return {"openai_chat": ("POST /v1/chat/completions", promises(chat.CompletionCreateParamsStreaming)),
            "openai_completions": ("POST /v1/completions", promises(completions.CompletionCreateParamsStreaming)),
            "openai_embeddings": ("POST /v1/embeddings", promises(embeddings.EmbeddingCreateParams)),
            "openai_batches": ("POST /v1/batches", promises(batches.BatchCreateParams)),
            # Of a form; its file is bytes.
            "openai_files": ("POST /v1/files", [line for line in promises(files.FileCreateParams) if line["field"].split("[")[0] != "file"]),
            "responses": ("POST /v1/responses", promises(responses.ResponseCreateParamsStreaming)),
            "responses_count": ("POST /v1/responses/input_tokens", shallow(promises(count.InputTokenCountParams))),
            "responses_conversations": ("POST /v1/conversations", shallow(promises(conversation_create_params.ConversationCreateParams))),
            "responses_update": ("POST /v1/conversations/{id}", promises(conversation_update_params.ConversationUpdateParams)),
            # `include` goes into its query.
            "responses_items": ("POST /v1/conversations/{id}/items", [line for line in promises(item_create_params.ItemCreateParams)
                                                                      if not line["field"].startswith("include")])}


def anthropic():
    from anthropic.types import message_count_tokens_params as count
    from anthropic.types import message_create_params as messages
    return {"anthropic_messages": ("POST /v1/messages", promises(messages.MessageCreateParamsStreaming)),
            "anthropic_count": ("POST /v1/messages/count_tokens", promises(count.MessageCountTokensParams))}


def ollama():
    from ollama import _types as types
    # The client takes any mapping for options; its own type says which there are.
    options = [{"field": "options." + line["field"], "body": {"options": line["body"]}} for line in promises(types.Options)]
    return {"ollama_chat": ("POST /api/chat", promises(types.ChatRequest) + options),
            "ollama_generate": ("POST /api/generate", promises(types.GenerateRequest) + options),
            "ollama_embed": ("POST /api/embed", promises(types.EmbedRequest) + options),
            "ollama_embeddings": ("POST /api/embeddings", promises(types.EmbeddingsRequest) + options)}


SDKS = {each.__name__: each for each in (openai, anthropic, ollama)}


def text_of(endpoint, lines):
    return "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in [{"endpoint": endpoint}, *lines])


def keep(lists, is_check):
    """Writes the lists, or tells what the kept ones lack. Returns the exit code."""
    lacking = 0
    for name, (endpoint, lines) in lists.items():
        path = os.path.join(HERE, name + ".jsonl")
        text = text_of(endpoint, lines)
        if not is_check:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            continue
        with open(path, encoding="utf-8") as file:
            kept = set(file.read().splitlines())
        for line in text.splitlines():
            if line not in kept:
                print(f"{name}.jsonl lacks {line}")
                lacking += 1
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(keep(SDKS[sys.argv[1]](), "--check" in sys.argv))
