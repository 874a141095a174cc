#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sample acknowledged -> visible in history (PostgreSQL) at 100 rec/s, against the same hops bare."""
from _side import LONGER, System, ask, report_rows, row

RATE, SECONDS, PAIRS, WARM_UP = 100, 6 * LONGER, 3, 20
BARE = "produce, consume, COPY with the offset in one transaction"


def main():
    with System() as system:
        system.call("POST", "/asset-types", {"id": "machine", "name": "machine", "telemetries": [{"name": "Temperature", "type": "number"}]})
        system.call("POST", "/assets", {"id": "m1", "name": "m1", "type": "machine", "attributes": {}})
        common = [system.env["OUTRIGGER_KAFKA"], system.postgres()]

        def pair(seconds):
            ours = ask("sample_to_history", *common, "outrigger", RATE, seconds, system.env["OUTRIGGER_DATA_COLLECTOR"],
                       system.env["OUTRIGGER_TOKEN"], "m1")
            return ours, ask("sample_to_history", *common, "bare", RATE, seconds)

        pair(WARM_UP)
        pairs = [pair(SECONDS) for _ in range(PAIRS)]
        report_rows("sample_to_history",
                    [row(f"acknowledged to history at {RATE} rec/s, p50", BARE, "<= 1.5", [a["p50_ms"] / b["p50_ms"] for a, b in pairs]),
                     row(f"acknowledged to history at {RATE} rec/s, p99", BARE, "<= 2", [a["p99_ms"] / b["p99_ms"] for a, b in pairs])],
                    [{"outrigger": a, "bare": b} for a, b in pairs])


main()
