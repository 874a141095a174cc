#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""supervisor.py DIR: keeps PostgreSQL, Kafka and the services of one directory running until it gets SIGTERM.

A thread a part: start it when what it needs is ready, watch it, start it again with backoff. What is found running
from an earlier life (the supervisor itself may have been killed) is taken over, not started twice. SIGUSR1 means
"somebody asked for it to be up": waiting backoffs end. Everything it starts carries OUTRIGGER_UP_ID and
OUTRIGGER_UP_PART in its environment; that, not a number in a file, says what is ours.
"""
import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

from layout import SERVICES, Layout, open_to_all, write_whole
from models import model_processes
from parts import all_parts, postgres_uri
from processes import (Process, adopt_orphans, command_words, descendants, end, environment, parent, pids, start_time)

BACKOFF_FIRST, BACKOFF_MOST, FORGET_AFTER = 0.1, 5.0, 10.0
LOG_MOST = 64 << 20
KEPT_NAMES = ("HOME", "LANG", "TMPDIR", "OUTRIGGER_CACHE", "OUTRIGGER_INSIDE")
# OUTRIGGER_PRELOAD_DATA_PUSHER=FILE loads a library into a part: what tests break it with, or a profiler.
PRELOAD = "OUTRIGGER_PRELOAD_"
FOR_PRELOADED = ("OUTRIGGER_BREAK_FILE", "OUTRIGGER_CLOCK_SHIFT_S")
KEPT_PREFIXES = ("ASAN_", "UBSAN_", "TSAN_", "LSAN_", *(f"OUTRIGGER_{name.upper()}_" for name in SERVICES))


def log(text):
    with contextlib.suppress(OSError):  # a full disk ends no supervision
        print(time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime()) + text, flush=True)


class State:
    """What is known of one part."""

    def __init__(self):
        self.process, self.ready, self.failures, self.last_exit, self.held = None, False, 0, "", False
        self.wake = threading.Event()

    def document(self):
        return {"pid": self.process.pid if self.process else 0, "start": self.process.start if self.process else 0,
                "ready": self.ready, "failures": self.failures, "last_exit": self.last_exit}


class Supervisor:
    def __init__(self, layout):
        self.layout = layout
        self.services = list(layout.services())
        self.parts = all_parts(layout, public_dir(layout))
        self.states = {part.name: State() for part in self.parts}
        self.stopping = threading.Event()
        self.exits = {}  # pid -> wait status, of children that ended
        self.writing = threading.RLock()

    # --- telling others ---

    def publish(self):
        """Rewrites status.json, and endpoints.env once every service has a process."""
        with self.writing:
            if self.stopping.is_set():
                return
            parts = {name: state.document() for name, state in self.states.items()}
            me = {"pid": os.getpid(), "start": start_time(os.getpid())}
            with contextlib.suppress(OSError):  # a full disk: said again at the next change
                write_whole(self.layout.status, json.dumps({"supervisor": me, "parts": parts}, indent=1))
                if all(parts[name]["pid"] for name in self.services):
                    text = "".join(f"{key}={value}\n" for key, value in self.endpoints(parts).items())
                    if not self.layout.endpoints.exists() or self.layout.endpoints.read_text() != text:
                        write_whole(self.layout.endpoints, text)

    def endpoints(self, parts):
        ports = self.layout.ports()
        lines = {f"OUTRIGGER_{name.upper()}": f"http://127.0.0.1:{ports[name]}" for name in self.services if name in ports}
        lines |= {f"OUTRIGGER_ADMIN_{name.upper()}": f"http://127.0.0.1:{ports['admin_' + name]}" for name in self.services}
        lines |= {"OUTRIGGER_TOKEN": self.layout.secret("token", str),
                  "OUTRIGGER_KAFKA": f"127.0.0.1:{ports['kafka']}", "OUTRIGGER_POSTGRES": postgres_uri(self.layout)}
        return lines | {f"OUTRIGGER_PID_{name.upper()}": parts[name]["pid"] for name in self.services}

    # --- one part ---

    def keep(self, part):
        state = self.states[part.name]
        while not self.stopping.is_set() and not all(self.states[need].ready for need in part.needs):
            self.stopping.wait(0.05)
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                self.one_life(part, state)
            except Exception as error:  # whatever it is: the part must not go unwatched
                state.last_exit = f"{type(error).__name__}: {error}"
            if state.process and state.process.alive():
                self.stopping.wait(1)
                continue
            if time.monotonic() - started > FORGET_AFTER:
                state.failures = 0
            state.process, state.ready = None, False
            state.failures += 1
            if self.stopping.is_set():
                break
            pause = min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** min(state.failures - 1, 10))
            log(f"{part.name} ended ({state.last_exit}); starting it again in {pause:.1f} s")
            self.publish()
            state.wake.clear()
            state.wake.wait(pause)

    def one_life(self, part, state):
        """From start (or take-over) to end."""
        if state.process is None:
            command = part.prepare_command()
            if command and not self.prepare(part, state, command):
                return
            if self.stopping.is_set():
                return
            state.process = self.spawn(part, part.command(), part.environment())
            log(f"{part.name} started as process {state.process.pid}")
            self.publish()
        while not state.process.wait(0.5 if state.ready else 0.05):
            if not state.ready and part.ready():
                state.ready = True
                log(f"{part.name} is ready")
                self.publish()
        state.last_exit = self.exit_text(state.process)

    def prepare(self, part, state, command):
        process = self.spawn(part, command, {"OUTRIGGER_UP_PART": f"{part.name}-prepare"})
        while not process.wait(0.5):
            if self.stopping.is_set():
                end([process], 2)
        text = self.exit_text(process)
        state.last_exit = f"could not be prepared: {text}"
        return text == "exit code 0"

    def spawn(self, part, command, extra):
        kept = {k: v for k, v in os.environ.items() if k in KEPT_NAMES or k.startswith(KEPT_PREFIXES)}
        marked = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "TZ": "UTC",
                  "OUTRIGGER_UP_ID": self.layout.id(), "OUTRIGGER_UP_PART": part.name}
        preload = os.environ.get(PRELOAD + part.name.upper())
        if preload:
            marked |= {"LD_PRELOAD": preload} | {k: os.environ[k] for k in FOR_PRELOADED if k in os.environ}
        descriptor = os.open(part.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, cwd="/",
                                     env=kept | marked | extra, start_new_session=True)
        finally:
            os.close(descriptor)
        child.returncode = 0  # its end is ours to collect (reap), not the Popen object's
        # A child that ended already cannot be looked at any more: its start is unknown, and wait() says that it ended.
        process = Process(child.pid, start_time(child.pid))
        process.is_child = True
        return process

    def exit_text(self, process):
        if not process.is_child:
            return "it was started by an earlier supervisor"
        deadline = time.monotonic() + 2
        while process.pid not in self.exits and time.monotonic() < deadline:
            time.sleep(0.02)
        status = self.exits.pop(process.pid, None)
        if status is None:
            return "nobody knows how"
        if os.WIFSIGNALED(status):
            return f"killed by signal {os.WTERMSIG(status)}"
        return f"exit code {os.WEXITSTATUS(status)}"

    # --- the whole ---

    def take_over(self):
        """Finds what an earlier supervisor left running: the parts go on, half-made preparations end."""
        ours = marked_processes(self.layout)
        for part in self.parts:
            mine = [p for p, name in ours.items() if name == part.name and part.is_mine(command_words(p.pid))]
            mine = [p for p in mine if Process.of(parent(p.pid) or 0) not in mine]
            if mine:
                self.states[part.name].process = mine[0]
                log(f"{part.name} runs already as process {mine[0].pid}")
            end(mine[1:], part.grace)
        end([p for p, name in ours.items() if name.endswith("-prepare")], 2)

    def run(self):
        self.take_over()
        threads = [threading.Thread(target=self.keep, args=(part,), daemon=True) for part in self.parts]
        for thread in threads:
            thread.start()
        self.publish()
        next_look = 0
        while not self.stopping.is_set():
            self.reap()
            if time.monotonic() > next_look:
                next_look = time.monotonic() + 5
                self.look_around()
            time.sleep(0.05)
        self.stop()

    def reap(self):
        """Collects every ended child: parts, and orphans of theirs that became ours."""
        known = {state.process.pid for state in self.states.values() if state.process}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.exits[pid] = status
            while len(self.exits) > 1000:
                oldest = next(iter(self.exits))
                if oldest in known:
                    break
                self.exits.pop(oldest, None)

    def look_around(self):
        if not self.layout.supervisor_lock.exists():
            log("the directory is gone: stopping")
            self.stopping.set()
        for path in self.layout.logs.glob("*"):
            if path.suffix == ".1":
                continue
            try:
                if path.stat().st_size > LOG_MOST:
                    shutil.copyfile(path, path.with_suffix(path.suffix + ".1"))
                    os.truncate(path, 0)
            except OSError:
                pass

    def stop(self):
        """Services first, so that they can hand over what they hold; then models; then Kafka and PostgreSQL."""
        log("stopping")
        reaper = threading.Thread(target=self.reap_forever, daemon=True)
        reaper.start()
        for state in self.states.values():
            state.wake.set()
        self.end_parts([part for part in self.parts if part.name in self.services])
        base = {state.process for state in self.states.values() if state.process}
        keep = base | {p for b in base for p in descendants(b.pid)}
        end(model_processes(self.layout) | (descendants(os.getpid()) - keep), 5)
        self.end_parts([part for part in self.parts if part.name not in self.services])
        end(descendants(os.getpid()) | set(marked_processes(self.layout)) - {Process.of(os.getpid())}, 1)
        for path in (self.layout.endpoints, self.layout.status):
            path.unlink(missing_ok=True)
        log("stopped")

    def end_parts(self, parts):
        ending = []
        for part in parts:
            process = self.states[part.name].process
            if process:
                ending.append(threading.Thread(target=end, args=([process], part.grace, part.stop_signal)))
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    def reap_forever(self):
        while True:
            self.reap()
            time.sleep(0.02)


def marked_processes(layout):
    """{process: part} of everything that was started for this directory and carries its mark."""
    found, mark = {}, layout.id()
    for pid in pids():
        marks = environment(pid)
        if marks.get("OUTRIGGER_UP_ID") == mark and "OUTRIGGER_UP_PART" in marks:
            process = Process.of(pid)
            if process:
                found[process] = marks["OUTRIGGER_UP_PART"]
    return found


def public_dir(layout):
    """DIR by a path that the users of models can walk. In a private root (our own mounts) a closed one gets a second name."""
    if open_to_all(layout.dir / "models") or os.geteuid() or not os.environ.get("OUTRIGGER_INSIDE"):
        return layout.dir
    layout.alias.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "--bind", str(layout.dir), str(layout.alias)], check=False, stdin=subprocess.DEVNULL)
    return layout.alias if done.returncode == 0 else layout.dir


def write_in_place(file, text):
    """The file's identity is the lock: no rename here."""
    file.truncate(0)
    file.write(text)
    file.flush()


def main():
    layout = Layout(sys.argv[1])
    lock = open(layout.supervisor_lock, "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        log("another supervisor runs already")
        return 3
    write_in_place(lock, f"{os.getpid()} {start_time(os.getpid())}")
    os.umask(0o022)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65536, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    supervisor = Supervisor(layout)
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: supervisor.stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: [state.wake.set() for state in supervisor.states.values()])
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
