"""key: made, listed and revoked, by the server that holds the store and without one; and what a made key does not open."""
import json
import os
import sqlite3
import urllib.error
import urllib.request

from place import TIMEOUT_S, Place
from serving import Serve

LOCAL = ("--listen", "127.0.0.1:0", "--model", "tiny")


def test_keys_while_a_server_runs():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            made = place.studio("key", "add", "nightly report").must(0, "not shown again")
            key = made.out.rstrip("\n")
            assert key.startswith("sk-") and len(key) == 46 and key not in made.err
            assert server.status(key) == 200 and server.status(server.started["key"]) == 200
            listed = place.studio("key", "list").must(0).out
            assert "nightly report" in listed and key[:7] + "…" + key[-4:] in listed and key not in listed
            keys = place.studio("key", "list", "--json").json()["keys"]
            assert [(k["kind"], k["name"]) for k in keys] == [("local", "local"), ("made", "nightly report")]
            place.studio("key", "add", "nightly report").must(5, "name")  # it is taken
            place.studio("key", "revoke", "local").must(5, "the server's own key")
            place.studio("key", "revoke", "nobody").must(3, "nobody", "studio key list")
            place.studio("key", "revoke", "nightly report").must(0)
            assert server.status(key) == 401 and server.status(server.started["key"]) == 200
            place.studio("key", "revoke", "nightly report").must(3)


def test_keys_without_a_server():
    with Place() as place:
        assert place.studio("key", "list").must(0, "studio key add").out == ""
        made = place.studio("key", "add", "before", "--json").json()
        gone = place.studio("key", "add", "gone", "--quiet").must(0).out.strip()
        kept = place.studio("key", "add", "kept").must(0).out.strip()
        assert place.studio("key", "revoke", made["id"], "--json").json() == {"revoked": made["id"]}
        place.studio("key", "revoke", "gone").must(0)
        with Serve(place, *LOCAL) as server:
            assert [server.status(key) for key in (made["key"], gone, kept)] == [401, 401, 200]
        with open(os.path.join(place.data, "studio.db"), "rb") as file:
            assert kept.encode() not in file.read()  # its digest alone
        assert os.stat(place.data).st_mode & 0o777 == 0o700
        names = [k["name"] for k in place.studio("key", "list", "--json").json()["keys"]]
        assert names == ["local", "kept"]


def test_names_that_keys_cannot_have():
    with Place() as place:
        for name in ("", "  ", "two\nlines", "x" * 65):
            error = place.studio("key", "add", name, "--json").error()
            assert error["param"] == "name", error
        place.studio("key", "add").must(2, "NAME")
        place.studio("key").must(2, "list", "add", "revoke")
        assert not os.path.exists(os.path.join(place.data, "studio.db"))  # nothing was begun


def test_a_made_key_opens_models_alone():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            key = place.studio("key", "add", "program").must(0).out.strip()
            for command in (["console"], ["key", "list"], ["key", "add", "another"], ["key", "revoke", "program"]):
                place.studio(*command, STUDIO_KEY=key).must(4, "own key")
            place.studio("run", "tiny", "hi", STUDIO_KEY=key).must(0)
            request = urllib.request.Request(server.started["url"] + "/console/api/keys", headers={"Authorization": f"Bearer {key}"})
            try:
                urllib.request.urlopen(request, timeout=TIMEOUT_S)
                raise AssertionError("a key opened what is for sessions")
            except urllib.error.HTTPError as refused:
                assert refused.code == 401 and json.load(refused)["error"]["message"]


def found_computed(server, key):
    """Tokens of one and the same prompt that the model had computed already, for this key."""
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Tell me a story about a fox. " * 8}], "max_tokens": 4}
    request = urllib.request.Request(server.started["url"] + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        usage = json.load(answer)["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert cached in (0, usage["prompt_tokens"]), usage
    return cached > 0


def test_computed_prompts_are_shared_within_a_key_alone():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            one, other = (place.studio("key", "add", name).must(0).out.strip() for name in ("one", "other"))
            assert [found_computed(server, key) for key in (one, one, other, one, other)] == [False, True, False, True, True]


def test_a_revoked_key_does_not_come_back():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            first = server.started["key"]
        key = place.studio("key", "add", "old").must(0).out.strip()
        place.studio("key", "revoke", "old").must(0)
        place.studio("serve", *LOCAL, STUDIO_KEY=key).must(5, "STUDIO_KEY", "revoked")
        os.remove(os.path.join(place.data, "key"))
        with Serve(place, *LOCAL, "--key", "sk-for-this-run") as server:
            assert server.status(first) == 401  # void, though no other was made for it
            assert not os.path.exists(os.path.join(place.data, "key"))
        place.write(os.path.join("data", "key"), first + "\n")
        place.studio("serve", *LOCAL).must(5, "`key`", "revoked")


def test_a_made_key_that_the_server_is_started_with():
    with Place() as place:
        key = place.studio("key", "add", "both").must(0).out.strip()
        with Serve(place, *LOCAL, STUDIO_KEY=key) as server:
            assert server.status(key) == 200
            place.studio("key", "revoke", "both", STUDIO_KEY=key).must(5, "started with")
            assert server.status(key) == 200
        place.studio("key", "revoke", "both").must(0)


def test_a_store_of_the_version_before():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            key = server.started["key"]
        database = sqlite3.connect(os.path.join(place.data, "studio.db"))
        database.executescript("ALTER TABLE api_keys DROP COLUMN suffix; ALTER TABLE api_keys DROP COLUMN is_local;"
                               "DELETE FROM migrations WHERE number = 2;")
        database.close()
        with Serve(place, *LOCAL) as server:
            assert server.started["key"] == key and server.status(key) == 200
        assert [k["kind"] for k in place.studio("key", "list", "--json").json()["keys"]] == ["local"]
