# SPDX-License-Identifier: Apache-2.0
"""Processes as Linux shows them: who is who for sure, and how to end exactly those.

A process is known by its id together with its start time: a number alone may have been given to somebody else.
"""
import ctypes
import os
import pathlib
import select
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


class Process:
    """One process. Signals go through a pidfd, so that they never meet another one."""

    def __init__(self, pid, start):
        self.pid, self.start, self.is_child = pid, start, False

    @staticmethod
    def of(pid):
        """The process that has this id now; None when there is none."""
        start = start_time(pid)
        return Process(pid, start) if start else None

    def alive(self):
        return self.start is not None and start_time(self.pid) == self.start

    def send(self, number):
        """Sends a signal to it, and to nobody else; says whether it was there."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.alive():  # after the open: what we hold is what we looked at
                return False
            signal.pidfd_send_signal(descriptor, number)
            return True
        except OSError:
            return False
        finally:
            os.close(descriptor)

    def wait(self, seconds):
        """Waits for its end; says whether it ended. Works for processes that are not our children."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return not self.alive()
        try:
            if not self.alive():
                return True
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(max(0, seconds) * 1000))
        finally:
            os.close(descriptor)

    def __eq__(self, other):
        return isinstance(other, Process) and (self.pid, self.start) == (other.pid, other.start)

    def __hash__(self):
        return hash((self.pid, self.start))


def stat(pid):
    """The fields of /proc/PID/stat after the name; None when there is no such process or it is a zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else fields


def start_time(pid):
    fields = stat(pid)
    return int(fields[19]) if fields else None


def parent(pid):
    fields = stat(pid)
    return int(fields[1]) if fields else None


def group(pid):
    fields = stat(pid)
    return int(fields[2]) if fields else None


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def environment(pid):
    """{name: value} that it was started with; empty when that cannot be read."""
    try:
        entries = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(e.decode("utf-8", "replace").split("=", 1) for e in entries if b"=" in e)


def command_words(pid):
    """Its command line; empty when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def working_directory(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")
    except OSError:
        return ""


def works_in(pid, folder):
    """Whether its working directory is this very folder, by whatever path."""
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), os.stat(folder))
    except OSError:
        return False


def sees(pid, folder):
    """Whether the path leads it to the same folder as us: in another mount namespace it may not."""
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/root{folder}"), os.stat(folder))
    except OSError:
        return False


def open_files(pid):
    """Where its descriptors lead to."""
    found, folder = [], f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            found.append(os.readlink(f"{folder}/{name}"))
        except OSError:
            pass
    return found


def descendants(of):
    """All processes below `of`, not itself."""
    parents = {pid: parent(pid) for pid in pids()}
    found, fresh = set(), {of}
    while fresh:
        fresh = {pid for pid, up in parents.items() if up in fresh and pid not in found}
        found |= fresh
    return {p for p in map(Process.of, found) if p}


def end(processes, grace, first=signal.SIGTERM):
    """Ends these: `first`, then SIGKILL to what is left after `grace` seconds. Returns those that survived even that."""
    processes = [p for p in processes if p.send(first)]
    for p in processes:
        p.send(signal.SIGCONT)  # a stopped one would sleep through its end
    deadline = time.monotonic() + grace
    left = [p for p in processes if not p.wait(deadline - time.monotonic())]
    for p in left:
        p.send(signal.SIGKILL)
    deadline = time.monotonic() + 5
    return [p for p in left if not p.wait(deadline - time.monotonic())]


def adopt_orphans():
    """Makes this process the parent of its descendants' orphans, so that none gets out of sight."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
