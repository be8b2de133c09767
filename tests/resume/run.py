#!/usr/bin/env python3
"""Streams are cut and re-attached, in every dialect: what the pieces come to is what the uncut one is, byte for byte.

Usage: run.py [--full] [WORD...]: the cases whose names hold a word, or all. The README says what each shows.
"""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

from dialects import MESSAGES, fixed, kinds
from place import ANSWER_TIMEOUT_S, HERE, PATIENCE, ROOT, Place, Stream, begin, first_of, go_on, rest_of, whole_of, workers_of
from run_cases import run_cases

FULL = "--full" in sys.argv
TOKENS = 48 if FULL else 12
RESTARTS = 20 if FULL else 3
CHAT = {"model": "tiny", "messages": MESSAGES, "temperature": 0.7, "max_tokens": 30}
CROWD = 12          # long answers, one after the other: a later request waits for seconds
GRACE_S = 60        # api/kept/kept_answers.h
LONG_TOKENS = 1500  # seconds of the built-in model: it runs while its server is ended


def metric(place, name):
    request = urllib.request.Request(place.server.url + "/metrics", headers={"Authorization": f"Bearer {place.server.key}"})
    with urllib.request.urlopen(request, timeout=30 * PATIENCE) as answer:
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? ([0-9.e+]+)$", answer.read().decode(), re.M))


def events_of(data, kind):
    return [event for event in data.split(kind.end) if event]


def post(place, body, path="/v1/chat/completions", **head):
    """With the other key, whose records can be counted: (the stream, all of it)."""
    head = {name.replace("_", "-"): value for name, value in head.items()}
    stream = Stream(place, path, json.dumps(body).encode(), head, place.other_key())
    try:
        return stream, stream.all()
    finally:
        stream.close()


def check_its_own_door(place, kind, boundary, kept):
    """Responses that are stored are told again by GET too: from each event on the same bytes, without the lines of ids."""
    if not kind.is_stored:
        return
    plain = re.sub(rb"^id: .*\n", b"", kept, flags=re.M)
    name = re.search(rb'"id":"(resp_[^"]*)"', plain)[1].decode()
    behind = f"&starting_after={boundary - 1}" if boundary > 0 else ""
    request = urllib.request.Request(f"{place.server.url}/v1/responses/{name}?stream=true{behind}",
                                     headers={"Authorization": f"Bearer {place.server.key}"})
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
        told = answer.read()
    assert told == b"".join(event + kind.end for event in events_of(plain, kind)[boundary:]), (kind.name, boundary, told)


def test_every_boundary_in_every_dialect(place):
    cuts = 0
    for kind in kinds(TOKENS):
        clean_answer, clean = whole_of(place, kind)
        count = len(events_of(clean, kind))
        assert count >= TOKENS // 2, (kind.name, clean)
        for boundary in range(count + 1):
            answer, first = first_of(place, kind, boundary)
            rest = rest_of(place, kind, answer, boundary)
            uncut = rest_of(place, kind, answer, 0)
            assert first + rest == uncut, f"{kind.name}, cut behind event {boundary}:\n{first + rest}\n{uncut}"
            assert kind.is_drawn or fixed(uncut) == fixed(clean), f"{kind.name}: another answer\n{fixed(uncut)}\n{fixed(clean)}"
            assert len(place.usage(answer)) == 1, kind.name
            cuts += 1
            check_its_own_door(place, kind, boundary, uncut)
        assert rest_of(place, kind, clean_answer, 0) == clean
    print(f"  {cuts} cuts", flush=True)


def test_a_client_that_is_cut_behind_each_event(place):
    for kind in kinds(TOKENS):
        answer, data = first_of(place, kind, 1)
        uncut = rest_of(place, kind, answer, 0)
        for number in range(1, len(events_of(uncut, kind))):
            stream = go_on(place, kind, answer, number)
            data += stream.read(1, kind.end)
            stream.close()
        assert data == uncut, kind.name


