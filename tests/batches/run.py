"""Files and batches, by the OpenAI Python SDK, and a batch whose server is killed. Usage: run.py [--full] [WORD...]"""
import http.client
import io
import json
import os
import random
import sys
import time

import openai

from place import KEY, Place
from patience import PATIENCE
from run_cases import run_cases

FULL = "--full" in sys.argv
LINES, KILLS = (1000, 50) if FULL else (60, 3)
LENGTHS = [1, 8, 60, 240] if FULL else [1, 3, 8, 30]  # of answers: some are there before a kill, some never alone
MOST_OF_A_LIFE_S = 2 * PATIENCE  # of a server between two kills
WAIT_S = 120 * PATIENCE  # for a small batch, on a busy machine
ENCODER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/encoders/tiny-bert")
PLACE = Place(more=[ENCODER])


def client(key=KEY):
    return openai.OpenAI(base_url=PLACE.url + "/v1", api_key=key, max_retries=0)


def line(number, max_tokens=4, **body):
    return {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "tiny", "messages": [{"role": "user", "content": f"Count to {number}."}], "max_tokens": max_tokens,
                     "seed": number, **body}}


def jsonl(lines):
    return "".join(json.dumps(each) + "\n" for each in lines).encode()


def upload(lines, name="in.jsonl"):
    data = lines if isinstance(lines, bytes) else jsonl(lines)
    return client().files.create(file=(name, io.BytesIO(data)), purpose="batch")


