# SPDX-License-Identifier: Apache-2.0
"""What the benches share: a running system of their own, processes to start, CPU time, pairwise ratios."""
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "deploy/local"))
from layout import BUILD, Layout
from parts import Kafka, postgres_uri

BIN = TOP / BUILD / "bin"
LONGER = float(os.environ.get("OUTRIGGER_BENCH_LONGER") or 1)  # ./dev bench --longer
STARTED = time.monotonic()


def scratch(name):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"outrigger-{name}-"))
    folder.chmod(0o755)
    return folder


def spawn(*words, **more):
    """A process that does not outlive this one."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, words)], stdin=subprocess.DEVNULL, **more)


def end(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ask(program, *words, **more):
    """The JSON that a program of this folder prints last, or None."""
    done = subprocess.run([BIN / f"bench_{program}", *map(str, words)], capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise SystemExit(f"bench_{program} {" ".join(map(str, words))}: {done.stderr[-500:]}")
    lines = done.stdout.split("\n")
    return json.loads(lines[-2]) if done.stdout.startswith("{") else done.stdout.split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, probe, within=30):
    deadline = time.monotonic() + within
    while not probe():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: {what} did not happen within {within} s")
        time.sleep(0.05)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(*pids):
    """User and system time of processes."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class System:
    """`./dev up` in a directory of its own."""

    def __enter__(self):
        self.dir = scratch("bench")
        if subprocess.run([TOP / "dev", "up", "--dir", self.dir], check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode:
            self.__exit__()
            raise SystemExit("bench: ./dev up failed; what it said stands above")
        words = shlex.split((self.dir / "endpoints.env").read_text(), comments=True)
        self.env = dict(word.split("=", 1) for word in words)
        return self

    def __exit__(self, *_):
        subprocess.run([TOP / "dev", "down", "--dir", self.dir], check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)

    def call(self, method, path, body=None, service="MODEL_API", expect=(200, 201, 202)):
        request = urllib.request.Request(self.env["OUTRIGGER_" + service] + "/api/v1" + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + self.env["OUTRIGGER_TOKEN"],
                                                  "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            if reply.status not in expect:
                raise SystemExit(f"bench: {method} {path}: {reply.status}")
            return json.loads(reply.read() or b"null")

    def deploy(self, model, program, assets):
        """A model that maps Temperature to Score, of type machine, with these assets; returns when it is ACTIVE."""
        folder = self.dir / "images" / model / "1"
        folder.mkdir(parents=True)
        (folder / "run").write_text(program)
        (folder / "run").chmod(0o755)
        self.call("POST", "/asset-types", {"id": "machine", "name": "machine", "telemetries": [
            {"name": "Temperature", "type": "number"}, {"name": "Score", "type": "number"}]})
        self.call("POST", "/assets", [{"id": a, "name": a, "type": "machine", "attributes": {}} for a in assets])
        self.call("POST", "/models", {"name": model, "model": {
            "type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health", "hosted": "internal",
            "container": {"image": model, "tag": "1"}}, "trigger": {"type": "REAL_TIME"},
            "inputs": [{"dataColumnName": "t"}], "outputs": [{"dataColumnName": "score"}]})
        self.call("PUT", f"/models/{model}/mappings", {"inputs": {"t": {"assetType": "machine", "telemetry": "Temperature"}},
                                                       "outputs": {"score": {"assetType": "machine", "telemetry": "Score"}}})
        self.call("POST", f"/models/{model}/deploy")
        until("the model being ACTIVE", lambda: self.call("GET", f"/models/{model}")["status"]["state"] == "ACTIVE", 60)

    def postgres(self):
        return postgres_uri(Layout(self.dir))

    def port(self, service):
        return int(self.env["OUTRIGGER_" + service].rsplit(":", 1)[1])


class Broker:
    """A Kafka of its own and nothing else."""

    def __enter__(self):
        self.dir = scratch("broker")
        layout = Layout(self.dir)
        layout.make()
        layout.choose_ports(())
        subprocess.run([sys.executable, TOP / "deploy/local/parts.py", "prepare-kafka", self.dir], check=True,
                       stdin=subprocess.DEVNULL, stdout=sys.stderr)
        part = Kafka("kafka", layout)
        self.address = f"127.0.0.1:{part.port()}"
        with open(self.dir / "kafka.out", "wb") as log:
            self.process = spawn(*part.command(), env=os.environ | part.environment(), stdout=log, stderr=log)
        until("Kafka's answer", part.ready, 60)
        return self

    def __exit__(self, *_):
        self.process.kill()  # its data is thrown away
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Nginx:
    """One worker that answers every POST alike."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        self.dir = scratch("nginx")
        self.port = free_port()
        (self.dir / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; pid {self.dir}/pid; error_log {self.dir}/error.log;\n"
            f"events {{ worker_connections 1024; }}\n"
            f"http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p;\n"
            f"fastcgi_temp_path {self.dir}/f; uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;\n"
            f"server {{ listen 127.0.0.1:{self.port}; location / {{ default_type application/json; {self.answer} }} }} }}\n")
        self.process = subprocess.Popen(["nginx", "-c", self.dir / "nginx.conf", "-e", self.dir / "error.log"])
        until("nginx listening", lambda: listens(self.port))
        return self

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


def met(goal, value):
    """Whether a goal like "<= 1.5 ms" holds; None when it says no number."""
    found = re.match(r"([<>]=|≤|≥)\s*([\d.]+)", goal)
    if not found:
        return None
    bound = float(found[2])
    return value <= bound if found[1] in ("<=", "≤") else value >= bound


def row(name, against, goal, values):
    """A line of the table: the median of the pairs' values, the lowest and the highest."""
    values = sorted(values)
    median = statistics.median(values)
    return {"row": name, "against": against, "goal": goal, "median": rounded(median), "lowest": rounded(values[0]),
            "highest": rounded(values[-1]), "met": met(goal, median)}


def not_measured(name, against, goal, why):
    return {"row": name, "against": against, "goal": goal, "why": why}


def rounded(value):
    return float(f"{value:.3g}")


def report_rows(name, rows, figures):
    """Prints all there is to read, and as the last line what `./dev bench` makes its table of."""
    print(json.dumps({"bench": name, "rows": rows, "figures": figures, "machine": machine()}, indent=1))
    print(json.dumps({"bench": name, "rows": rows, "seconds": round(time.monotonic() - STARTED)}), flush=True)


def report(name, goal, ratios, figures, against="see bench/README.md"):
    report_rows(name, [row(name, against, goal, ratios)], figures)


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}