def test_events_are_numbered_for_who_asks_alone(place):
    for kind in kinds(TOKENS):
        plain = Stream(place, kind.path, kind.body, kind.head)
        text = plain.all().decode()
        plain.close()
        assert plain.answer is None
        _, kept = whole_of(place, kind)
        numbers = [int(number) for number in re.findall(rf"^id: ?(?:{'[0-9a-f-]{36}'}:)?(\d+)$", kept.decode(), re.M)]
        count = len(events_of(kept, kind))
        if kind.ids == "count":
            assert not numbers
            continue
        assert numbers == list(range(1, count + 1)), (kind.name, numbers)
        assert not re.search(r"^:(?!HTTP_STATUS)", kept.decode(), re.M), kind.name
        if kind.ids == "lines":
            assert "id: " not in text, kind.name


def texts_of(data):
    """What an OpenAI chat stream comes to."""
    events = [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def test_gateway_restarts(place):
    """All dialects at once, each cut at another place; the gateway is killed, and each goes on at the next."""
    clean = {kind.name: fixed(whole_of(place, kind)[1]) for kind in kinds(TOKENS)}
    resumed = 0
    for restart in range(RESTARTS):
        open_ones = []
        for number, kind in enumerate(kinds(TOKENS)):
            count = len(clean[kind.name].split(kind.end.decode())) - 1
            boundary = (restart * 7 + number * 3) % (count + 1) if restart else number % 3
            stream = begin(place, kind)
            open_ones.append((kind, stream.answer, boundary, stream, stream.read(boundary, kind.end)))
        place.restart()
        for kind, answer, boundary, stream, first in open_ones:
            stream.close()
            whole = first + rest_of(place, kind, answer, boundary)
            assert fixed(whole) == fixed(rest_of(place, kind, answer, 0)), f"{kind.name}: not what its first run began"
            assert kind.is_drawn or fixed(whole) == clean[kind.name], f"{kind.name}, cut behind {boundary}\n{fixed(whole)}\n{clean[kind.name]}"
            assert len(set(re.findall(r'"created(?:_at)?":(\d+)', whole.decode()))) <= 1, kind.name
            check_its_own_door(place, kind, boundary, whole)
            usage = place.usage(answer)
            assert len(usage) == 1 and usage[0][1] in ("stop", "length"), (kind.name, usage)
            resumed += 1
    print(f"  {RESTARTS} restarts, {resumed} streams gone on with", flush=True)


def long_kind():
    return kinds(LONG_TOKENS, seed=9)[0]


def test_a_restart_in_the_middle_of_an_answer(place):
    """By a kill and by SIGTERM; and a second one while the answer is being made again."""
    for kind in kinds(LONG_TOKENS, seed=9):
        if kind.name in ("openai chat", "responses", "responses, background"):
            restart_in_the_middle(place, kind)


def restart_in_the_middle(place, kind):
    _, clean = whole_of(place, kind)
    for ends in ([signal.SIGKILL], [signal.SIGTERM], [signal.SIGKILL, signal.SIGKILL], [signal.SIGTERM, signal.SIGKILL]):
        stream = begin(place, kind)
        answer, data = stream.answer, stream.read(20, kind.end)
        at = 20
        for number in ends:
            if number == signal.SIGTERM:
                stream.close()
                assert place.usage(answer) == []
            place.end(number)
            assert place.usage(answer) == [], "it was over before its server was"
            place.start()
            stream.close()
            stream = go_on(place, kind, answer, at)
            data += stream.read(30, kind.end)
            at += 30
        data += stream.all()
        stream.close()
        assert fixed(data) == fixed(clean), ends
        assert place.usage(answer) == [(LONG_TOKENS, "length")], place.usage(answer)


def test_two_readers_of_one_answer(place):
    kind = long_kind()
    stream = begin(place, kind)
    stream.read(5, kind.end)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        rests = list(pool.map(lambda _: rest_of(place, kind, stream.answer, 0), range(8)))
    stream.close()
    assert len(set(rests)) == 1 and len(place.usage(stream.answer)) == 1


def test_only_its_own_key_finds_an_answer(place):
    other = place.other_key()
    for is_restarted in (False, True):
        for kind in kinds(TOKENS):
            answer, _ = first_of(place, kind, 2)
            if is_restarted and kind.name == "openai chat":
                place.restart()
            stream = go_on(place, kind, answer, 2, key=other)
            told = stream.all()
            stream.close()
            assert stream.status == 404, (kind.name, stream.status)
            assert b"fox" not in told


def test_other_numbers_are_a_conflict_and_no_bytes(place):
    answers, stored = [(kind, first_of(place, kind, 3)[0]) for kind in kinds(TOKENS) if not kind.is_background], []
    place.restart({"STUDIO_ENGINE_KV_TYPE": "int8"})  # another numerics class: another answer
    try:
        for kind, answer in answers:
            stream = go_on(place, kind, answer, 3)
            told = stream.all()
            stream.close()
            if kind.is_stored and stream.status == 200:  # it had ended, and is told from what is stored
                stored.append((kind, answer, told))
                continue
            assert stream.status == 409, (kind.name, stream.status, told)
            assert stream.response.headers["X-Should-Retry"] == "false"
    finally:
        place.restart()
    for kind, answer in answers:
        assert rest_of(place, kind, answer, 3)  # the old one is back
    for kind, answer, told in stored:
        assert rest_of(place, kind, answer, 3) == told, kind.name


def test_another_body_is_a_conflict(place):
    for kind in kinds(TOKENS):
        answer, _ = first_of(place, kind, 2)
        path, head = kind.behind(answer, 2)
        stream = Stream(place, path, kind.body.replace(b"fox", b"owl"), {**kind.head, **head})
        told = stream.all()
        stream.close()
        assert stream.status == 409, (kind.name, stream.status, told)


def whole_kinds():
    """The same requests, asked for one body."""
    for kind in kinds(TOKENS):
        if kind.is_background:
            continue  # its one body says that it was begun
        body = json.loads(kind.body)
        body.pop("stream_options", None)
        if kind.ids != "own":
            body["stream"] = False
        yield kind.name, kind.path, body


def test_the_same_idempotency_key_is_the_same_answer(place):
    for name, path, body in whole_kinds():
        key = f"key of {name}".replace(" ", "-")
        before = place.records_of_other()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _, k=key, b=body, p=path: post(place, b, p, Idempotency_Key=k), range(6)))
        assert {stream.status for stream, _ in answers} == {200}, (name, answers[0][1])
        assert len({told for _, told in answers}) == 1 and len({stream.answer for stream, _ in answers}) == 1
        assert sorted(stream.is_replay for stream, _ in answers) == [False] + [True] * 5
        assert place.records_of_other() == before + 1, name
        other, told = post(place, {**body, "model": "default"}, path, Idempotency_Key=key)
        assert other.status == 409 and b"Idempotency-Key" in told, (name, other.status, told)


