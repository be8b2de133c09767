"""Tasks and temporary keys, by the DashScope Python SDK, and tasks whose server is killed. Usage: run.py [--full] [WORD...]"""
import gzip
import json
import os
import random
import sys
import tempfile
import time
from http import HTTPStatus

import dashscope
import requests
from dashscope import BatchTextEmbedding, Files, Generation, TextEmbedding

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../batches")]
from patience import PATIENCE  # noqa: E402
from place import KEY, Place  # noqa: E402
from run_cases import run_cases  # noqa: E402

FULL = "--full" in sys.argv
TEXTS, KILLS = (4000, 50) if FULL else (400, 4)
WAIT_S = 120 * PATIENCE  # for a small task, on a busy machine
MODEL = "tiny-bert"
PLACE = Place(model=os.path.join(HERE, "../golden/encoders", MODEL))


def use(key=KEY):
    dashscope.base_http_api_url, dashscope.api_key = PLACE.url + "/api/v1", key


def ok(answer):
    assert answer.status_code == HTTPStatus.OK, answer
    return answer


def refused(answer, status, code, *words):
    assert (answer.status_code, answer.code) == (status, code) and answer.request_id, answer
    for word in words:
        assert word in answer.message, answer.message


def upload(texts):
    data = texts if isinstance(texts, bytes) else "".join(text + "\n" for text in texts).encode()
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(data)
        file.flush()
        return ok(Files.upload(file.name, purpose="inference")).output["uploaded_files"][0]["file_id"]


def create(file_id, **more):
    return ok(BatchTextEmbedding.async_call(MODEL, file_id, **more))


def result_of(task):
    """The lines of the result, fetched as clients do: without a key."""
    answer = requests.get(task.output["url"], timeout=WAIT_S)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/gzip", answer.text
    return [json.loads(line) for line in gzip.decompress(answer.content).decode().splitlines()]


def ask(path, key=KEY, method="GET", **more):
    return requests.request(method, PLACE.url + path, headers={"Authorization": "Bearer " + key, **more.pop("headers", {})}, timeout=WAIT_S, **more)


def post_task(file_id, key, **parameters):
    path = "/api/v1/services/embeddings/text-embedding/text-embedding"
    return ask(path, method="POST", json={"model": MODEL, "input": {"url": file_id}, "parameters": parameters},
               headers={"X-DashScope-Async": "enable", "Idempotency-Key": key})


def post_files(key, files, **fields):
    """A form of {name: bytes}, sent as clients do; the answer."""
    form = requests.Request("POST", PLACE.url, files=[("files", each) for each in files.items()], data=fields).prepare()
    return ask("/api/v1/files", method="POST", data=form.body,
               headers={"Idempotency-Key": key, "Content-Type": form.headers["Content-Type"]})


def same_again(send):
    """What is told twice while the first answer is in memory, and once more after the server was killed."""
    first = send().json()
    for is_killed in (False, True):
        if is_killed:
            PLACE.kill()
            PLACE.start()
            use()
        again = send()
        assert again.status_code == 200 and again.headers["Idempotent-Replayed"] == "true", (is_killed, again.text)
        assert again.json() == first, (is_killed, again.text, first)
    return first


def test_a_task_sent_twice_is_made_once():
    file_id = upload(["a", "b"])
    task = same_again(lambda: post_task(file_id, "one-task"))["output"]
    assert task["task_status"] == "PENDING", task
    ok(BatchTextEmbedding.wait(task["task_id"]))
    again = post_task(file_id, "one-task").json()["output"]
    assert again == task, (again, task)
    for other in (post_task(upload(["a"]), "one-task"), post_task(file_id, "one-task", text_type="query")):
        assert other.status_code == 409 and other.headers["X-Should-Retry"] == "false", other.text
        assert "Idempotency-Key" in other.json()["message"] and other.json()["code"] and other.json()["request_id"], other.text
    assert post_task(file_id, "another-task").json()["output"]["task_id"] != task["task_id"]


