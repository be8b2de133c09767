"""What the platform adds to chats: streams that are taken up again, one answer for one idempotency key."""
import os

import openai
from responses import raises

CLIENT = openai.OpenAI(max_retries=0)
FIXED = dict(model=os.environ["STUDIO_MODEL"], messages=[{"role": "user", "content": "What is a violin?"}], max_tokens=12, temperature=0.7, seed=7)


def test_resumable_stream():
    """Its events have ids, which this SDK's decoder keeps."""
    whole = CLIENT.chat.completions.create(**FIXED)
    with CLIENT.chat.completions.with_streaming_response.create(**FIXED, stream=True, extra_headers={"X-Studio-Resume": "1"}) as raw:
        answer = raw.headers["X-Studio-Answer"]
    again = CLIENT.chat.completions.create(**FIXED, stream=True, extra_headers={"X-Studio-Resume": answer})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in again) == whole.choices[0].message.content
    behind = CLIENT.chat.completions.create(**FIXED, stream=True, extra_headers={"Last-Event-ID": f"{answer}:1"})
    assert next(iter(behind)).id == f"chatcmpl-{answer}"


def test_idempotency_key():
    def create(**fields):
        return CLIENT.with_options(max_retries=2).chat.completions.create(**{**FIXED, **fields}, extra_headers={"Idempotency-Key": "py-1"})
    assert create() == create()
    raises(openai.ConflictError, lambda: create(seed=8), status_code=409, param="Idempotency-Key")
