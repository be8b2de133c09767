"""Runs a command that may change nothing but one folder and see no process but its own: a model may ask its agent for anything.

As a program, in namespaces of mounts and processes that unshare(1) has made: confined.py FOLDER COMMAND...
"""
import ctypes
import os
import signal
import sys

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18  # <linux/mount.h>
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, flags):
    if LIBC.mount(source and source.encode(), target.encode(), None, flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}: {os.strerror(ctypes.get_errno())}")


def die_with_parent():
    """In a child that is about to become another program: a test that is killed leaves no agent behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def confining(folder):
    """The beginning of a command line that runs the rest so."""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(__file__), folder]


def keep_writable(folder):
    mount(None, "/", MS_REC | MS_PRIVATE)
    mount(folder, folder, MS_BIND)
    with open("/proc/self/mounts", encoding="utf-8") as file:
        places = [line.split()[1] for line in file]
    for place in set(places):
        if place != folder and not place.startswith(("/proc", "/dev")):
            mount(None, place, MS_REMOUNT | MS_BIND | MS_RDONLY)


if __name__ == "__main__":
    keep_writable(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
