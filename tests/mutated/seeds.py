"""Well-formed requests of every route and dialect: what real clients sent (conformance/recordings), and one of each beside them."""
import json
import pathlib

ROOT = pathlib.Path(__file__).parent.parent.parent
SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 4}, "ages": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
                                           "kind": {"enum": ["a", "b"]}}, "required": ["name"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": True}}
SAID = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is a violin?"}]
CALLED = [*SAID, {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
          {"role": "tool", "tool_call_id": "call_1", "content": "seen"}]
CHAT = {"model": "tiny", "messages": SAID, "max_tokens": 4, "seed": 7}

WRITTEN = [
    ("POST", "/v1/chat/completions", {**CHAT, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}}),
    ("POST", "/v1/chat/completions", {**CHAT, "tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False, "stream": True}),
    ("POST", "/v1/chat/completions", {**CHAT, "messages": CALLED, "tools": [TOOL], "logprobs": True, "top_logprobs": 3, "n": 2}),
    ("POST", "/v1/chat/completions", {**CHAT, "structured_outputs": {"regex": "[a-c]{2,5}x?"}}),
    ("POST", "/v1/chat/completions", {**CHAT, "structured_outputs": {"grammar": 'root ::= "a" b*\nb ::= "c" | "d"'}}),
    ("POST", "/v1/chat/completions", {**CHAT, "guided_choice": ["yes", "no"], "stop": ["x", "\n"], "logit_bias": {"5": -3}, "metadata": {"a": "b"}}),
    ("POST", "/v1/completions", {"model": "tiny", "prompt": "The violin is", "suffix": " of wood", "max_tokens": 4, "logprobs": 2, "stop": "."}),
    ("POST", "/v1/tokenize", {"model": "tiny", "text": "hi there"}),
    ("POST", "/v1/embeddings", {"model": "tiny-bert", "input": ["a b", "c"], "encoding_format": "base64", "dimensions": 8}),
    ("POST", "/v1/reranks", {"model": "tiny-ranker", "query": "a", "documents": ["b", "c d"], "top_n": 1}),
    ("POST", "/v1/responses", {"model": "tiny", "input": "What is a violin?", "max_output_tokens": 16, "store": True, "instructions": "Be short."}),
    ("POST", "/v1/responses", {"model": "tiny", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}], "max_output_tokens": 16,
                               "stream": True, "tools": [{"type": "function", "name": "look", "parameters": SCHEMA, "strict": True}], "metadata": {"a": "b"}}),
    ("POST", "/v1/responses", {"model": "tiny", "input": "hi", "background": True, "max_output_tokens": 16,
                               "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}}),
    ("GET", "/v1/responses/resp_0123456789abcdef/input_items?limit=3&order=asc", None),
    ("POST", "/v1/responses/resp_0123456789abcdef/cancel", {}),
    ("DELETE", "/v1/responses/resp_0123456789abcdef", None),
    ("POST", "/v1/conversations", {"metadata": {"a": "b"}, "items": [{"type": "message", "role": "user", "content": "hi"}]}),
    ("GET", "/v1/conversations/conv_0123456789abcdef/items?limit=2&after=x", None),
    ("POST", "/v1/batches", {"input_file_id": "file-0123456789abcdef", "endpoint": "/v1/chat/completions", "completion_window": "24h", "metadata": {"a": "b"}}),
    ("GET", "/v1/batches?limit=3&after=batch_1", None),
    ("GET", "/v1/files?purpose=batch&limit=2", None),
    ("GET", "/v1/files/file-0123456789abcdef/content", None),
    ("DELETE", "/v1/files/file-0123456789abcdef", None),
    ("GET", "/v1/models", None),
    ("POST", "/v1/messages", {"model": "tiny", "max_tokens": 4, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}],
                              "system": [{"type": "text", "text": "Be short."}], "tools": [{"name": "look", "input_schema": SCHEMA}], "tool_choice": {"type": "any"}}),
    ("POST", "/v1/messages", {"model": "tiny", "max_tokens": 40, "thinking": {"type": "enabled", "budget_tokens": 8}, "stream": True, "messages": [
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"name": "a"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "seen"}]}]}),
    ("POST", "/api/v1/services/aigc/text-generation/generation", {"model": "tiny", "input": {"messages": CALLED}, "parameters": {
        "result_format": "message", "max_tokens": 4, "tools": [TOOL], "incremental_output": True}}),
    ("POST", "/api/v1/services/embeddings/text-embedding/text-embedding", {"model": "tiny-bert", "input": {"texts": ["a", "b"]}, "parameters": {"text_type": "query"}}),
    ("POST", "/api/v1/services/rerank/text-rerank/text-rerank", {"model": "tiny-ranker", "input": {"query": "a", "documents": ["b"]}, "parameters": {"return_documents": True}}),
    ("GET", "/api/v1/tasks/0123?page_no=1", None),
    ("POST", "/api/chat", {"model": "tiny", "messages": SAID, "options": {"num_predict": 4, "seed": 7}, "format": SCHEMA, "tools": [TOOL], "think": False}),
    ("POST", "/api/generate", {"model": "tiny", "prompt": "hi", "options": {"num_predict": 4}, "keep_alive": "5m", "raw": True}),
    ("POST", "/api/embed", {"model": "tiny-bert", "input": ["a", "b"], "truncate": True}),
]


def all_of_them():
    found = []
    for path in sorted((ROOT / "conformance/recordings").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            body = json.loads(json.dumps(one["body"]).replace("{model}", "tiny")) if isinstance(one.get("body"), (dict, list)) else None
            found.append((one["method"], one["path"], body, one.get("fields", {})))
    # What clients repeat from test to test counts once; what is written here as often as ten of theirs together.
    found = list({json.dumps(one, sort_keys=True): one for one in found}.values())
    return found + [(*one, {}) for one in WRITTEN] * max(1, len(found) // (2 * len(WRITTEN)))