def test_a_task_that_was_refused_begins_anew():
    refused = post_task("file-none", "begun-anew")
    assert refused.status_code == 404, refused.text
    assert post_task(upload(["a"]), "begun-anew").status_code == 200


def test_files_sent_twice_are_kept_once():
    files = {"a.txt": b"a", "empty.txt": b"", "c.txt": b"c"}

    def count():
        return sum(each["purpose"] == "fine-tune" for each in ask("/api/v1/files?page_size=100").json()["data"]["files"])

    before = count()
    told = same_again(lambda: post_files("one-form", files, purpose="fine-tune"))["data"]
    assert [each["name"] for each in told["uploaded_files"]] == ["a.txt", "c.txt"], told
    assert [each["name"] for each in told["failed_uploads"]] == ["empty.txt"], told
    assert len({each["file_id"] for each in told["uploaded_files"]}) == 2, told
    assert count() == before + 2
    for other in ({**files, "a.txt": b"b"}, {"b.txt": b"a"}, {**files, "d.txt": b"d"}):
        answer = post_files("one-form", other, purpose="fine-tune")
        assert answer.status_code == 409 and answer.headers["X-Should-Retry"] == "false", answer.text
    assert post_files("one-form", files, purpose="batch").status_code == 409
    for each in told["uploaded_files"]:
        assert ask("/api/v1/files/" + each["file_id"]).json()["data"]["name"] == each["name"]


def test_a_form_of_which_nothing_is_kept_begins_anew():
    for _ in range(2):
        answer = post_files("nothing-kept", {"a.txt": b""})
        assert answer.json()["data"]["uploaded_files"] == [] and "Idempotent-Replayed" not in answer.headers, answer.text
    assert post_files("nothing-kept", {"a.txt": b"now"}).json()["data"]["uploaded_files"]


def test_whoever_deletes_a_file_has_its_key_back():
    def by_openai():
        return ask("/v1/files", method="POST", data={"purpose": "batch"}, files={"file": ("a.jsonl", b"{}")},
                   headers={"Idempotency-Key": "back-again"}).json()["id"]

    def by_dashscope():
        return [each["file_id"] for each in post_files("form-again", {"a.txt": b"a", "b.txt": b"b"}).json()["data"]["uploaded_files"]]

    for door in ("/v1/files/", "/api/v1/files/"):
        first = by_openai()
        assert by_openai() == first
        assert ask(door + first, method="DELETE").status_code == 200
        second = by_openai()
        assert second != first and ask("/v1/files/" + second).status_code == 200, (door, first, second)
        one, other = by_dashscope()
        assert by_dashscope() == [one, other]
        assert ask(door + other, method="DELETE").status_code == 200
        assert not {one, other} & set(by_dashscope()), door


def test_a_task_from_upload_to_result():
    texts = ["What is a violin?", "小提琴", "", "long " * 300, "the end"]
    task = create(upload(texts), text_type="query")
    assert task.output["task_status"] == "PENDING" and len(task.output["task_id"]) == 36 and task.request_id
    done = ok(BatchTextEmbedding.wait(task))
    output = done.output
    assert output["task_status"] == "SUCCEEDED" and output["task_id"] == task.output["task_id"], output
    assert output["task_metrics"] == {"TOTAL": 4, "SUCCEEDED": 3, "FAILED": 1}, output
    times = [output[name] for name in ("submit_time", "scheduled_time", "end_time")]
    assert times == sorted(times) and all(len(each) == 23 and each[10] == " " and each[19] == "." for each in times), times
    lines = result_of(done)
    assert [each["text_index"] for each in lines] == [0, 1, 3, 4]
    assert lines[2]["code"] == "InvalidParameter" and "1202 tokens" in lines[2]["message"], lines[2]
    kept = [0, 1, 4]
    alone = ok(TextEmbedding.call(model=MODEL, input=[texts[i] for i in kept], text_type="query"))
    assert [each["embedding"] for each in lines if "embedding" in each] == [each["embedding"] for each in alone.output["embeddings"]]
    assert done.usage["total_tokens"] == alone.usage["total_tokens"]


