#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sample acknowledged -> its output readable in `out` (read_committed) at 100 rec/s, against the same hops bare."""
import json
import os
import subprocess
import sys

from _side import BIN, LONGER, System, free_port, listens, report_rows, row, until

RATE, SECONDS, PAIRS = 100, 10 * LONGER, 3
BARE = "produce, consume, POST and one transaction bare"
WARM_UP = 40  # seconds: a fresh broker compiles its own code for about as long
MODEL = """#!/usr/bin/python3
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def answer(self):
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        out = json.dumps({"outputs": [{"assetId": d["assetId"], "columns": {"score": [0.5] * len(d["time"])}}
                                      for d in request.get("data", [])]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_POST = answer
    log_message = lambda *a: None
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def run(*words):
    done = subprocess.run([BIN / "bench_sample_to_output", *map(str, words)], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"bench_sample_to_output {words[2]}: {done.stderr.decode()[-500:]}")
    return json.loads(done.stdout)


def main():
    with System() as system:
        system.deploy("constant", MODEL, ["m1"])
        folder = system.dir / "bare"
        folder.mkdir()
        (folder / "run").write_text(MODEL)
        bare_port = free_port()
        model = subprocess.Popen([sys.executable, folder / "run"], env=os.environ | {"PORT": str(bare_port)})
        try:
            until("the bare model listening", lambda: listens(bare_port))
            brokers = system.env["OUTRIGGER_KAFKA"]

            def pair(seconds):
                ours = run(brokers, 0, "outrigger", RATE, seconds, system.env["OUTRIGGER_DATA_COLLECTOR"],
                           system.env["OUTRIGGER_TOKEN"], "m1", "default")
                return ours, run(brokers, bare_port, "bare", RATE, seconds)

            pair(WARM_UP)
            pairs = [pair(SECONDS) for _ in range(PAIRS)]
        finally:
            model.terminate()
            model.wait(10)
        report_rows("sample_to_output",
                    [row(f"acknowledged to output at {RATE} rec/s, p50", BARE, "<= 1.5", [a["p50_ms"] / b["p50_ms"] for a, b in pairs]),
                     row(f"acknowledged to output at {RATE} rec/s, p99", BARE, "<= 2", [a["p99_ms"] / b["p99_ms"] for a, b in pairs])],
                    [{"outrigger": a, "bare": b} for a, b in pairs])


main()
