"""What the platform adds to chats: batches of requests, streams that are taken up again, one answer for one idempotency key."""
import json
import os
import time

import openai
from responses import WAIT_S, raises

CLIENT = openai.OpenAI(max_retries=0)
FIXED = dict(model=os.environ["STUDIO_MODEL"], messages=[{"role": "user", "content": "What is a violin?"}], max_tokens=12, temperature=0.7, seed=7)


def test_batch_job():
    lines = [json.dumps({"custom_id": f"c{seed}", "method": "POST", "url": "/v1/chat/completions", "body": {**FIXED, "seed": seed}}) for seed in (1, 2, 3)]
    file = CLIENT.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch")
    batch = CLIENT.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"team": "a"})
    until = time.monotonic() + WAIT_S
    while batch.status not in ("completed", "failed") and time.monotonic() < until:
        time.sleep(0.1)
        batch = CLIENT.batches.retrieve(batch.id)
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (3, 3, 0), batch
    output = [json.loads(line) for line in CLIENT.files.content(batch.output_file_id).text.splitlines()]
    assert sorted(line["custom_id"] for line in output) == ["c1", "c2", "c3"]
    at_once = [CLIENT.chat.completions.create(**{**FIXED, "seed": seed}).choices[0].message.content for seed in (1, 2, 3)]
    answers = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in output}
    assert [answers[f"c{seed}"] for seed in (1, 2, 3)] == at_once
    assert batch.id in [entry.id for entry in CLIENT.batches.list(limit=1)]
    for entry in CLIENT.files.list():
        assert CLIENT.files.delete(entry.id).deleted
    raises(openai.NotFoundError, lambda: CLIENT.files.retrieve(file.id), status_code=404)


def test_kept_answers():
    """The events of a stream have ids, which this SDK's decoder keeps."""
    whole = CLIENT.chat.completions.create(**FIXED)
    with CLIENT.chat.completions.with_streaming_response.create(**FIXED, stream=True, extra_headers={"X-Studio-Resume": "1"}) as raw:
        answer = raw.headers["X-Studio-Answer"]
    again = CLIENT.chat.completions.create(**FIXED, stream=True, extra_headers={"X-Studio-Resume": answer})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in again) == whole.choices[0].message.content
    behind = CLIENT.chat.completions.create(**FIXED, stream=True, extra_headers={"Last-Event-ID": f"{answer}:1"})
    assert next(iter(behind)).id == f"chatcmpl-{answer}"

    def create(**fields):
        return CLIENT.with_options(max_retries=2).chat.completions.create(**{**FIXED, **fields}, extra_headers={"Idempotency-Key": "py-1"})
    assert create() == create()
    raises(openai.ConflictError, lambda: create(seed=8), status_code=409, param="Idempotency-Key")
