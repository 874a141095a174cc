#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /telemetry, one record a request, against nginx `return 202` with the same body, in requests a CPU-second."""
import json
import subprocess
import sys
import time

from _side import BIN, LONGER, Nginx, System, cpu_seconds, report

SECONDS, CONNECTIONS, PAIRS = 4 * LONGER, 32, 3


def request(port, path, token, asset):
    body = json.dumps({"asset": asset, "time": int(time.time() * 1000), "values": {"Temperature": 21.5, "Vibration": 0.42}})
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def run(port, text, pids, seconds=SECONDS):
    before = cpu_seconds(*pids)
    done = subprocess.run([BIN / "bench_load", str(port), str(CONNECTIONS), str(seconds), "202"], input=text, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    result = json.loads(done.stdout)
    result["per_cpu_second"] = result["requests"] / max(cpu_seconds(*pids) - before, 0.01)
    return result


def main():
    with System() as system, Nginx('return 202 \'{"accepted":1}\';') as nginx:
        system.call("POST", "/asset-types", {"id": "machine", "name": "machine", "telemetries": [
            {"name": "Temperature", "type": "number"}, {"name": "Vibration", "type": "number"}]})
        system.call("POST", "/assets", {"id": "m1", "name": "m1", "type": "machine", "attributes": {}})
        port = system.port("DATA_COLLECTOR")
        ours = request(port, "/api/v1/telemetry", system.env["OUTRIGGER_TOKEN"], "m1")
        pid = [int(system.env["OUTRIGGER_PID_DATA_COLLECTOR"])]
        run(port, ours, pid, 1)
        pairs = [(run(port, ours, pid), run(nginx.port, ours, nginx.pids())) for _ in range(PAIRS)]
        report("post_telemetry", ">= 0.5", [a["per_cpu_second"] / b["per_cpu_second"] for a, b in pairs],
               [{"outrigger": a, "nginx": b} for a, b in pairs], "nginx `return 202`, requests a CPU-second")


main()
