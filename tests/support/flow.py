# SPDX-License-Identifier: Apache-2.0
"""What flow tests share: a running Outrigger of their own, models to deploy, and ways to hurt it.

A flow waits on what can be seen from outside, never on time alone; each deadline says what did not happen.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "deploy/local"))
from client import Client, NoAnswer, Refusal
from layout import BUILD
from monitoring import promtool
from processes import Process, command_words, descendants, environment, pids, working_directory

BIN = CHECKOUT / BUILD / "bin"
SERVICES = ("model_api", "data_collector", "data_pusher", "data_companion")


def until(what, probe, within=30, every=0.1, ok=bool):
    """Polls until ok(probe()); returns what it saw, or fails naming what was expected and what was there."""
    deadline = time.monotonic() + within
    while True:
        saw = probe()
        if ok(saw):
            return saw
        if time.monotonic() > deadline:
            text = repr(saw)
            raise AssertionError(f"expected {what} within {within} s; saw {text[:600]}")
        time.sleep(every)


# A model as somebody might write it: Python, nothing but the standard library. `row` maps the inputs of one row to the
# outputs; BEHAVIOUR may replace routes before it serves.
MODEL = '''#!/usr/bin/python3
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def score(request):
    outputs = []
    for part in request["data"]:
        rows = [row(part["assetId"], {c: v[i] for c, v in part["columns"].items()}) for i in range(len(part["time"]))]
        outputs.append({"assetId": part["assetId"], "time": part["time"], "columns": {c: [r[c] for r in rows] for c in rows[0]}})
    return {"outputs": outputs}

def answer_score(handler, body):
    handler.reply(200, score(json.loads(body)))

def answer_health(handler, body):
    handler.reply(200, {"status": "ok"})

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    log_message = lambda *a: None

    def reply(self, status, document, headers=()):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        answer_health(self, b"")

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        answer_score(self, self.rfile.read(length))

class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

%s

Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''

DOUBLE = '''
def row(asset, c):
    value = c["temperature"]
    return {"anomalyScore": value * 2 + 1, "warningLevel": "WARNING" if value > 50 else "NORMAL"}
'''


class Flow:
    """One running Outrigger in a directory of its own. Use it as a context."""

    def __init__(self, name, replicas=None, preload=None):
        """`replicas` as of ./dev up; `preload`: {part: (library of tests/support/preload, {variable: value})}."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"outrigger-{name}-"))
        self.dir.chmod(0o755)
        self.client, self.replicas, self.environment = None, replicas, dict(os.environ)
        for part, (library, variables) in (preload or {}).items():
            self.environment |= {f"OUTRIGGER_PRELOAD_{part.upper()}": str(BIN / f"preload_{library}.so"), **variables}

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.tell_logs()
        self.dev("down")
        left = self.processes()
        if not os.environ.get("OUTRIGGER_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        assert kind or not left, f"after ./dev down there are still {left}"

    def dev(self, verb, *options):
        with tempfile.TemporaryFile() as said:
            code = subprocess.run([str(CHECKOUT / "dev"), verb, "--dir", str(self.dir), *options], stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, env=self.environment, timeout=900, check=False).returncode
            said.seek(0)
            assert code == 0, f"./dev {verb} ended with {code}: {said.read().decode('utf-8', 'replace')}"

    def up(self):
        self.dev("up", *(["--replicas", self.replicas] if self.replicas else []))
        self.client = Client(self.dir)

    def tell_logs(self):
        for log in sorted((self.dir / "logs").glob("*.log")):
            if log.stem in SERVICES or log.stem == "supervisor":
                print(f"--- the end of {log}")
                print("\n".join(line[:300] for line in log.read_text(errors="replace").splitlines()[-15:]))

    # --- what runs ---

    def processes(self):
        """Command lines of everything that names this directory or works in it."""
        found = []
        for pid in pids():
            words = " ".join(command_words(pid))
            if pid != os.getpid() and Process.of(pid) and (str(self.dir) in words or working_directory(pid).startswith(str(self.dir))):
                found.append((pid, words[:120]))
        return found

    def models(self, name=None):
        """Process ids of running models (their leaders)."""
        found = []
        for pid in pids():
            marks = environment(pid)
            if "OUTRIGGER_MODEL" in marks and (name is None or marks["OUTRIGGER_MODEL"] == name) and Process.of(pid) \
                    and working_directory(pid).startswith(f"{self.dir}/models/"):
                found.append(pid)
        return found

    def pid(self, service):
        return int(self.client.refresh()[f"OUTRIGGER_PID_{service.upper()}"])

    def port(self, part):
        return json.loads((self.dir / "run/ports.json").read_text())[part]

    def kill(self, service):
        """SIGKILL; returns the number it had."""
        pid = self.pid(service)
        process = Process.of(pid)
        if process:
            process.send(signal.SIGKILL)
            process.wait(5)
        return pid

    def ready(self, service):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.client.env[f"OUTRIGGER_ADMIN_{service.upper()}"] + "/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, ValueError):
            return False

    def metrics(self, base):
        """What `base`/metrics answers, after promtool found nothing to say against it."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(base + "/metrics", timeout=5) as answer:
            text = answer.read().decode()
        assert not (said := promtool("check", "metrics", stdin=text)), f"{base}/metrics: {said}"
        return text

    def service_metrics(self, service):
        return self.metrics(self.client.env[f"OUTRIGGER_ADMIN_{service.upper()}"])

    def metric(self, service, name):
        """The sum of a metric's series; None where the service does not answer."""
        import urllib.request
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.client.env[f"OUTRIGGER_ADMIN_{service.upper()}"] + "/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, ValueError):
            return None
        return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))

    def parts(self, name):
        """The processes of PostgreSQL or Kafka, the leader first."""
        state = json.loads((self.dir / "run/status.json").read_text())["parts"][name]
        return [Process.of(state["pid"]), *descendants(state["pid"])]

    @contextlib.contextmanager
    def frozen(self, name):
        """SIGSTOP to all processes of PostgreSQL, Kafka or a service for the length of the block."""
        if name in ("postgres", "kafka"):
            held = self.parts(name)
        else:  # it may just be coming back from a kill
            held = [until(f"{name} alive", lambda: Process.of(self.pid(name)), 60)]
        for process in held:
            process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in held:
                process.send(signal.SIGCONT)

    @contextlib.contextmanager
    def gone(self, name):
        """SIGKILL to PostgreSQL, Kafka or a service; nobody starts it again before the block ends."""
        def part():
            return json.loads((self.dir / "run/status.json").read_text())["parts"][name]
        supervisor = Process.of(json.loads((self.dir / "run/status.json").read_text())["supervisor"]["pid"])
        before = until(f"{name} ready", part, 60, ok=lambda p: p["ready"])["pid"]
        supervisor.send(signal.SIGSTOP)
        try:
            for process in self.parts(name):
                process.send(signal.SIGKILL)
                process.wait(10)
            yield
        finally:
            supervisor.send(signal.SIGCONT)
        until(f"{name} to be there again", part, 180, ok=lambda p: p["ready"] and p["pid"] != before)

    # --- models and assets ---

    def image(self, name, behaviour=DOUBLE, tag="1"):
        folder = self.dir / "images" / name / tag
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run").write_text(MODEL % behaviour)
        (folder / "run").chmod(0o755)
        return name

    def robot_arms(self, *names, type="robot-arm"):
        self.client.api("POST", "/asset-types", {"id": type, "name": type, "attributes": [], "telemetries": [
            {"name": "Temperature", "type": "number", "unit": "Cel"}, {"name": "Anomaly Score", "type": "number"},
            {"name": "Warning Level", "type": "string"}]})
        self.client.api("POST", "/assets", [{"id": name, "name": name, "type": type, "attributes": {}} for name in names])

    def manifest(self, name, image, trigger=None, **model):
        return {"name": name, "description": "a flow's model",
                "model": {"type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health", "hosted": "internal",
                          "container": {"image": image, "tag": "1"}} | model,
                "trigger": trigger or {"type": "REAL_TIME"}, "inputs": [{"dataColumnName": "temperature", "readAsString": False}],
                "outputs": [{"dataColumnName": "anomalyScore", "readAsString": False}, {"dataColumnName": "warningLevel", "readAsString": True}]}

    @staticmethod
    def sides(**target):
        return {"inputs": {"temperature": target | {"telemetry": "Temperature"}},
                "outputs": {"anomalyScore": target | {"telemetry": "Anomaly Score"}, "warningLevel": target | {"telemetry": "Warning Level"}}}

    def submit(self, manifest, mapping):
        self.client.api("POST", "/models", manifest)
        self.client.api("PUT", f"/models/{manifest['name']}/mappings", mapping)
        return manifest["name"]

    def deploy(self, name):
        operation = self.client.operation(self.client.api("POST", f"/models/{name}/deploy"))
        assert operation["status"] == "DONE", operation
        assert self.state(name) == "ACTIVE", self.client.model(name)
        return operation

    def state(self, name):
        return self.client.model(name)["status"]["state"]

    def withdraw(self, name):
        operation = self.client.operation(self.client.api("POST", f"/models/{name}/withdraw"))
        assert operation["status"] == "DONE", operation
        assert self.state(name) == "DRAFT", self.client.model(name)

    def remove(self, name):
        self.client.api("DELETE", f"/models/{name}")
        until(f"{name} to be gone", lambda: self.client.api("GET", f"/models/{name}", expect=(200, 404)).get("status"), ok=lambda s: s == 404)

    # --- samples and outputs ---

    def send(self, asset, points, batch=100):
        """Sends {ms: temperature} and sends again until acknowledged, as a careful device does."""
        points = sorted(points.items())
        for i in range(0, len(points), batch):
            self.deliver([{"asset": asset, "time": ms, "values": {"Temperature": value}} for ms, value in points[i:i + batch]])

    def deliver(self, samples, within=120):
        deadline = time.monotonic() + within
        while True:
            try:
                answer = self.client.send(samples, timeout=20)
                assert answer == {"accepted": len(samples)}, answer
                return
            except NoAnswer as error:
                trouble = error
            except Refusal as refusal:
                if refusal.status not in (429, 503):
                    raise
                trouble = refusal
            assert time.monotonic() < deadline, f"no acknowledgement within {within} s: {trouble}"
            time.sleep(0.2)

    def expect_scores(self, asset, points, within=60, rule=lambda value: value * 2 + 1):
        """Waits until history has exactly one right score for each of {ms: temperature}."""
        low, high = min(points), max(points) + 1
        expected = {ms: rule(value) for ms, value in points.items()}
        found = until(f"{len(expected)} scores of {asset}", lambda: self.read(asset, "Anomaly Score", low, high), within,
                      every=0.3, ok=lambda found: found is not None and len(found) >= len(expected))
        wrong = [(ms, value, expected.get(ms)) for ms, value in found if ms not in expected or abs(value - expected[ms]) > 1e-9]
        assert not wrong and len(found) == len(expected), f"{asset}: {len(found)} scores for {len(expected)}; (time, saw, expected) {wrong[:5]}"

    def read(self, asset, telemetry, low, high):
        try:
            return self.client.points(asset, telemetry, low, high)
        except (NoAnswer, Refusal):
            return None

    def records(self, topic):
        """Committed records of a topic: [(key, headers, value)]."""
        done = subprocess.run(["kcat", "-b", self.client.env["OUTRIGGER_KAFKA"], "-q", "-C", "-e", "-J", "-o", "beginning",
                               "-X", "isolation.level=read_committed", "-t", topic], capture_output=True, timeout=120, check=True)
        rows = []
        for line in done.stdout.splitlines():
            record = json.loads(line)
            flat = record.get("headers") or []
            rows.append((record.get("key"), dict(zip(flat[::2], flat[1::2])), json.loads(record.get("payload") or "null")))
        return rows

    def out_rows(self, model):
        """Rows of out.default that this model said: [(asset, ms, {column: value})]."""
        rows = []
        for _, headers, value in self.records("out.default"):
            if headers.get("model") == model:
                rows += [(value["assetId"], ms, {c: v[i] for c, v in value["columns"].items()}) for i, ms in enumerate(value["time"])]
        return rows

    def topics(self):
        done = subprocess.run(["kcat", "-b", self.client.env["OUTRIGGER_KAFKA"], "-q", "-L", "-J"], capture_output=True, timeout=60, check=True)
        return {t["topic"] for t in json.loads(done.stdout)["topics"]}

    def expect_nothing_left(self, name):
        until(f"no process of {name}", lambda: self.models(name), ok=lambda left: not left)
        until(f"no feed of {name}", lambda: [t for t in self.topics() if t.startswith(f"feed.default.{name}.")], ok=lambda left: not left)


class Background(threading.Thread):
    """A thread whose exception is raised where it is joined."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.error = work, None
        self.start()

    def run(self):
        try:
            self.work()
        except BaseException as error:  # noqa: handed on by finish()
            self.error = error

    def finish(self, within):
        self.join(within)
        assert not self.is_alive(), "a background part of the flow did not end"
        if self.error:
            raise self.error


def now():
    return int(time.time() * 1000)


def run(*flows):
    """Runs each flow; the exit code says whether all held."""
    chosen = [f for f in flows if not sys.argv[1:] or f.__name__ in sys.argv[1:]]
    for flow in chosen:
        began = time.monotonic()
        print(f"{flow.__name__.replace('_', ' ')} …", flush=True)
        flow()
        print(f"  holds ({time.monotonic() - began:.0f} s)", flush=True)
