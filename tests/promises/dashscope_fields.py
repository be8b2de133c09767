#!/usr/bin/env python3
"""DashScope's lists of promises, as vendor_types.py makes those of SDKs with types. Usage: dashscope_fields.py [--check]

Source: the parameters of dashscope 1.26 and 2.0 (`call` of Generation, MultiModalConversation, TextEmbedding, BatchTextEmbedding, TextReRank and what they put into a request) and Alibaba Cloud's
API reference, read 2026-11. Here are names and example values alone.
"""
import sys

from vendor_types import keep

TEXT = "POST /api/v1/services/aigc/text-generation/generation"
MULTIMODAL = "POST /api/v1/services/aigc/multimodal-generation/generation"
EMBEDDING = "POST /api/v1/services/embeddings/text-embedding/text-embedding"
AS_TASK = EMBEDDING + " (X-DashScope-Async: enable)"
TEXT_RERANK = "POST /api/v1/services/rerank/text-rerank/text-rerank"
FUNCTION = {"type": "function", "function": {"name": "f", "description": "x", "parameters": {"type": "object", "properties": {}}}}

# Both endpoints' parameters: each value is one promise.
PARAMETERS = {
    "result_format": ["text", "message"],
    "incremental_output": [True],
    "temperature": [0.5], "top_p": [0.5], "top_k": [5], "seed": [7], "n": [2], "max_tokens": [8],
    "repetition_penalty": [1.1], "presence_penalty": [0.5], "frequency_penalty": [0.5],
    "stop": ["x", ["x"], [7], [[7]]],
    "logprobs": [True], "top_logprobs": [2],
    "enable_thinking": [True], "thinking_budget": [8],
    "preserve_thinking": [True],
    "reasoning_effort": ["none", "low", "medium", "high", "xhigh", "max"],
    "clear_thinking": [True],
    "stream": [True],
    "stream_options": [{"include_usage": True}],
    "response_format": [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}],
    "tools": [[FUNCTION]],
    "tool_choice": ["auto", "none", "required", {"type": "function", "function": {"name": "f"}}],
    "parallel_tool_calls": [True],
    "tool_stream": [True],
    "enable_search": [True],
    "search_options": [{name: value} for name, value in (
        ("forced_search", True), ("search_strategy", "turbo"), ("search_strategy", "max"), ("search_strategy", "agent"),
        ("search_strategy", "agent_max"), ("enable_search_extension", True), ("enable_source", True), ("enable_citation", True),
        ("citation_format", "[ref_<number>]"), ("prepend_search_result", True), ("freshness", 7), ("assigned_site_list", ["x"]),
        ("intention_options", {"prompt_intervene": "x"}))],
    "enable_code_interpreter": [True],
    "translation_options": [{"source_lang": "auto", "target_lang": "English"}, {"target_lang": "English", "terms": [{"source": "x", "target": "y"}]},
                            {"target_lang": "English", "tm_list": [{"source": "x", "target": "y"}]}, {"target_lang": "English", "domains": "x"}],
    "modalities": [["text", "audio"]],
    "audio": [{"voice": "x", "format": "wav"}],
    "vl_high_resolution_images": [True],
    "vl_enable_image_hw_output": [True],
    "ocr_options": [{"task": "text_recognition"}, {"task": "key_information_extraction", "task_config": {"result_schema": {}}}],
    "asr_options": [{"language": "zh"}, {"enable_itn": True}, {"enable_lid": True}],
    "output_format": ["model_detailed_report"],
    "customized_model_id": ["x"],
}
INPUT = {
    "messages": [[{"role": "user", "content": "x"}], [{"role": "tool", "content": "x", "tool_call_id": "x"}]],
    "prompt": ["x"],
    "history": [[{"user": "x", "bot": "y"}]],
    "customized_model_id": ["x"],
    "image_list": [["https://example.com/a.png"]],
    "file_list": [["https://example.com/a.pdf"]],
    "text": ["x"], "voice": ["x"], "language_type": ["Chinese"],
}
MESSAGE = {"name": ["x"], "tool_call_id": ["x"], "reasoning_content": ["x"], "partial": [True],
           "tool_calls": [[{"id": "x", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}}]]}