def test_idempotency_keys_outlive_a_restart(place):
    answers = [(name, path, body, post(place, body, path, Idempotency_Key="r-" + name.replace(" ", "-"))) for name, path, body in whole_kinds()]
    before = place.records_of_other()
    place.restart()
    for name, path, body, (stream, told) in answers:
        again, told_again = post(place, body, path, Idempotency_Key="r-" + name.replace(" ", "-"))
        assert (again.status, again.answer, again.is_replay) == (200, stream.answer, True), name
        assert fixed(told_again) == fixed(told), name
        if "ollama" not in name and "unstored" not in name:  # they tell when the run has ended, and how long it took
            assert told_again == told, name
    assert place.records_of_other() == before


def test_heartbeats_are_events_that_sdks_read(_):
    """A stream that waits behind others says nothing for seconds: what fills its silence has no id and is no comment."""
    crowd = {"STUDIO_ENGINE_MAX_SEQUENCES": "1", "STUDIO_SERVE_HEARTBEAT_SECONDS": "1"}
    with Place(env=crowd) as place, concurrent.futures.ThreadPoolExecutor(8) as pool:
        holder = begin(place, long_kind(), **{"X-Studio-Resume": "1"})
        others = [begin(place, long_kind()) for _ in range(CROWD - 1)]
        sdks = [pool.submit(sdk_text, place, *names) for names in (("openai-python",), ("openai-python", "responses"), ("anthropic-python",))]
        silent = 0
        for kind in [kind for kind in kinds(TOKENS) if kind.ids == "lines"]:
            events = events_of(whole_of(place, kind)[1], kind)
            unnumbered = [event for event in events if not event.startswith(b"id: ")]
            silent += len(unnumbered)
            for event in unnumbered:
                assert re.match(rb'(event: (ping|keepalive)\n)?data: {', event), (kind.name, event)
                assert any(word in event for word in (b'"delta":{}', b'"ping"', b'"keepalive"', b'"text":""')), (kind.name, event)
        assert silent > 0, "nothing was silent for a second"
        for sdk in sdks:
            streamed, whole = sdk.result(ANSWER_TIMEOUT_S)
            assert streamed == whole and whole, (streamed, whole)
        for stream in [holder, *others]:
            stream.close()
        print(f"  {silent} heartbeats", flush=True)


