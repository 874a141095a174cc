#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev up and ./dev down: ask a directory's supervisor to keep everything running, or to end it.

Runs in the private root. `up` may be asked again at any time: it builds what is out of date, starts a supervisor if
none lives, and waits until every part is ready.
"""
import argparse
import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from builder import RUNTIME, build, say
from layout import CHECKOUT, MOST_REPLICAS, SEVERAL, Layout, Refused, open_to_all, read_json
from models import model_processes
from parts import POSTGRES_BIN, all_parts
from processes import Process, end, pids, works_in
from supervisor import marked_processes
import kafka_jars

HERE = pathlib.Path(__file__).resolve().parent

def arguments(verb, words):
    parser = argparse.ArgumentParser(prog=f"./dev {verb}", add_help=False, allow_abbrev=False)
    parser.add_argument("--dir", default=os.environ.get("OUTRIGGER_DIR") or str(CHECKOUT / ".outrigger"))
    if verb == "up":
        parser.add_argument("--engine", default="process")
        parser.add_argument("--with", dest="extras", default="")
        parser.add_argument("--replicas", type=replicas)
    parser.error = lambda message: refuse(f"{message} (see ./dev {verb} --help)")
    given = parser.parse_args(words)
    if verb == "up" and given.engine != "process":
        refuse(f"--engine {given.engine}: this version has the engine process only")
    if verb == "up" and given.extras:
        refuse(f"--with {given.extras}: this version brings no further brokers; leave --with out")
    directory = pathlib.Path(os.path.abspath(given.dir))
    if any(character in str(directory) for character in "\n:=\"'\\$ "):
        refuse(f"--dir {given.dir!r}: no spaces, quotes, '$', '=', ':' or '\\' in it, please")
    return Layout(directory.resolve()), getattr(given, "replicas", None)


def replicas(text):
    """"data_companion=2,data_pusher=2" as a dictionary."""
    wanted = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in SEVERAL or not number.isdigit() or not 1 <= int(number) <= MOST_REPLICAS:
            refuse(f"--replicas {part}: NAME=N with {' or '.join(SEVERAL)} and 1 to {MOST_REPLICAS}, please")
        wanted[name] = int(number)
    return wanted


def refuse(message):
    raise Refused(message)


@contextlib.contextmanager
def one_at_a_time(layout):
    with open(layout.verb_lock, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"another ./dev up or down for {layout.dir} runs; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def supervisor_of(layout):
    """The living supervisor: who holds its lock, whose number stands in it; None when nobody does."""
    for _ in range(50):
        try:
            with open(layout.supervisor_lock, "r") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return None
                except OSError:
                    words = lock.read().split()
        except FileNotFoundError:
            return None
        if len(words) == 2 and Process(int(words[0]), int(words[1])).alive():
            return Process(int(words[0]), int(words[1]))
        time.sleep(0.1)  # it has just taken the lock, or just died
    return None


# --- up ----------------------------------------------------------------------------------------------------------

def up(words):
    layout, wanted = arguments("up", words)
    began = time.monotonic()
    layout.make()
    with one_at_a_time(layout):
        make_ready()
        supervisor = supervisor_of(layout)
        if wanted is not None:
            before = list(layout.services())
            layout.want_replicas(wanted)
            if supervisor and before != list(layout.services()):
                layout.want_replicas({p: sum(n == p or n.startswith(f"{p}_") for n in before) for p in SEVERAL})
                refuse(f"--replicas: {layout.dir} runs with others; stop it first: ./dev down{dir_option(layout)}")
        if supervisor:
            supervisor.send(signal.SIGUSR1)
        else:
            start_supervisor(layout)
        wait_until_ready(layout)
    say(f"up after {time.monotonic() - began:.0f} s: {layout.endpoints}  (stop: ./dev down{dir_option(layout)})")
    return 0


def dir_option(layout):
    return "" if layout.dir == CHECKOUT / ".outrigger" else f" --dir {layout.dir}"


def make_ready():
    """Builds the programs and fetches Kafka, side by side."""
    failed = []

    def fetch():
        try:
            kafka_jars.fetch(say)
        except (kafka_jars.JarsUnavailable, OSError, subprocess.SubprocessError) as error:
            failed.append(str(error))

    fetching = threading.Thread(target=fetch)
    fetching.start()
    try:
        if not os.environ.get("OUTRIGGER_BUILD"):
            build("release", RUNTIME)
    finally:
        fetching.join()
    if failed:
        raise Refused(failed[0])


def start_supervisor(layout):
    leftovers = marked_processes(layout).values()
    running = {part.name for part in all_parts(layout, layout.dir) if part.name in leftovers}
    layout.choose_ports(running)
    layout.status.unlink(missing_ok=True)
    log = os.open(layout.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    child = subprocess.Popen([sys.executable, str(HERE / "supervisor.py"), str(layout.dir)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                             start_new_session=True, close_fds=True)
    os.close(log)
    child.returncode = 0  # it outlives us


def wait_until_ready(layout):
    parts = all_parts(layout, layout.dir)
    begun = time.monotonic()
    deadline, told = begun + 180, begun + 5
    first_failures = {}
    while True:
        states = read_json(layout.status, {}).get("parts", {})
        waiting = [part for part in parts if not states.get(part.name, {}).get("ready")]
        if states and not waiting and layout.endpoints.exists():
            return
        if not states and supervisor_of(layout) is None and time.monotonic() > begun + 5:
            give_up(layout, None, "the supervisor does not live", layout.logs / "supervisor.log")
        for part in waiting:
            state = states.get(part.name, {})
            before = first_failures.setdefault(part.name, state.get("failures", 0))
            if state.get("failures", 0) - before >= 6:
                give_up(layout, part, state.get("last_exit", ""), part.log)
        if time.monotonic() > deadline:
            give_up(layout, waiting[0], "not ready after 180 s", waiting[0].log)
        if time.monotonic() > told:
            told = time.monotonic() + 10
            say(f"waiting for {', '.join(part.name for part in waiting)} (usually 10 to 20 s in all)")
        time.sleep(0.05)


def give_up(layout, part, reason, log):
    with contextlib.suppress(OSError):
        for line in pathlib.Path(log).read_text(errors="replace").splitlines()[-15:]:
            print(f"  {line[:400]}", file=sys.stderr)
    name = part.name if part else "up"
    raise Refused(f"{name} does not come up: {reason}; its last lines stand above, all of them in {log} "
                  f"(what came up goes on running: ./dev down{dir_option(layout)})")


# --- down --------------------------------------------------------------------------------------------------------

def down(words):
    layout, _ = arguments("down", words)
    if not layout.is_original():
        say(f"nothing to stop in {layout.dir}")
        return 0
    with one_at_a_time(layout):
        supervisor = supervisor_of(layout)
        if supervisor:
            say(f"stopping what runs in {layout.dir} (a few seconds)")
            supervisor.send(signal.SIGTERM)
            if not supervisor.wait(75):
                supervisor.send(signal.SIGKILL)
                supervisor.wait(5)
        sweep(layout)
        layout.endpoints.unlink(missing_ok=True)
        layout.status.unlink(missing_ok=True)
    say("down; the data is kept")
    return 0


def sweep(layout):
    """Ends what a supervisor that was killed has left: by mark and by place, never by name alone."""
    ours = marked_processes(layout)
    base = [p for p, name in ours.items() if name in ("postgres", "kafka")]
    end([p for p in ours if p not in base], 12)
    end(model_processes(layout), 5)
    postmasters = [p for p in base if ours[p] == "postgres"]
    end(postmasters, 15, signal.SIGINT)
    end([p for p in base if p not in postmasters], 15)
    backends = [Process.of(pid) for pid in pids() if works_in(pid, layout.postgres)
                and os.path.realpath(f"/proc/{pid}/exe").startswith(str(POSTGRES_BIN))]
    end([p for p in backends if p], 2)


def main():
    verbs = {"up": up, "down": down}
    try:
        return verbs[sys.argv[1]](sys.argv[2:])
    except Refused as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename or 'this machine'}: {error.strerror}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
