# SPDX-License-Identifier: Apache-2.0
"""What the benches of the companion share: a data_companion on a bare Kafka, and other programs that do the same job."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

from _side import BIN, TOP, ask, cpu_seconds, end, free_port, listens, scratch, spawn, until
import _fetch

TENANT = "bench"
WARM_UP = 40  # seconds: a fresh broker compiles its own code for about as long


@contextlib.contextmanager
def model():
    """The port of a model that costs next to nothing."""
    port = free_port()
    process = spawn(BIN / "bench_model", port)
    try:
        until("the model listening", lambda: listens(port))
        yield port
    finally:
        end(process)


class Side:
    """A program between two topics: `feed` and `out`."""

    def __init__(self, name, broker, feed, out, process):
        self.name, self.broker, self.feed, self.out, self.process = name, broker, feed, out, process
        self.written = 0

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def first(self):
        # Event times and places in `telemetry` ascend from run to run.
        self.written = max(self.written + 1_000_000, int(time.time() * 1000))
        return self.written

    def pace(self, rate, seconds, assets=100):
        return ask("flow", self.broker, "pace", self.feed, self.out, rate, seconds, self.first(), assets)

    def fill(self, count, assets=1000):
        first = self.first()
        ask("flow", self.broker, "fill", self.feed, count, first, assets)
        return first

    def job(self, count, before=lambda: None):
        """Writes records and reads their outputs; `before` what the writing waits for. CPU seconds a million, outputs a second."""
        first = self.first()
        reader = subprocess.Popen([BIN / "bench_flow", self.broker, "drain", self.out, str(count), str(first)],
                                  stdout=subprocess.PIPE, text=True)
        try:
            if reader.stdout.readline().strip() != "ready":
                raise SystemExit(f"bench: no reader of {self.out}")
            began = self.cpu()
            ask("flow", self.broker, "fill", self.feed, count, first, 1000)
            before()
            text = reader.communicate(timeout=150)[0]
        finally:
            reader.kill()
            reader.wait()
        if reader.returncode:
            raise SystemExit(f"bench: {self.name} did not say everything once")
        return {"cpu_seconds_a_million": (self.cpu() - began) * 1e6 / count} | json.loads(text)


class Companion(Side):
    """One data_companion with one deployment."""

    def __init__(self, broker, process, admin, port, deployment):
        super().__init__("companion", broker, f"feed.{TENANT}.m.{deployment}", f"out.{TENANT}", process)
        self.admin, self.port, self.deployment = admin, port, deployment

    def state(self, desired):
        ask("control", self.broker, "state", TENANT, self.deployment, self.port, desired)

    def metrics(self, name):
        """{labels: value} of one metric."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as reply:
            lines = [line.removeprefix(name).rsplit(" ", 1) for line in reply.read().decode().splitlines() if line.startswith(name + "{")]
        return {labels: float(value) for labels, value in lines}

    def metric(self, name):
        return sum(self.metrics(name).values())


@contextlib.contextmanager
def companion(broker, port, preload=None):
    deployment = ask("control", broker, "deploy", TENANT, "m", 1, port, "run")[0]
    admin = free_port()
    environment = os.environ | ({"LD_PRELOAD": str(preload)} if preload else {})
    process = spawn(BIN / "data_companion", "--kafka-brokers", broker, "--slot", TENANT, "--egress-allow-loopback", "true",
                    "--admin-port", admin, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("the companion listening", lambda: listens(admin))
        yield Companion(broker, process, admin, port, deployment)
    finally:
        end(process)


@contextlib.contextmanager
def peer(name, broker, words, topics, **more):
    ask("flow", broker, "topics", *topics)
    process = spawn(*words, stdout=sys.stderr, **more)
    try:
        yield Side(name, broker, topics[0], topics[1], process)
    finally:
        end(process)


def topics_of(name):
    return [f"bench-{name}-{part}" for part in ("in", "out", "journal")]


def bare(broker, port, flight=16):
    """librdkafka and sockets, exactly once by one transaction after another."""
    into, out, journal = topics_of("bare")
    return peer("bare", broker, [BIN / "bench_bare", "score", broker, into, out, journal, port, flight, "beginning"],
                [into, out, journal])


@contextlib.contextmanager
def streams(broker, port):
    """Kafka Streams exactly once with java.net.http."""
    libraries = _fetch.streams()
    into, out, _ = topics_of("streams")
    state = scratch("streams")
    words = ["java", "-Xmx256m", "-XX:-UsePerfData", "-cp", libraries, TOP / "bench/peers/Streams.java", broker, into, out,
             f"http://127.0.0.1:{port}/score", state]
    try:
        with peer("streams", broker, words, [into, out], stderr=subprocess.DEVNULL) as side:
            yield side
    finally:
        shutil.rmtree(state, ignore_errors=True)


def python(broker, port):
    """confluent-kafka exactly once with httpx."""
    packages = _fetch.python_packages()
    into, out, _ = topics_of("python")
    return peer("python", broker, [sys.executable, TOP / "bench/peers/python_loop.py", broker, into, out,
                                   f"http://127.0.0.1:{port}/score"], [into, out], env=os.environ | {"PYTHONPATH": str(packages)})