PARTS = [("text", {"text": "x"}), ("cache_control", {"text": "x", "cache_control": {"type": "ephemeral"}}), ("image", {"image": "https://example.com/a.png"}),
         ("image.min_pixels", {"image": "https://example.com/a.png", "min_pixels": 3136}),
         ("image.max_pixels", {"image": "https://example.com/a.png", "max_pixels": 6272}), ("video", {"video": "https://example.com/a.mp4"}),
         ("video.fps", {"video": ["https://example.com/a.png"], "fps": 2}), ("video.total_pixels", {"video": "https://example.com/a.mp4", "total_pixels": 1}),
         ("audio", {"audio": "https://example.com/a.wav"}), ("file", {"file": "https://example.com/a.pdf"})]
# Of the door for reranking that is like OpenAI's, which has none.
RERANK = {"model": ["x"], "query": ["x"], "documents": [["x"], [{"text": "x"}], [{"image": "https://example.com/a.png"}], [{"video": "https://example.com/a.mp4"}]],
          "top_n": [1], "return_documents": [True], "instruct": ["x"]}
# Of the encoders at the native door.
EMBEDDING_PARAMETERS = {"text_type": ["document", "query"], "dimension": [32], "output_type": ["dense", "sparse", "dense&sparse"], "instruct": ["x"]}
RERANK_PARAMETERS = {"top_n": [1], "return_documents": [True], "instruct": ["x"], "fps": [1.0, 0.5]}
FRAME = {"model": ["x"], "task": ["text-generation"], "task_group": ["aigc"], "function": ["generation"], "resources": [[{"resource_id": "x"}]]}
HEADERS = {"X-DashScope-Async": "enable", "X-DashScope-WorkSpace": "llm-x", "X-DashScope-DataInspection": '{"input":"cip","output":"cip"}',
           "X-DashScope-Plugin": '{"x":{}}', "X-DashScope-EncryptionKey": '{"public_key_id":"x"}'}


def inside(part, fields):
    return [{"field": f"{part}.{name}", "body": {part: {name: value}}} for name, values in fields.items() for value in values]


def framed(parameters, said):
    lines = [{"field": name, "body": {name: value}} for name, values in FRAME.items() for value in values]
    return lines + inside("parameters", parameters) + inside("input", said)


def heads(*but):
    return [{"field": name, "headers": {name: value}} for name, value in HEADERS.items() if name not in but]


def promises():
    lines = framed(PARAMETERS, INPUT)
    for name, values in MESSAGE.items():
        for value in values:
            messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", name: value}]
            lines.append({"field": "input.messages[]." + name, "body": {"input": {"messages": messages}}})
    for name, part in PARTS:
        lines.append({"field": "input.messages[].content[]." + name, "body": {"input": {"messages": [{"role": "user", "content": [part]}]}}})
    return lines + heads()


if __name__ == "__main__":
    rerank = [{"field": name, "body": {name: value}} for name, values in RERANK.items() for value in values]
    said = {name: RERANK[name] for name in ("query", "documents")}
    sys.exit(keep({"dashscope_text": (TEXT, promises()), "dashscope_multimodal": (MULTIMODAL, promises()), "openai_rerank": ("POST /v1/rerank", rerank),
                   "dashscope_embedding": (EMBEDDING, framed(EMBEDDING_PARAMETERS, {"texts": [["x"]], "url": ["x"]}) + heads("X-DashScope-Async")),
                   "dashscope_task": (AS_TASK, framed(EMBEDDING_PARAMETERS, {"url": ["x"], "texts": [["x"]]}) + heads("X-DashScope-Async")),
                   "dashscope_rerank": (TEXT_RERANK, framed(RERANK_PARAMETERS, said) + heads())}, "--check" in sys.argv))