def test_a_call_waits_for_its_result():
    done = ok(BatchTextEmbedding.call(MODEL, upload(["a", "b"])))
    assert [each["text_index"] for each in result_of(done)] == [0, 1]


def test_what_is_too_long_is_cut_where_that_is_allowed():
    body = {"model": MODEL, "input": {"url": upload(["long " * 300])}, "allow_degraded": True}
    path = "/api/v1/services/embeddings/text-embedding/text-embedding"
    made = ask(path, method="POST", json=body, headers={"X-DashScope-Async": "enable"})
    done = ok(BatchTextEmbedding.wait(made.json()["output"]["task_id"]))
    assert [list(each) for each in result_of(done)] == [["text_index", "embedding"]]


def test_a_file_that_is_none_fails_with_a_code():
    for data, code in ((b"\n \n", "BadRequest.EmptyInput"), (b"a\n\xff\n", "BadRequest.UnsupportedFileFormat")):
        done = ok(BatchTextEmbedding.wait(create(upload(data))))
        assert (done.output["task_status"], done.output["code"]) == ("FAILED", code) and done.output["message"], done
        assert done.output["url"] is None and done.output["task_metrics"]["SUCCEEDED"] == 0
    done = ok(BatchTextEmbedding.wait(create(upload(["long " * 300]))))
    assert (done.output["task_status"], done.output["code"]) == ("FAILED", "InvalidParameter"), done
    assert [each["text_index"] for each in result_of(done)] == [0]


def test_tasks_are_refused_by_name():
    call = BatchTextEmbedding.async_call
    file_id = upload(["a"])
    refused(call(MODEL, "file-none"), 404, "NotFound", "input.url", "no such file")
    for url in ("https://example.com/a.txt", "http://127.0.0.1:1/a", "oss://bucket/a.txt", "file:///etc/passwd"):
        refused(call(MODEL, url), 400, "InvalidParameter", "input.url", "fetches no addresses", url)
    refused(call("none", file_id), 404, "ModelNotFound", "none")
    refused(call(MODEL, file_id, text_type="passage"), 400, "InvalidParameter", "parameters.text_type")
    refused(call(MODEL, file_id, dimension=7), 400, "InvalidParameter", "parameters.dimension")
    refused(call(MODEL, file_id, colour="red"), 400, "InvalidParameter", "parameters.colour")
    refused(call(MODEL, file_id, workspace="llm-1234567890abcdef"), 403, "AccessDenied", "X-DashScope-WorkSpace")
    refused(TextEmbedding.call(model=MODEL, input="x", headers={"X-DashScope-Async": "enable"}), 400, "InvalidParameter", "input.texts")
    generation = Generation.call(model=MODEL, prompt="x", headers={"X-DashScope-Async": "enable"})
    refused(generation, 403, "AccessDenied", "X-DashScope-Async")


