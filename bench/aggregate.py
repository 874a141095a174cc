#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET of an aggregate by hour over a month of one series at 1 s (2.6 million values), against the bare SQL."""
import math
import os
import re
import time

from _archive import psql
from _side import System, report

os.environ["OUTRIGGER_DATA_PUSHER_MAX_QUERY_ROWS"] = "5000000"
DAY, DAYS, PAIRS = 86_400_000, 30, 5
HOUR = 3_600_000


def fill(system, first):
    for day in range(DAYS):
        psql(system, f"SELECT outrigger_make_history_day({first + day * DAY})")
    psql(system, "INSERT INTO telemetry_history (tenant, asset, telemetry, time, number) SELECT 'default', 'm1', 'Temperature', "
                 f"t, (t / 1000 % 997) / 8.0 FROM generate_series({first}::bigint, {first + DAYS * DAY - 1}::bigint, 1000) t",
         "VACUUM ANALYZE telemetry_history")


def ours(system, first):
    began = time.monotonic()
    answer = system.call("GET", f"/assets/m1/telemetry/Temperature?from={first}&to={first + DAYS * DAY}&aggregate=avg&interval={HOUR}&limit=1000",
                         service="DATA_PUSHER")
    return time.monotonic() - began, answer["points"]


def bare(system, first):
    said = psql(system, "\\timing on", f"SELECT time / {HOUR} * {HOUR}, avg(number) FROM telemetry_history WHERE tenant = 'default' AND "
                        f"asset = 'm1' AND telemetry = 'Temperature' AND time >= {first} AND time < {first + DAYS * DAY} GROUP BY 1 ORDER BY 1")
    seconds = float(re.search(r"^Time: ([0-9.]+) ms", said, re.MULTILINE).group(1)) / 1000
    rows = [line.split("|") for line in said.splitlines() if "|" in line]
    return seconds, [[int(at), float(value)] for at, value in rows]


def same(a, b):
    return len(a) == len(b) == DAYS * 24 and all(x[0] == y[0] and math.isclose(x[1], y[1], rel_tol=1e-12) for x, y in zip(a, b))


def main():
    with System() as system:
        system.call("POST", "/asset-types", {"id": "machine", "name": "machine", "telemetries": [{"name": "Temperature", "type": "number"}]})
        system.call("POST", "/assets", {"id": "m1", "name": "m1", "type": "machine", "attributes": {}})
        first = int(time.time() * 1000) // DAY * DAY - (DAYS + 1) * DAY
        fill(system, first)
        if not same(ours(system, first)[1], bare(system, first)[1]):
            raise SystemExit("bench: the two sides disagree")
        pairs = [(ours(system, first)[0], bare(system, first)[0]) for _ in range(PAIRS)]
        report("aggregate", "<= 1.2", [a / b for a, b in pairs],
               {"values": DAYS * 86_400, "milliseconds": [{"outrigger": round(a * 1000), "sql": round(b * 1000)} for a, b in pairs]})


main()
