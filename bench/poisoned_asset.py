#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One asset of 1,000 fails every request it is in: p99 of the other 999, sample in Kafka -> output written, against the same without."""
import json
import statistics
import subprocess
import time

from _side import LONGER, System, report, until

ASSETS, RATE, SECONDS, WARM_UP, PAIRS = 1000, 500, int(20 * LONGER), 40, 3
MODEL = """#!/usr/bin/python3
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
SICK = FLAG
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def answer(self):
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        data = request.get("data", [])
        sick = any(d["assetId"] == "a0" for d in data) and os.path.exists(SICK)
        out = json.dumps({"outputs": [{"assetId": d["assetId"], "columns": {"score": [0.5] * len(d["time"])}} for d in data]}).encode()
        self.send_response(500 if sick else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_POST = answer
    log_message = lambda *a: None
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def stream(system, first, seconds):
    """Sends at RATE; returns the times that were sent, of all assets but a0."""
    sent, began, step = set(), time.monotonic(), RATE // 10
    for turn in range(seconds * 10):
        batch = [{"asset": f"a{(turn * step + i) % ASSETS}", "time": first + turn * step + i, "values": {"Temperature": 20 + i % 7}}
                 for i in range(step)]
        system.call("POST", "/telemetry", batch, "DATA_COLLECTOR")
        sent |= {s["time"] for s in batch if s["asset"] != "a0"}
        time.sleep(max(0, began + (turn + 1) / 10 - time.monotonic()))
    return sent


def records(system, topic):
    """(time, arrival in Kafka) of each row of a topic."""
    done = subprocess.run(["kcat", "-b", system.env["OUTRIGGER_KAFKA"], "-C", "-e", "-q", "-t", topic, "-f", "%T %s\\n",
                           "-X", "isolation.level=read_committed"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        arrived, text = line.split(" ", 1)
        value = json.loads(text)
        if topic == "telemetry" and "Temperature" not in value["values"]:
            continue
        for at in value["time"] if isinstance(value["time"], list) else [value["time"]]:
            yield at, int(arrived)


def p99(system, seconds):
    first = int(time.time() * 1000) - 10**7
    sent = stream(system, first, seconds)
    until("all outputs", lambda: sent <= {at for at, _ in records(system, "out.default")}, 60)
    came, said = dict(records(system, "telemetry")), dict(records(system, "out.default"))
    took = sorted(said[at] - came[at] for at in sent)
    return took[len(took) * 99 // 100]


def main():
    with System() as system:
        flag = system.dir / "sick"
        system.deploy("sick", MODEL.replace("FLAG", repr(str(flag))), [f"a{i}" for i in range(ASSETS)])
        p99(system, WARM_UP)
        pairs = []
        for _ in range(PAIRS):
            flag.touch()
            failing = p99(system, SECONDS)
            flag.unlink()
            until("nothing parked", lambda: system.call("GET", "/models/sick")["status"]["lag"] == 0, 60)
            pairs.append((failing, p99(system, SECONDS)))
        report("poisoned_asset", "p99 <= 1.5", [a / b for a, b in pairs],
               {"p99_ms": [{"one fails": a, "none fails": b} for a, b in pairs], "median_ms": statistics.median(b for _, b in pairs)},
               "itself while no asset fails")


main()