def sdk_text(place, name, interface=""):
    """What the unmodified SDK reads of a kept stream in a crowd, and of the same answer at once: two texts."""
    python = subprocess.run([os.path.join(ROOT, "tools/python_env.sh"), name], check=True, capture_output=True, text=True).stdout.strip()
    env = {**os.environ, "STUDIO_URL": place.server.url, "STUDIO_KEY": place.server.key}
    done = subprocess.run([os.path.join(python, "bin/python"), os.path.join(HERE, "sdk_reads.py"), name, interface], env=env, capture_output=True,
                          text=True, check=False, timeout=ANSWER_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_one_in_the_background_is_made_once(place):
    """Its Idempotency-Key gives the response that was begun, before it has ended, after, and after a restart."""
    body = {"model": "tiny", "input": MESSAGES[0]["content"], "background": True, "max_output_tokens": TOKENS + 16, "seed": 4}
    before = place.records_of_other()
    first, told = post(place, body, "/v1/responses", Idempotency_Key="in-the-background")
    assert first.status == 200 and json.loads(told)["status"] == "queued", told
    for is_restarted in (False, True, False):
        if is_restarted:
            place.restart()
        again, told_again = post(place, body, "/v1/responses", Idempotency_Key="in-the-background")
        assert (again.status, again.is_replay, told_again) == (200, True, told), told_again
    until = time.monotonic() + ANSWER_TIMEOUT_S
    while place.records_of_other() == before and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)  # a second one would have ended too
    assert place.records_of_other() == before + 1


def test_what_was_deleted_is_not_told_again(place):
    """A response that its owner deletes is gone for who comes back too, and its Idempotency-Key begins another."""
    body = {"model": "tiny", "input": "Hello.", "max_output_tokens": 16, "seed": 4}
    for is_restarted in (False, True):
        first, told = post(place, body, "/v1/responses", Idempotency_Key="deleted")
        if is_restarted:
            place.restart()
        request = urllib.request.Request(f"{place.server.url}/v1/responses/{json.loads(told)['id']}", method="DELETE",
                                         headers={"Authorization": f"Bearer {place.other_key()}"})
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
            assert json.loads(answer.read())["deleted"]
        gone, _ = post(place, body, "/v1/responses", X_Studio_Resume=first.answer)
        assert gone.status == 404, gone.status
        other, told_other = post(place, body, "/v1/responses", Idempotency_Key="deleted")
        assert (other.status, other.is_replay) == (200, False) and json.loads(told_other)["id"] != json.loads(told)["id"]
        place_of_other = urllib.request.Request(f"{place.server.url}/v1/responses/{json.loads(told_other)['id']}", method="DELETE",
                                                headers={"Authorization": f"Bearer {place.other_key()}"})
        urllib.request.urlopen(place_of_other, timeout=ANSWER_TIMEOUT_S).close()