def test_tasks_wait_are_listed_and_canceled():
    PLACE.stop()
    PLACE.start()
    use()
    file_id = upload(["text " * 100] * 1500)
    tasks = [create(file_id).output["task_id"] for _ in range(6)]
    last = tasks[-1]
    assert ok(BatchTextEmbedding.fetch(last)).output["task_status"] == "PENDING"
    listed = ok(BatchTextEmbedding.list(page_size=4, model_name=MODEL)).output
    assert (listed["total"] >= 6, listed["page_no"], listed["page_size"]) == (True, 1, 4) and listed["total_page"] >= 2, listed
    assert [each["task_id"] for each in listed["data"]] == tasks[:1:-1]
    entry = listed["data"][0]
    assert entry["status"] == "PENDING" and entry["gmt_create"] > 1e12 and entry["start_time"] is None and entry["model_name"] == MODEL, entry
    assert last in [each["task_id"] for each in ok(BatchTextEmbedding.list(status="PENDING")).output["data"]]
    assert ok(BatchTextEmbedding.list(model_name="other")).output["data"] == []
    assert ok(BatchTextEmbedding.list(start_time="20200101000000")).output["total"] == 0
    assert ok(BatchTextEmbedding.list(api_key_id="key_other")).output["total"] == 0
    refused(BatchTextEmbedding.list(status="DONE"), 400, "InvalidParameter", "status")
    refused(BatchTextEmbedding.list(start_time="20260101000000", end_time="20260103000000"), 400, "InvalidParameter", "end_time")
    refused(BatchTextEmbedding.list(page_size=101), 400, "InvalidParameter", "page_size")
    refused(BatchTextEmbedding.list(region="cn-beijing"), 400, "InvalidParameter", "region")
    ok(BatchTextEmbedding.cancel(last))
    assert ok(BatchTextEmbedding.wait(last)).output["task_status"] == "CANCELED"
    refused(BatchTextEmbedding.cancel(last), 400, "UnsupportedOperation", "PENDING")
    until = time.monotonic() + WAIT_S
    while ok(BatchTextEmbedding.fetch(tasks[0])).output["task_status"] == "PENDING" and time.monotonic() < until:
        time.sleep(0.05)
    refused(BatchTextEmbedding.cancel(tasks[0]), 400, "UnsupportedOperation", "PENDING")
    conflict = ask(f"/api/v1/files/{file_id}", method="DELETE")
    assert conflict.status_code == 409, conflict.text
    for task in tasks:
        BatchTextEmbedding.cancel(task)
    for task in tasks:
        ok(BatchTextEmbedding.wait(task))


def test_no_more_than_fifty_are_open():
    file_id = upload(["text " * 100] * 1500)
    made = [create(file_id).output["task_id"] for _ in range(50)]
    refused(BatchTextEmbedding.async_call(MODEL, file_id), 429, "Throttling", "50")
    for task in made:
        BatchTextEmbedding.cancel(task)
    for task in made:
        ok(BatchTextEmbedding.wait(task))


def test_a_foreign_key_sees_nothing():
    file_id = upload(["a"])
    task = ok(BatchTextEmbedding.wait(create(file_id)))
    task_id, url = task.output["task_id"], task.output["url"]
    unknown = ok(BatchTextEmbedding.fetch("00000000-0000-4000-8000-000000000000")).output
    use(PLACE.other_key())
    try:
        foreign = ok(BatchTextEmbedding.fetch(task_id)).output
        assert {**foreign, "task_id": ""} == {**unknown, "task_id": ""} and foreign["task_status"] == "UNKNOWN", foreign
        refused(BatchTextEmbedding.cancel(task_id), 404, "NotFound")
        refused(BatchTextEmbedding.async_call(MODEL, file_id), 404, "NotFound", "input.url")
        assert ok(BatchTextEmbedding.list()).output["data"] == []
    finally:
        use()
    for other in (url[:-1], url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("expires=1", "expires=2"), url.split("?")[0]):
        answer = requests.get(other, timeout=WAIT_S)
        assert answer.status_code == 403 and answer.json()["code"] == "AccessDenied", answer.text
    assert ask(f"/v1/batches/{task_id}").status_code == 404


