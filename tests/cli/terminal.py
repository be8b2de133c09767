"""A pseudo-terminal with a program in it: type, wait for words, press Ctrl-C."""
import os
import pty
import re
import select
import signal
import time

from patience import PATIENCE

COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    def __init__(self, command, env, cwd, keeps_colors=False):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, {**env, "TERM": "xterm"})
        self.text, self.code, self.keeps_colors = "", None, keeps_colors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        self.type(text + "\r")

    def wait_for(self, words, timeout_s=30 * PATIENCE):
        """Reads until the words stand there, without colours. Returns what came before them; later waits begin after."""
        until = time.monotonic() + timeout_s
        while words not in self.text:
            if time.monotonic() > until or not self._read(until - time.monotonic()):
                raise AssertionError(f"{words!r} does not come: {self.text!r}")
        before, self.text = self.text.split(words, 1)
        return before

    def end(self, timeout_s=30 * PATIENCE):
        """The exit code, once the program has ended by itself."""
        until = time.monotonic() + timeout_s
        while self._read(until - time.monotonic()):
            if time.monotonic() > until:
                raise AssertionError(f"does not end: {self.text!r}")
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def _read(self, timeout_s):
        """False at the end of the terminal."""
        ready, _, _ = select.select([self.fd], [], [], max(0, timeout_s))
        if not ready:
            return True
        try:
            data = os.read(self.fd, 4096)
        except OSError:  # the program has closed its side
            return False
        self.text += data.decode(errors="replace")
        if not self.keeps_colors:
            self.text = COLORS.sub("", self.text)
        return bool(data)
