"""`make run` as a newcomer sees it: start it, wait for the curl line it prints, paste that line, press Ctrl-C."""
import json
import os
import signal
import subprocess
import threading
import time

STOP_TIMEOUT_S = 60  # longer than the server's own drain


class MakeRun:
    """with MakeRun(["make", "run"], cwd=ROOT, env=ENV) as run: run.wait_until_ready(60); run.paste()

    inside: words put before every command, such as ["chroot", DIR]; a shell and curl must be there.
    """

    def __init__(self, command, cwd=None, env=None, inside=(), on_line=None):
        self.inside, self.env, self.on_line = list(inside), env, on_line
        self.lines = []  # (seconds since the start, text)
        self.began = time.monotonic()
        self.process = subprocess.Popen([*self.inside, *command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.changed = threading.Condition()
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for raw in self.process.stdout:
            line = (self.seconds(), raw.decode(errors="replace").rstrip("\n"))
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
            if self.on_line:
                self.on_line(*line)
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def seconds(self):
        return time.monotonic() - self.began

    def text(self):
        with self.changed:
            return "\n".join(line for _, line in self.lines)

    def _curl_line(self):
        """The command with its continuation lines; empty until all of it is there."""
        lines = [line for _, line in self.lines]
        first = next((i for i, line in enumerate(lines) if line.startswith("  curl ")), len(lines))
        for last in range(first, len(lines)):
            if not lines[last].endswith("\\"):
                return "\n".join(lines[first:last + 1])
        return ""

    def wait_until_ready(self, timeout_s):
        """The seconds it took until the curl line stood there."""
        with self.changed:
            self.changed.wait_for(lambda: self._curl_line() or self.ended, timeout_s)
            line = self._curl_line()
        if not line:
            raise RuntimeError(f"no curl line after {self.seconds():.1f} s:\n{self.text()[-4000:]}")
        return self.seconds()

    def paste(self, timeout_s=120):
        """Runs the printed line as it stands. Returns the answer as JSON."""
        with self.changed:
            line = self._curl_line()
        done = subprocess.run([*self.inside, "sh", "-c", line], env=self.env, capture_output=True, text=True,
                              timeout=timeout_s, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise RuntimeError(f"the pasted line: exit {done.returncode}, {done.stdout!r}, {done.stderr[-500:]!r}") from None

    def first_token(self, timeout_s=120):
        """Seconds from asking, streamed, to the first piece of text."""
        with self.changed:
            line = self._curl_line()
        streamed = line.replace("curl ", "curl -sN ", 1).replace('{"model"', '{"stream": true, "model"', 1)
        asked = time.monotonic()
        client = subprocess.Popen([*self.inside, "sh", "-c", streamed], env=self.env, stdout=subprocess.PIPE, text=True)
        watchdog = threading.Timer(timeout_s, client.kill)
        watchdog.start()
        try:
            for event in client.stdout:
                if event.startswith("data: {") and _piece(event):
                    return time.monotonic() - asked
            raise RuntimeError("the stream ended without text")
        finally:
            watchdog.cancel()
            client.kill()
            client.wait()
            client.stdout.close()

    def page(self, timeout_s=30):
        """The page at the root of the address that the printed line calls."""
        with self.changed:
            address = self._curl_line().split("://", 1)[1].split("/", 1)[0]
        return subprocess.run([*self.inside, "curl", "-s", f"http://{address}/"], env=self.env, capture_output=True, text=True,
                              timeout=timeout_s, check=False).stdout

    def stop(self):
        """Ctrl-C, as a terminal sends it: to the whole group. Returns the seconds until all had gone."""
        asked = time.monotonic()
        for kind, patience in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
            try:
                os.killpg(self.process.pid, kind)
            except ProcessLookupError:
                break
            with self.changed:
                if self.changed.wait_for(lambda: self.ended, patience):  # the pipe closes with its last writer
                    break
        self.process.wait()
        return time.monotonic() - asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def text_of(answer):
    return answer["choices"][0]["message"]["content"]


def _piece(event):
    choices = json.loads(event[len("data: "):]).get("choices") or [{}]
    return choices[0].get("delta", {}).get("content")