def test_a_temporary_key_stands_for_its_key():
    made = ask("/api/v1/tokens?expire_in_seconds=300", method="POST")
    token = made.json()
    assert made.status_code == 200 and token["token"].startswith("st-") and 0 < token["expires_at"] - time.time() <= 301, token
    task = ok(BatchTextEmbedding.wait(create(upload(["a"]))))
    use(token["token"])
    try:
        assert ok(BatchTextEmbedding.fetch(task.output["task_id"])).output["task_status"] == "SUCCEEDED"
        PLACE.kill()
        PLACE.start()
        use(token["token"])
        assert ok(TextEmbedding.call(model=MODEL, input="x")).output["embeddings"]
    finally:
        use()
    again = ask("/api/v1/tokens", token["token"], method="POST")
    assert again.status_code == 403 and again.json()["code"] == "AccessDenied", again.text
    assert ask("/console/keys", token["token"]).status_code == 403
    assert 0 < ask("/api/v1/tokens", method="POST").json()["expires_at"] - time.time() <= 61
    for query in ("expire_in_seconds=0", "expire_in_seconds=1801", "expire_in_seconds=x", "expires=5"):
        answer = ask("/api/v1/tokens?" + query, method="POST")
        assert answer.status_code == 400 and answer.json()["code"] == "InvalidParameter", answer.text
    short = ask("/api/v1/tokens?expire_in_seconds=1", method="POST").json()["token"]
    until = time.monotonic() + WAIT_S
    while TextEmbedding.call(model=MODEL, input="x", api_key=short).status_code == HTTPStatus.OK and time.monotonic() < until:
        time.sleep(0.1)
    refused(TextEmbedding.call(model=MODEL, input="x", api_key=short), 401, "InvalidApiKey")


def test_a_temporary_key_goes_with_its_key():
    key = PLACE.other_key("lender")
    token = ask("/api/v1/tokens?expire_in_seconds=1800", key, method="POST").json()["token"]
    assert TextEmbedding.call(model=MODEL, input="x", api_key=token).status_code == HTTPStatus.OK
    found = next(each for each in ask("/console/keys").json()["keys"] if each["name"] == "lender")
    assert ask("/console/keys/" + found["id"], method="DELETE").status_code == 200
    refused(TextEmbedding.call(model=MODEL, input="x", api_key=token), 401, "InvalidApiKey")


def test_kills_at_random_moments():
    dice = random.Random(7)
    failed = {i for i in range(TEXTS) if i % 17 == 5}
    texts = ["long " * 300 if i in failed else f"text {i} " * dice.choice([1, 3, 20]) for i in range(TEXTS)]
    expected = {i: 0 for i in range(TEXTS) if i not in failed}
    PLACE.stop()
    before = set(PLACE.usage())
    PLACE.start()
    use()
    file_id = upload(texts)
    tasks = [create(file_id).output["task_id"] for _ in range(2)]
    seen = []
    for _ in range(KILLS):
        time.sleep(dice.uniform(0, 0.15))
        seen.append(sum(ok(BatchTextEmbedding.fetch(each)).output["task_metrics"]["SUCCEEDED"] for each in tasks))
        PLACE.kill()
        PLACE.start()
        use()
    done = [ok(BatchTextEmbedding.wait(each)) for each in tasks]
    results = [result_of(each) for each in done]
    assert results[0] == results[1]
    assert [each["text_index"] for each in results[0]] == list(range(TEXTS))
    assert {each["text_index"] for each in results[0] if "code" in each} == failed
    for each in done:
        assert each.output["task_metrics"] == {"TOTAL": TEXTS, "SUCCEEDED": len(expected), "FAILED": len(failed)}, each
    PLACE.stop()
    recorded = [counts for request, counts in PLACE.usage().items() if request not in before]
    answered = [counts for counts in recorded if counts[0] > 0]
    assert len(answered) == 2 * len(expected), (len(answered), 2 * len(expected))
    assert sum(counts[0] for counts in answered) == sum(each.usage["total_tokens"] for each in done)
    PLACE.start()
    use()
    assert result_of(ok(BatchTextEmbedding.fetch(tasks[0]))) == results[0]
    print(f"2 tasks of {TEXTS} texts, {KILLS} kills at {seen} answers: {len(answered)} vectors and as many records, each once")


def main():
    with PLACE:
        PLACE.start()
        use()
        return run_cases(globals(), log=lambda: PLACE.log_text()[-3000:])


if __name__ == "__main__":
    sys.exit(main())