def create(file_id, **more):
    return client().batches.create(**{"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **more})


def wait_for(batch_id, *statuses):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        batch = client().batches.retrieve(batch_id)
        if batch.status in statuses:
            return batch
        time.sleep(0.05)
    raise AssertionError(f"still {batch.status} after {WAIT_S} s: {batch}")


def lines_of(file_id):
    return [json.loads(each) for each in client().files.content(file_id).text.splitlines()] if file_id else []


def raises(kind, call, word=""):
    try:
        call()
    except openai.OpenAIError as error:
        assert type(error) is kind, f"{type(error).__name__}, not {kind.__name__}: {error}"
        assert word in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def test_a_file_comes_back():
    data = b"{}\n" * 7
    made = client().files.create(file=("a b\u6c34.jsonl", io.BytesIO(data)), purpose="batch")
    assert made.id.startswith("file-batch-") and made.object == "file" and made.bytes == len(data) and made.purpose == "batch", made
    assert made.filename == "a b\u6c34.jsonl" and made.status == "processed" and abs(made.created_at - time.time()) < 600, made
    assert client().files.retrieve(made.id) == made
    assert client().files.content(made.id).read() == data
    deleted = client().files.delete(made.id)
    assert deleted.deleted and deleted.id == made.id and deleted.object == "file"
    raises(openai.NotFoundError, lambda: client().files.retrieve(made.id))
    assert made.id not in PLACE.files_on_disk()


def test_a_large_file_goes_through_the_disk():
    data = random.Random(3).randbytes(9_000_001)
    made = client().files.create(file=("large.jsonl", io.BytesIO(data)), purpose="batch")
    assert made.bytes == len(data)
    assert client().files.content(made.id).read() == data
    client().files.delete(made.id)


def test_files_are_listed_in_pages():
    made = [client().files.create(file=(f"{i}.txt", b"x"), purpose="file-extract").id for i in range(5)]
    assert all(each.startswith("file-fe-") for each in made)
    pages = [each.id for each in client().files.list(purpose="file-extract", limit=2)]
    assert pages == made[::-1], (pages, made)
    first = client().files.list(purpose="file-extract", limit=2)
    assert len(first.data) == 2 and first.has_more
    assert [each.id for each in client().files.list(purpose="file-extract", limit=3, order="asc")] == made
    for each in made:
        client().files.delete(each)


def test_uploads_are_refused_by_name():
    files = client().files
    raises(openai.BadRequestError, lambda: files.create(file=("a", b"x"), purpose="assistants"), "'batch' or 'file-extract'")
    raises(openai.BadRequestError, lambda: files.create(file=("a.exe", b"x"), purpose="file-extract"), "document")
    raises(openai.BadRequestError, lambda: files.create(file=("a", b""), purpose="batch"), "empty")
    raises(openai.BadRequestError, lambda: files.create(file=("a", b"x"), purpose="batch", extra_body={"colour": "red"}), "colour")
    raises(openai.BadRequestError, lambda: files.create(file=("a" * 256, b"x"), purpose="batch"), "file name")
    raises(openai.BadRequestError, lambda: files.list(limit=0), "limit")
    raises(openai.NotFoundError, lambda: files.list(after="file-batch-none"))
    raises(openai.NotFoundError, lambda: files.content("file-batch-none"))
    assert not [name for name in PLACE.files_on_disk() if name.startswith(".")]


def test_a_batch_from_upload_to_output():
    given = upload([line(i) for i in range(9)] + [line(9, temperature=9), line(10, model="tiny", nonsense=1)])
    batch = create(given.id, metadata={"ds_name": "first run", "team": "blue"})
    assert batch.id.startswith("batch_") and batch.object == "batch" and batch.status == "validating", batch
    assert batch.metadata == {"ds_name": "first run", "team": "blue"} and batch.expires_at == batch.created_at + 24 * 3600
    batch = wait_for(batch.id, "completed")
    assert batch.errors is None and batch.in_progress_at and batch.finalizing_at and batch.completed_at and not batch.failed_at
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (11, 9, 2), counts
    assert batch.output_file_id.startswith("file-batch_output-") and batch.error_file_id.startswith("file-batch_error-")
    output, errors = lines_of(batch.output_file_id), lines_of(batch.error_file_id)
    assert sorted(each["custom_id"] for each in output) == sorted(f"line-{i}" for i in range(9))
    for each in output:
        assert list(each) == ["id", "custom_id", "response", "error"] and each["error"] is None, each
        body = each["response"]["body"]
        assert each["response"]["status_code"] == 200 and each["response"]["request_id"] == each["id"]
        assert body["object"] == "chat.completion" and body["usage"]["completion_tokens"] > 0, body
        number = int(each["custom_id"].split("-")[1])
        alone = client().chat.completions.create(**line(number)["body"])
        assert alone.choices[0].message.content == body["choices"][0]["message"]["content"], each
    assert {each["custom_id"] for each in errors} == {"line-9", "line-10"}
    for each in errors:
        assert each["response"]["status_code"] == 400 and each["error"]["code"] and each["error"]["message"], each
    assert client().files.retrieve(batch.output_file_id).purpose == "batch_output"
    assert client().files.delete(given.id).deleted


def test_completions_are_lines_too():
    lines = [{"custom_id": f"c{i}", "method": "POST", "url": "/v1/completions", "body": {"model": "tiny", "prompt": f"{i} is", "max_tokens": 3}}
             for i in range(3)]
    batch = wait_for(create(upload(lines).id, endpoint="/v1/completions").id, "completed")
    assert {each["response"]["body"]["object"] for each in lines_of(batch.output_file_id)} == {"text_completion"}
    assert batch.error_file_id is None


def test_embeddings_are_lines_too():
    texts = ["A violin.", ["A viola.", "水"], "x " * 5_000]
    lines = [{"custom_id": f"e{i}", "method": "POST", "url": "/v1/embeddings", "body": {"model": "tiny-bert", "input": text}}
             for i, text in enumerate(texts)]
    batch = wait_for(create(upload(lines).id, endpoint="/v1/embeddings").id, "completed")
    output = {each["custom_id"]: each["response"]["body"] for each in lines_of(batch.output_file_id)}
    assert sorted(output) == ["e0", "e1"] and (batch.request_counts.completed, batch.request_counts.failed) == (2, 1), batch
    for i, text in enumerate(texts[:2]):
        alone = client().embeddings.create(model="tiny-bert", input=text, encoding_format="float")
        assert [each["embedding"] for each in output[f"e{i}"]["data"]] == [each.embedding for each in alone.data]
        assert output[f"e{i}"]["usage"] == alone.usage.to_dict(), output[f"e{i}"]["usage"]
    (error,) = lines_of(batch.error_file_id)
    assert error["custom_id"] == "e2" and error["response"]["status_code"] == 400 and "tokens" in error["error"]["message"], error


def test_the_vendors_model_for_trying_it_out():
    lines = [{**line(i, model="batch-test-model"), "url": "/v1/chat/ds-test"} for i in range(3)]
    batch = wait_for(create(upload(lines).id, endpoint="/v1/chat/ds-test").id, "completed")
    assert batch.request_counts.completed == 3
    assert all(each["response"]["body"]["choices"][0]["message"]["content"] for each in lines_of(batch.output_file_id))
    batch = wait_for(create(upload([{**lines[0], "custom_id": str(i)} for i in range(101)]).id, endpoint="/v1/chat/ds-test").id, "failed")
    assert [error.code for error in batch.errors.data] == ["too_many_lines"]
    batch = wait_for(create(upload([line(0, model="batch-test-model")]).id).id, "failed")
    assert [error.code for error in batch.errors.data] == ["model_not_found"]


def test_a_file_that_is_no_batch_fails_with_its_lines():
    lines = [line(0), line(0), line(2, model="other"), {**line(3), "url": "/v1/embeddings"}, {**line(4), "method": "GET"}, line(5, stream=True)]
    batch = wait_for(create(upload(jsonl(lines) + b"not json\n\n{\"custom_id\": \"x\"}\n").id).id, "failed")
    assert batch.failed_at and batch.request_counts.total == 0 and batch.output_file_id is None
    told = {(error.line, error.code) for error in batch.errors.data}
    assert told == {(2, "duplicate_custom_id"), (3, "mismatched_model"), (4, "invalid_request"), (5, "invalid_request"), (6, "invalid_request"),
                    (7, "invalid_json_line"), (9, "invalid_request")}, told
    batch = wait_for(create(upload([line(0, model="gpt-x")]).id).id, "failed")
    assert [error.code for error in batch.errors.data] == ["model_not_found"]
    batch = wait_for(create(upload(b"\n \n").id).id, "failed")
    assert [error.code for error in batch.errors.data] == ["empty_file"]


def test_batches_are_refused_by_name():
    given = upload([line(0)])
    extract = client().files.create(file=("a.txt", b"x"), purpose="file-extract")
    raises(openai.NotFoundError, lambda: create("file-batch-none"), "no such file")
    raises(openai.BadRequestError, lambda: create(extract.id), "purpose")
    raises(openai.BadRequestError, lambda: create("https://example.com/a.jsonl"), "fetches none")
    raises(openai.BadRequestError, lambda: create(given.id, endpoint="/v1/images"), "endpoint")
    for window in ("23h", "15d", "337h", "h", "24", "1.5d", "999999999999999999999h"):
        raises(openai.BadRequestError, lambda w=window: create(given.id, completion_window=w), "completion_window")
    raises(openai.BadRequestError, lambda: create(given.id, metadata={"ds_batch_finish_callback": "http://x"}), "calls no addresses")
    raises(openai.BadRequestError, lambda: create(given.id, metadata={"ds_name": "x" * 101}), "100 characters")
    raises(openai.BadRequestError, lambda: create(given.id, metadata={str(i): "x" for i in range(17)}), "16 entries")
    raises(openai.BadRequestError, lambda: create(given.id, extra_body={"color": 1}), "color")
    raises(openai.NotFoundError, lambda: client().batches.retrieve("batch_none"))
    raises(openai.NotFoundError, lambda: client().batches.cancel("batch_none"))


def test_batches_are_listed_in_pages():
    given = upload([line(0)])
    made = [create(given.id, metadata={"ds_name": f"page {i}"}).id for i in range(5)]
    for each in made:
        wait_for(each, "completed")
    assert [each.id for each in client().batches.list(limit=2) if each.id in made] == made[::-1]
    page = client().batches.list(limit=2)
    assert page.has_more and page.data[0].id == made[-1]
    found = client().batches.list(extra_query={"ds_name": "page 3", "status": "completed,failed", "input_file_ids": given.id})
    assert [each.id for each in found.data] == [made[3]]
    raises(openai.BadRequestError, lambda: client().batches.list(limit=101), "limit")
    raises(openai.BadRequestError, lambda: client().batches.list(extra_query={"status": "done"}), "status")


def test_a_cancelled_batch_keeps_what_it_has():
    given = upload([line(i, max_tokens=1 if i < 4 else 2000, ignore_eos=i >= 4) for i in range(200)])
    batch = create(given.id)
    wait_for(batch.id, "in_progress")
    raises(openai.ConflictError, lambda: client().files.delete(given.id), batch.id)
    until = time.monotonic() + WAIT_S
    while client().batches.retrieve(batch.id).request_counts.completed < 4 and time.monotonic() < until:
        time.sleep(0.05)
    cancelled = client().batches.cancel(batch.id)
    assert cancelled.status in ("cancelling", "cancelled") and cancelled.cancelling_at, cancelled
    batch = wait_for(batch.id, "cancelled")
    assert 4 <= batch.request_counts.completed < 200 and batch.cancelled_at, batch
    assert len(lines_of(batch.output_file_id)) == batch.request_counts.completed
    raises(openai.ConflictError, lambda: client().batches.cancel(batch.id), "cancelled")


def test_a_foreign_key_sees_nothing():
    given = upload([line(0)])
    batch = wait_for(create(given.id).id, "completed")
    other = client(PLACE.other_key())
    for call in (lambda: other.files.retrieve(given.id), lambda: other.files.content(given.id), lambda: other.files.delete(given.id),
                 lambda: other.files.content(batch.output_file_id), lambda: other.batches.retrieve(batch.id),
                 lambda: other.batches.cancel(batch.id), lambda: other.files.list(after=given.id), lambda: other.batches.list(after=batch.id),
                 lambda: other.batches.create(input_file_id=given.id, endpoint="/v1/chat/completions", completion_window="24h")):
        raises(openai.NotFoundError, call)
    assert not list(other.files.list()) and not list(other.batches.list())
    assert client().files.content(given.id).read()


def check_lines(batch, numbers, refused):
    """Every line answered once, each in the file where it belongs."""
    output, errors = lines_of(batch.output_file_id), lines_of(batch.error_file_id)
    assert sorted(each["custom_id"] for each in output) == sorted(f"line-{i}" for i in numbers if i not in refused)
    assert sorted(each["custom_id"] for each in errors) == sorted(f"line-{i}" for i in refused)
    assert batch.request_counts.completed == len(output) and batch.request_counts.failed == len(errors)
    assert batch.request_counts.total == len(numbers)
    return {each["id"]: (each["response"]["body"]["usage"]["prompt_tokens"], each["response"]["body"]["usage"]["completion_tokens"])
            for each in output}


def answers_until(batch_id, wanted):
    """How many lines are answered and how the batch stands, once they are so many or a while has passed."""
    until = time.monotonic() + MOST_OF_A_LIFE_S
    while True:
        batch = client().batches.retrieve(batch_id)
        answered = batch.request_counts.completed + batch.request_counts.failed
        if answered >= wanted or time.monotonic() > until:
            return answered, batch.status
        time.sleep(0.002)


def once(key):
    return {"extra_headers": {"Idempotency-Key": key}}


def test_the_same_key_makes_one_file_and_one_batch():
    def file_of(data=jsonl([line(0)]), name="once.jsonl", key="one-file"):
        return client().files.create(file=(name, io.BytesIO(data)), purpose="batch", **once(key))
    given = file_of()
    batch = create(given.id, **once("one-batch"))
    wait_for(batch.id, "completed")
    for is_restarted in (False, True):
        if is_restarted:
            PLACE.kill()
            PLACE.start()
        assert file_of() == given
        assert create(given.id, **once("one-batch")) == batch  # as it was told when it was made
        raises(openai.ConflictError, lambda: file_of(data=b"{}"), "Idempotency-Key")
        raises(openai.ConflictError, lambda: file_of(name="other.jsonl"), "Idempotency-Key")
        raises(openai.ConflictError, lambda: create(given.id, completion_window="2d", **once("one-batch")), "Idempotency-Key")
        assert len([each for each in client().files.list(purpose="batch") if each.filename == "once.jsonl"]) == 1
        assert len([each for each in client().batches.list() if each.input_file_id == given.id]) == 1
    client().files.delete(given.id)
    other = file_of()
    assert other.id != given.id and client().files.retrieve(other.id) == other
    client().files.delete(other.id)


def post_form(key, path, form, length=None):
    """A form's first bytes, with a head that promises `length` of them; the connection."""
    link = http.client.HTTPConnection(PLACE.url.removeprefix("http://"), timeout=WAIT_S)
    link.putrequest("POST", path)
    for name, value in {"Authorization": "Bearer " + key, "Content-Type": "multipart/form-data; boundary=b",
                        "Content-Length": str(length or len(form))}.items():
        link.putheader(name, value)
    link.endheaders(form)
    return link


def wait_until(condition):
    until = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def test_uploads_on_their_way_have_their_keys_room():
    key, room = PLACE.other_key("brimful"), 1 << 20
    whole = client(key).files.create(file=("whole.jsonl", b"{}"), purpose="batch")
    PLACE.stop()
    PLACE.change("UPDATE files SET size_bytes = ? WHERE file_id = ?", (100 << 30) - room, whole.id)
    PLACE.start()
    head = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.jsonl"\r\n\r\n'
    before = PLACE.files_on_disk()
    slow = post_form(key, "/v1/files", head % b"file" + b"x" * (room * 3 // 4), length=room * 2)
    wait_until(lambda: PLACE.bytes_on_their_way() > room // 2)
    more = b"y" * (room // 2)
    upload_more = lambda: client(key).files.create(file=("more.jsonl", io.BytesIO(more)), purpose="batch")
    raises(openai.RateLimitError, upload_more, "on their way included, would have more than 100 GiB; delete some")
    native = post_form(key, "/api/v1/files", head % b"files" + more + b"\r\n" + head % b"files" + b"z\r\n--b--").getresponse()
    told = json.loads(native.read())["data"]
    assert [(each["code"], "100 GiB" in each["message"]) for each in told["failed_uploads"]] == [("BadRequest.TooMany", True)], told
    assert [len(told[name]) for name in ("uploaded_files", "failed_uploads")] == [1, 1], told  # what there is room for
    assert upload([line(0)])  # of another key
    slow.close()
    wait_until(lambda: PLACE.bytes_on_their_way() == 0)
    assert upload_more().bytes == len(more)
    raises(openai.RateLimitError, upload_more, "100 GiB")
    assert len(PLACE.files_on_disk()) == len(before) + 3, (before, PLACE.files_on_disk())


def test_a_key_has_so_many_batches_and_each_goes_after_a_month():
    owner = client(PLACE.other_key("hoarder"))
    given = owner.files.create(file=("in.jsonl", jsonl([line(0)])), purpose="batch")
    make = lambda: owner.batches.create(input_file_id=given.id, endpoint="/v1/chat/completions", completion_window="24h")
    first = make()
    wait_until(lambda: owner.batches.retrieve(first.id).status == "completed")
    PLACE.stop()
    copied = ("owner, endpoint, input_file_id, completion_window, metadata, title, status, is_over, has_answers, created_at, expires_at, "
              "completed_at")
    PLACE.change("UPDATE batches SET has_answers = 0 WHERE batch_id = ?", first.id)
    PLACE.change(f"INSERT INTO batches (batch_id, {copied}) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
                 f"SELECT 'batch_copy' || i, {copied} FROM n, batches WHERE batch_id = ?", first.id)
    PLACE.start()
    owner = client(owner.api_key)
    raises(openai.RateLimitError, make, "10000 batches, which is the most it may have; each goes 30 days after its end")
    assert owner.batches.retrieve("batch_copy1").status == "completed"
    PLACE.stop()
    PLACE.change("UPDATE batches SET completed_at = completed_at - ? WHERE owner = (SELECT owner FROM batches WHERE batch_id = ?)",
                 30 * 24 * 60 * 60 + 5, first.id)
    PLACE.start()
    owner = client(owner.api_key)
    done = owner.files.list(purpose="batch_output").data
    wait_until(lambda: not owner.batches.list().data)
    raises(openai.NotFoundError, lambda: owner.batches.retrieve(first.id))
    assert [owner.files.content(each.id).text.count("\n") for each in done] == [1]  # what it made stays
    assert make().id


def test_what_was_refused_may_use_its_key_again():
    raises(openai.NotFoundError, lambda: create("file-batch-none", **once("mended")))
    batch = create(upload([line(0)]).id, **once("mended"))
    assert batch.status == "validating"
    wait_for(batch.id, "completed")  # what runs on is counted by the test behind


def test_kills_at_random_moments():
    dice = random.Random(11)
    numbers, refused = range(LINES), {i for i in range(LINES) if i % 17 == 5}
    lines = [line(i, max_tokens=dice.choice(LENGTHS), ignore_eos=True, **({"temperature": 9} if i in refused else {})) for i in numbers]
    PLACE.stop()
    before = set(PLACE.usage())
    PLACE.start()
    batch = create(upload(lines).id)
    seen, met = [0], []
    while len(met) < KILLS:
        # Each kill leaves enough for those that follow.
        answered, status = answers_until(batch.id, seen[-1] + dice.uniform(0, 2) * (LINES - seen[-1]) / (KILLS + 1 - len(met)))
        PLACE.kill()
        seen.append(answered)
        met.append(status)
        PLACE.start()
    kills = len(met)
    assert met.count("completed") <= KILLS // 10, f"too late: {met} at {seen}"
    batch = wait_for(batch.id, "completed")
    told = check_lines(batch, numbers, refused)
    PLACE.stop()
    recorded = {request: counts for request, counts in PLACE.usage().items() if request not in before}
    assert recorded == told, (len(recorded), len(told))
    PLACE.start()
    assert client().batches.retrieve(batch.id).status == "completed"
    print(f"{LINES} lines, {kills} kills at {seen} answers: {len(told)} answers and as many records, {len(refused)} refusals, each once")


def main():
    with PLACE:
        PLACE.start()
        return run_cases(globals(), log=lambda: PLACE.log_text()[-3000:])


if __name__ == "__main__":
    sys.exit(main())
