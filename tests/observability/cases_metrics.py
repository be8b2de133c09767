"""Metrics: well formed, each one documented and each documented one there, and every value moves as it must."""
import os
import re
import time

from asking import ask, CHAT, LONG, log_of, metrics, send, wait_for
from server import ROOT, Server

DOCUMENT = os.path.join(ROOT, "docs/reference/metrics.md")


def documented():
    """{name: (kind, labels)} of the tables."""
    with open(DOCUMENT, encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", file.read(), re.M)
    return {name: (kind, {label.strip() for label in labels.split(",") if label.strip()}) for name, kind, labels in rows}


def test_the_table_and_the_program_agree():
    with Server(models=["tiny"]) as server:
        ask(server)
        there = metrics(server)
        table = documented()
        assert set(there) == set(table), set(there) ^ set(table)
        for name, family in there.items():
            kind, labels = table[name]
            assert family.kind == kind, (name, family.kind)
            assert family.labels() == labels, (name, family.labels(), labels)


def test_every_series_of_a_model_begins_at_zero():
    with Server(models=["tiny"]) as server:
        fresh = metrics(server)
        for name in ("studio_prompt_tokens_total", "studio_generation_tokens_total", "studio_worker_restarts_total",
                     "studio_streams_resumed_total", "studio_preemptions_total", "studio_engine_steps_total", "studio_draft_model_passes_total"):
            assert fresh[name].samples == [(name, {"model": "tiny"}, 0)], fresh[name].samples
        assert fresh["studio_time_to_first_token_seconds"].value("_count") == 0
        assert {labels["limit"] for _, labels, _ in fresh["studio_requests_refused_total"].samples} == \
            {"queue", "key_requests", "body", "head", "time", "connections"}


def test_three_requests_count_three_and_tokens_equal_usage():
    with Server(models=["tiny"]) as server:
        answers = [ask(server, seed=seed, n=n) for seed, n in ((1, 1), (2, 1), (3, 2))]
        usage = [answer["usage"] for answer in answers]
        prompt, produced = sum(u["prompt_tokens"] for u in usage), sum(u["completion_tokens"] for u in usage)
        now = wait_for(lambda: settled(server, steps_at_least=1), "counted")
        route = "/v1/chat/completions"
        assert now["studio_http_requests_total"].value(route=route, method="POST", status="200") == 3
        assert now["studio_http_request_duration_seconds"].value("_count", route=route) == 3
        ended = now["studio_generations_total"]
        assert ended.value(model="tiny", route=route) == 3
        assert ended.value(finish_reason="stop") + ended.value(finish_reason="length") == 3
        assert now["studio_prompt_tokens_total"].value(model="tiny") == prompt
        assert now["studio_generation_tokens_total"].value(model="tiny") == produced
        for name in ("studio_time_to_first_token_seconds", "studio_e2e_request_latency_seconds", "studio_time_per_output_token_seconds"):
            assert now[name].value("_count", model="tiny") == 3, name
        # Between the tokens of each of the four choices.
        assert now["studio_inter_token_latency_seconds"].value("_count") == produced - 4
        assert now["studio_queue_time_seconds"].value("_count") == 4  # sequences, not requests
        first, whole = (now[f"studio_{name}_seconds"].value("_sum") for name in ("time_to_first_token", "e2e_request_latency"))
        assert 0 < first < whole < 120


def settled(server, steps_at_least, has_all=True):
    """The metrics, once the engine is idle and its counts have arrived (with its pulse). What a worker did after its last
    pulse before it died is not counted: then not all of it arrives."""
    now = metrics(server)
    is_idle = now["studio_sequences_running"].value() == 0 and now["studio_kv_pages_free"].value() == now["studio_kv_pages"].value()
    produced = now["studio_engine_tokens_total"].value(kind="generated")
    is_told = produced >= now["studio_generation_tokens_total"].value() or not has_all
    return now if is_idle and is_told and \
        now["studio_engine_steps_total"].value() >= steps_at_least else None


def test_engine_counts_fit_together():
    with Server(models=["tiny"]) as server:
        answers = [ask(server, seed=seed, n=4, ignore_eos=True, max_tokens=40) for seed in range(2)]
        now = wait_for(lambda: settled(server, steps_at_least=40), "counted")
        steps, batch = now["studio_engine_steps_total"].value(), now["studio_batch_size_sequences"]
        assert batch.value("_count") == steps == now["studio_engine_step_seconds"].value("_count")
        produced = sum(answer["usage"]["completion_tokens"] for answer in answers)
        assert now["studio_engine_tokens_total"].value(kind="generated") == produced == 320
        # The second answer's prompt is the first one's: its first tokens need no pass.
        whole = now["studio_prompts_found_whole_total"].value()
        # A sequence in a pass gets one token, and those of its guesses that came true: both prompts fit into one piece.
        guessed, came = (now[f"studio_draft_tokens{name}_total"].value() for name in ("", "_accepted"))
        assert whole >= 4 and batch.value("_sum") == produced - whole - came <= 4 * steps and came <= guessed
        # Four choices of one prompt: what the engine computed of it, and what it found computed.
        computed, found = now["studio_engine_tokens_total"].value(kind="prompt"), now["studio_prompt_tokens_cached_total"].value()
        assert computed + found == 4 * sum(answer["usage"]["prompt_tokens"] for answer in answers)
        assert 0 < found and now["studio_prefills_total"].value() >= 1
        assert now["studio_kv_cache_usage_ratio"].value() == 0 and now["studio_kv_pages"].value() > 0


def test_gauges_follow_what_runs():
    with Server(models=["tiny"], env={"STUDIO_ENGINE_MAX_SEQUENCES": "2"}) as server:
        before = metrics(server)
        held = send(server, {**LONG, "n": 16})  # two at a time: seconds of work, while the engine is asked twice in each
        held.readline()
        now = wait_for(lambda: (m := metrics(server))["studio_sequences_running"].value() == 2 and m, "running")
        assert 0 < now["studio_sequences_waiting"].value() <= 14 and 0 < now["studio_kv_cache_usage_ratio"].value() <= 1
        assert now["studio_kv_pages_free"].value() < now["studio_kv_pages"].value()
        assert now["studio_tenants_active"].value() == 1
        assert now["studio_longest_starved_steps"].value() < now["studio_starvation_bound_steps"].value()
        assert now["studio_http_connections_open"].value() == before["studio_http_connections_open"].value() + 1
        held.close()
        # A family without a sample is not printed: there is none before the first answer has ended.
        ended = wait_for(lambda: metrics(server).get("studio_generations_total"), "ended")
        assert ended.value(finish_reason="cancelled") == 1


def test_a_name_nobody_serves_is_no_label():
    strange = [f"canary-model-{i}" for i in range(20)]
    with Server(models=["tiny"]) as server:
        series = sum(len(family.samples) for family in metrics(server).values())
        for name in strange:
            send(server, {**CHAT, "model": name}).close()
            send(server, None, f"/{name}").close()
            send(server, None, f"/v1/models/{name}").close()
        with send(server, None, "/metrics") as answer:
            text = answer.read().decode()
        assert "canary" not in text
        after = metrics(server)
        assert after["studio_http_requests_total"].value(status="404") == 60
        assert sum(len(family.samples) for family in after.values()) - series < 80  # three routes, whatever the names


def test_what_a_limit_refuses_is_counted_by_it():
    env = {"STUDIO_ENGINE_MAX_SEQUENCES": "1", "STUDIO_ENGINE_MAX_QUEUE": "1", "STUDIO_SERVE_MAX_REQUESTS_PER_KEY": "1"}
    with Server(models=["tiny"], env=env) as server:
        refused = send(server, {**CHAT, "n": 8})
        assert refused.status == 503
        wait_for(lambda: metrics(server)["studio_requests_refused_total"].value(limit="queue") == 1, "queue")
        wait_for(lambda: settled(server, 0), "idle")
        held = send(server, LONG)
        held.readline()
        assert send(server, CHAT).status == 429
        assert metrics(server)["studio_requests_refused_total"].value(limit="key_requests") == 1
        held.close()
        assert send(server, b"{}", "/v1/models/tiny/none" + "x" * 70_000).status in (414, 431)
        assert metrics(server)["studio_requests_refused_total"].value(limit="head") == 1


def test_processes_are_told():
    with Server(models=["tiny"]) as server:
        ask(server)
        now = metrics(server)
        assert now["process_resident_memory_bytes"].value() > 1 << 20
        # The connection that asks and the folder that is read are among them.
        assert abs(now["process_open_fds"].value() - len(os.listdir(f"/proc/{server.process.pid}/fd"))) <= 3
        assert now["process_threads"].value() == len(os.listdir(f"/proc/{server.process.pid}/task"))
        assert abs(now["process_start_time_seconds"].value() - time.time()) < 300
        assert now["process_max_fds"].value() >= now["process_open_fds"].value()
        assert now["studio_worker_resident_memory_bytes"].value(model="tiny") > 1 << 20
        assert now["studio_worker_threads"].value(model="tiny") > 1
        assert now["studio_build_info"].value() == 1 and re.fullmatch(r"\d+\.\d+\.\d+", now["studio_build_info"].samples[0][1]["version"])


def test_counts_never_fall_though_a_worker_dies():
    with Server(models=["tiny"]) as server:
        ask(server)
        before = wait_for(lambda: settled(server, 1), "counted")
        _, events = log_of(server)
        worker = next(event["pid"] for event in events if event["event"] == "worker.started")
        stream = send(server, {**LONG, "max_tokens": 400})
        first = stream.readline()
        os.kill(worker, 9)
        assert first and stream.read().rstrip().endswith(b"data: [DONE]")
        after = wait_for(lambda: (m := settled(server, 1, has_all=False)) and m["studio_worker_restarts_total"].value() == 1 and m, "back")
        assert after["studio_streams_resumed_total"].value(model="tiny") == 1
        for name, family in before.items():
            for sample, labels, value in family.samples:
                if family.kind == "counter" or sample.endswith(("_bucket", "_count", "_sum")):
                    assert after[name].value(sample[len(name):], **labels) >= value, (sample, labels)


def test_the_reader_of_the_format_can_fail():
    import exposition
    good = "# HELP a_total x\n# TYPE a_total counter\na_total 1\n"
    exposition.read(good)
    for bad in (good[:-1], good.replace("a_total 1", "a_total one"), good.replace("_total", "_ms"), good + "a_total 1\n",
                good.replace("a_total 1", 'a_total{x="1",x="2"} 1'), good.replace("# HELP a_total x\n", ""),
                good.replace("a_total 1", "b_total 1"), good.replace("counter", "gauge")):
        try:
            exposition.read(bad)
        except ValueError:
            continue
        raise AssertionError(f"taken: {bad!r}")
