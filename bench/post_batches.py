#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /telemetry with 100 records a request, against a loop that only parses and produces them, in records a CPU-second."""
import json
import resource
import subprocess
import sys
import time

from _side import BIN, LONGER, System, ask, cpu_seconds, report

SECONDS, RECORDS, ASSETS, PAIRS = 4 * LONGER, 100, 10, 3


def body():
    now = int(time.time() * 1000) - RECORDS
    return json.dumps([{"asset": f"m{i % ASSETS}", "time": now + i, "values": {"Temperature": 21.5, "Vibration": 0.42}}
                       for i in range(RECORDS)])


def ours(system, pid, seconds):
    port, text = system.port("DATA_COLLECTOR"), body()
    request = (f"POST /api/v1/telemetry HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {system.env['OUTRIGGER_TOKEN']}\r\n"
               f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}").encode()
    before = cpu_seconds(pid)
    done = subprocess.run([BIN / "bench_load", str(port), "32", str(seconds), "202"], input=request, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return json.loads(done.stdout)["requests"] * RECORDS / (cpu_seconds(pid) - before)


def floor(system, seconds):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    records = ask("parse_produce", system.env["OUTRIGGER_KAFKA"], "bench-batches", seconds, input=body())["records"]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return records / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main():
    with System() as system:
        system.call("POST", "/asset-types", {"id": "machine", "name": "machine", "telemetries": [
            {"name": "Temperature", "type": "number"}, {"name": "Vibration", "type": "number"}]})
        system.call("POST", "/assets", [{"id": f"m{i}", "name": f"m{i}", "type": "machine", "attributes": {}} for i in range(ASSETS)])
        ask("flow", system.env["OUTRIGGER_KAFKA"], "topics", "bench-batches")
        pid = int(system.env["OUTRIGGER_PID_DATA_COLLECTOR"])
        ours(system, pid, 2), floor(system, 2)
        pairs = [(ours(system, pid, SECONDS), floor(system, SECONDS)) for _ in range(PAIRS)]
        report("post_batches", ">= 0.6", [a / b for a, b in pairs],
               [{"records a CPU-second": round(a), "parse and produce": round(b)} for a, b in pairs],
               "the collector's parser and librdkafka alone, records a CPU-second")


main()
