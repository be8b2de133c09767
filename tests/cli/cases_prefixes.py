"""Computed prefixes that outlive the server or are everybody's: what is found is counted in tokens and passes, never in time."""
import json
import os
import signal
import stat
import urllib.request

from place import TIMEOUT_S, Place
from serving import Serve, metric, wait_for

LOCAL = ("--model", "tiny", "--listen", "127.0.0.1:0")
SYSTEM = "You are the clerk of a library of nine million books. " * 12


def get(server, path, key, body=None):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.started["url"] + path, body and json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return answer.read().decode()


def ask(server, key, system, user):
    """(tokens of the prompt, those of them that were found computed), of an answer that is one token, thinking included."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    usage = json.loads(get(server, "/v1/chat/completions", key, {"model": "tiny", "messages": messages,
                                                                 "max_completion_tokens": 1}))["usage"]
    assert usage["completion_tokens"] == 1
    return usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_public_prompt_is_computed_once_for_all_keys():
    with Place() as place:
        public = place.write("system.txt", SYSTEM)
        with Serve(place, *LOCAL, STUDIO_SERVE_PUBLIC_PREFIXES=public) as server:
            one, other = (place.studio("key", "add", name).must(0).out.strip() for name in ("one", "other"))
            tokens, found = ask(server, one, SYSTEM, "Who wrote it?")
            assert found == 0
            assert 16 <= ask(server, other, SYSTEM, "Where is it?")[1] < tokens
            # What follows is private, down to the page in which it begins.
            assert ask(server, other, SYSTEM, "Who wrote it?")[1] < tokens
            assert ask(server, one, SYSTEM, "Who wrote it?")[1] == tokens
            private = "A" + SYSTEM
            assert ask(server, one, private, "Who wrote it?")[1] < 16
            assert ask(server, other, private, "Who wrote it?")[1] < 16
        place.studio("serve", *LOCAL, STUDIO_SERVE_PUBLIC_PREFIXES="/nowhere").must(3, "serve.public_prefixes", "/nowhere")


def test_a_public_prompt_outlives_a_server_that_is_killed():
    with Place() as place:
        env = {"STUDIO_SERVE_PUBLIC_PREFIXES": place.write("system.txt", SYSTEM), "STUDIO_ENGINE_PREFIX_FILE_BYTES": "8MiB"}
        with Serve(place, *LOCAL, **env) as server:
            tokens, _ = ask(server, server.started["key"], SYSTEM, "Who wrote it?")
            key = place.studio("key", "add", "another").must(0).out.strip()
            _, shared = ask(server, key, SYSTEM, "Where is it?")
            wait_for(lambda: metric(server, "studio_prefix_file_pages") == shared // 16, "written")
            server.stop(signal.SIGKILL)
        folder = os.path.join(place.data, "prefixes")
        files = [os.path.join(folder, name) for name in os.listdir(folder)]
        assert mode(folder) == 0o700 and [mode(file) for file in files] == [0o600]
        assert os.path.getsize(files[0]) <= 8 << 20
        with Serve(place, *LOCAL, **env) as server:
            wait_for(lambda: metric(server, "studio_prefix_file_pages") == shared // 16, "found")
            assert ask(server, key, SYSTEM, "How old is it?")[1] == shared >= 16
            # All that was not found, and the answer's token, in one pass.
            wait_for(lambda: metric(server, "studio_engine_tokens_total", 'kind="generated"') == 1, "counted")
            assert metric(server, "studio_prefix_pages_restored_total") == shared // 16
            assert metric(server, "studio_engine_steps_total") == 1 and metric(server, "studio_prefills_total") == 0
        # A file that is cut, or was never one, is begun anew.
        for content in (b"", b"x" * 100_000, open(files[0], "rb").read()[:-1]):
            with open(files[0], "wb") as file:
                file.write(content)
            with Serve(place, *LOCAL, **env) as server:
                assert ask(server, key, SYSTEM, "How old is it?")[1] == 0
                wait_for(lambda: metric(server, "studio_prefix_file_pages") == shared // 16, "written again")
        # A folder that others may look into is put right; what cannot be a folder is told, and the server serves.
        os.chmod(folder, 0o755)
        with Serve(place, *LOCAL, **env) as server:
            assert mode(folder) == 0o700 and ask(server, key, SYSTEM, "How old is it?")[1] == shared


def test_private_prompts_go_to_the_disk_only_where_that_is_wished():
    with Place() as place:
        for env, found_again in ({}, False), ({"STUDIO_ENGINE_KEPT_PREFIXES": "all"}, True):
            with Serve(place, *LOCAL, **env) as server:
                key = server.started["key"]
                tokens, _ = ask(server, key, SYSTEM, "Who wrote it?")
                wait_for(lambda: not found_again or metric(server, "studio_prefix_file_pages") == tokens // 16, "written")
            assert os.path.exists(os.path.join(place.data, "prefixes")) == found_again
            with Serve(place, *LOCAL, **env) as server:
                # Whole pages, without the last token, whose logits are not kept.
                assert ask(server, key, SYSTEM, "Who wrote it?")[1] == ((tokens - 1) // 16 * 16 if found_again else 0)
                other = place.studio("key", "add", "other" + str(found_again)).must(0).out.strip()
                assert ask(server, other, SYSTEM, "Who wrote it?")[1] == 0


def test_pages_of_keys_and_values_in_8_bits_are_kept_apart():
    with Place() as place:
        env = {"STUDIO_ENGINE_KEPT_PREFIXES": "all"}
        for kv_type, found_again in (("int16", False), ("int8", False), ("int16", True), ("int8", True)):
            with Serve(place, *LOCAL, "--kv-type", kv_type, **env) as server:
                tokens, found = ask(server, server.started["key"], SYSTEM, "Who wrote it?")
                assert found == ((tokens - 1) // 16 * 16 if found_again else 0), kv_type
                wait_for(lambda pages=tokens // 16: metric(server, "studio_prefix_file_pages") == pages, "written")
        assert len(os.listdir(os.path.join(place.data, "prefixes"))) == 2
