"""Which check proves which place of which endpoint: {place: check}. A place of the server's tables that has none fails the run."""
import cache_checks
import checks
import counting_checks
import dashscope_encoder_checks
import objects_checks
import responses_checks
from doors import DOORS

OWN = {
    "POST /v1/chat/completions": {**checks.OPENAI_CHAT, **cache_checks.openai()},
    "POST /v1/completions": checks.OPENAI_COMPLETIONS,
    "POST /v1/embeddings": objects_checks.OF_EMBEDDINGS,
    "POST /v1/rerank": objects_checks.OF_RERANK,
    "POST /v1/files": objects_checks.OF_FILES,
    "POST /v1/batches": objects_checks.OF_BATCHES,
    "POST /v1/responses": responses_checks.RESPONSES,
    "POST /v1/responses/input_tokens": responses_checks.count_proofs(),
    "POST /v1/conversations": responses_checks.CONVERSATIONS,
    "POST /v1/conversations/{id}": responses_checks.CHANGES,
    "POST /v1/conversations/{id}/items": responses_checks.NEW_ITEMS,
    "POST /v1/tokenize": {**counting_checks.tokenize_proofs(), **cache_checks.counted("/v1/tokenize", lambda body: body["count"], {})},
    "POST /api/v1/services/aigc/text-generation/generation": {**checks.DASHSCOPE, **cache_checks.dashscope()},
    "POST /api/v1/services/aigc/multimodal-generation/generation": {**checks.DASHSCOPE, **cache_checks.dashscope()},
    "POST /api/v1/tokenizer": {**counting_checks.tokenizer_proofs(),
                               **cache_checks.counted("/api/v1/tokenizer", lambda body: body["usage"]["input_tokens"], {}, cache_checks.untyped,
                                                      checks.in_input)},
    "POST /api/v1/services/embeddings/text-embedding/text-embedding": dashscope_encoder_checks.OF_EMBEDDING,
    "POST /api/v1/services/embeddings/text-embedding/text-embedding (X-DashScope-Async: enable)": dashscope_encoder_checks.OF_TASK,
    "POST /api/v1/services/rerank/text-rerank/text-rerank": dashscope_encoder_checks.OF_TEXT_RERANK,
    "POST /v1/messages": {**checks.ANTHROPIC, **cache_checks.anthropic()},
    "POST /v1/messages/count_tokens": {**counting_checks.count_proofs(),
                                       **cache_checks.counted("/v1/messages/count_tokens", lambda body: body["input_tokens"],
                                                              cache_checks.ANTHROPIC_PLACES)},
    "POST /api/chat": checks.OLLAMA_CHAT,
    "POST /api/generate": checks.OLLAMA_GENERATE,
    "POST /api/embed": objects_checks.OF_OLLAMA_EMBED,
    "POST /api/embeddings": objects_checks.OF_OLLAMA_EMBEDDINGS,
    "POST /api/show": {"model": counting_checks.unknown_model("/api/show", {}),
                       "name": counting_checks.alike("/api/show", lambda body: body["modified_at"], {"name": "tiny"}, {})},
}


def proofs_of(endpoint):
    """({place: check}, door) of an endpoint; the door of one that does not generate is None."""
    door = next((each for each in DOORS if each.endpoint == endpoint), None)
    common = {place: checks.COMMON[name] for name, place in door.fields.items() if name in checks.COMMON} if door else {}
    if door and "include_usage" in door.fields:
        common[door.fields["include_usage"]] = checks.check_include_usage
    return {**common, **OWN.get(endpoint, {})}, door
