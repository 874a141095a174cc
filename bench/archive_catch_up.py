#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""After PostgreSQL was away: how fast the archive works off what waits while samples keep coming, over the rate of these."""
import threading
import time

from _archive import archived, backlog, frozen_postgres, psql
from _side import System, report, until

RATE, WAITING, ROUNDS = 500, 150_000, 3


class Arrivals(threading.Thread):
    """Samples through data_collector at RATE until told to end."""

    def __init__(self, system, first):
        super().__init__(daemon=True)
        self.system, self.first, self.sent, self.ended = system, first, 0, threading.Event()
        self.start()

    def run(self):
        began, step = time.monotonic(), RATE // 10
        while not self.ended.wait(max(0, began + self.sent / RATE - time.monotonic())):
            self.system.call("POST", "/telemetry", [{"asset": "m0", "time": self.first + self.sent + i, "values": {"Temperature": 20}}
                                                    for i in range(step)], "DATA_COLLECTOR")
            self.sent += step

    def end(self):
        self.ended.set()
        self.join(30)
        return self.sent


def catch_up(system, first):
    before = archived(system)
    with frozen_postgres(system):
        backlog(system, first, WAITING)
        arrivals = Arrivals(system, first + WAITING)
        until("samples coming in without PostgreSQL", lambda: arrivals.sent >= RATE, 30)
    began = time.monotonic()
    until("the archive caught up", lambda: archived(system) - before >= WAITING + arrivals.sent - RATE // 5, 300)
    seconds, done = time.monotonic() - began, archived(system) - before
    sent = arrivals.end()
    until("all archived", lambda: archived(system) - before >= WAITING + sent, 60)
    count = int(psql(system, f"SELECT count(*) FROM telemetry_history WHERE tenant = 'default' AND time >= {first} "
                             f"AND time < {first + WAITING + sent}"))
    if count != WAITING + sent:
        raise SystemExit(f"bench: {count} of {WAITING + sent} samples are in history")
    return {"waiting": WAITING, "seconds": round(seconds, 2), "archived_per_second": round(done / seconds), "arriving_per_second": RATE}


def main():
    with System() as system:
        system.call("POST", "/asset-types", {"id": "machine", "name": "machine", "telemetries": [{"name": "Temperature", "type": "number"}]})
        system.call("POST", "/assets", {"id": "m0", "name": "m0", "type": "machine", "attributes": {}})
        first = int(time.time() * 1000) // 86_400_000 * 86_400_000 - 86_400_000  # yesterday
        rounds = [catch_up(system, first + i * 2 * WAITING) for i in range(ROUNDS)]
        report("archive_catch_up", ">= 5", [r["archived_per_second"] / RATE for r in rounds], {"rounds": rounds})


main()