def test_a_conversation_takes_an_answer_once(place):
    """A response that was kept in a conversation is told again, though the conversation has gone on; its items are there once."""
    made = json.loads(post(place, {}, "/v1/conversations", Idempotency_Key="a-conversation")[1])
    body = {"model": "tiny", "input": "Hello.", "max_output_tokens": 16, "seed": 4, "enable_thinking": False, "conversation": made["id"]}
    item = {"items": [{"role": "assistant", "content": "Hi."}, {"role": "assistant", "content": "How are you?"}]}
    added = post(place, item, f"/v1/conversations/{made['id']}/items", Idempotency_Key="an-item")[1]
    first, told = post(place, body, "/v1/responses", Idempotency_Key="in-a-conversation")
    for is_restarted in (False, True):
        if is_restarted:
            place.restart()
        assert json.loads(post(place, {}, "/v1/conversations", Idempotency_Key="a-conversation")[1]) == made
        assert post(place, item, f"/v1/conversations/{made['id']}/items", Idempotency_Key="an-item")[1] == added
        again, told_again = post(place, body, "/v1/responses", Idempotency_Key="in-a-conversation")
        assert (again.status, again.answer, told_again) == (200, first.answer, told), told_again
    request = urllib.request.Request(f"{place.server.url}/v1/conversations/{made['id']}/items", headers={"Authorization": f"Bearer {place.other_key()}"})
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
        items = json.loads(answer.read())["data"]
    assert sum(item.get("role") == "user" for item in items) == 1, items
    assert sum(item.get("role") == "assistant" for item in items) == 3, items


def test_a_refused_request_may_use_its_key_again(place):
    wrong, _ = post(place, {**CHAT, "temperature": 9}, Idempotency_Key="mended")
    right, _ = post(place, CHAT, Idempotency_Key="mended")
    assert (wrong.status, right.status) == (400, 200)


def test_an_answer_nobody_reads_goes_on_and_is_recorded(place):
    kind = long_kind()
    answer, first = first_of(place, kind, 3)
    until = time.monotonic() + ANSWER_TIMEOUT_S
    while not place.usage(answer) and time.monotonic() < until:
        time.sleep(0.05)
    assert place.usage(answer) == [(LONG_TOKENS, "length")]
    assert texts_of(first + rest_of(place, kind, answer, 3)) == texts_of(rest_of(place, kind, answer, 0))


def slow_down(pid, seconds):
    """The process gets a few milliseconds of each second: enough to count as alive."""
    for _ in range(seconds):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.005)


def test_an_answer_nobody_comes_back_to_is_cancelled(place):
    if not FULL:
        return  # the grace time is a minute; the unit tests have a shorter one
    kind = long_kind()
    kind.body = json.dumps({**json.loads(kind.body), "n": 16}).encode()
    answer, _ = first_of(place, kind, 3)
    slow_down(workers_of(place.server.process.pid)[-1], GRACE_S + 5)
    until = time.monotonic() + ANSWER_TIMEOUT_S
    while not place.usage(answer) and time.monotonic() < until:
        time.sleep(0.05)
    assert [outcome for _, outcome in place.usage(answer)] == ["cancelled"], place.usage(answer)
    stream = go_on(place, kind, answer, 3)
    told = stream.all()
    stream.close()
    assert stream.status == 409 and b"cancelled" in told, (stream.status, told)


def main():
    with Place(env={"STUDIO_SERVE_HANG_PATIENCE": "0", "STUDIO_SERVE_DRAIN_SECONDS": "0"}) as place:
        return run_cases(globals(), call=lambda test: test(place), log=lambda: place.log_text()[-1500:])


if __name__ == "__main__":
    sys.exit(main())
