# SPDX-License-Identifier: Apache-2.0
"""What the benches share: a running system of their own, processes to start, CPU time, pairwise ratios."""
import json
import os
import pathlib
import platform
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
BIN = TOP / "build/release/bin"


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
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outrigger-bench-"))
        self.dir.chmod(0o755)
        subprocess.run([TOP / "dev", "up", "--dir", self.dir], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
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

    def port(self, service):
        return int(self.env["OUTRIGGER_" + service].rsplit(":", 1)[1])


class Nginx:
    """One worker that answers every POST alike."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outrigger-nginx-"))
        self.dir.chmod(0o755)
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


def report(name, goal, ratios, figures):
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    print(json.dumps({"bench": name, "ratio": round(statistics.median(ratios), 3), "min": round(min(ratios), 3),
                      "max": round(max(ratios), 3), "goal": goal, "figures": figures,
                      "machine": {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}}, indent=1))
