#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Values a second into history while the archive works off what waits in Kafka, against a bare COPY of the same rows into
an identical table."""
import time

from _archive import ASSETS, archived, backlog, frozen_postgres, psql, rows_of
from _side import System, report, until

ROWS, PAIRS = 200_000, 3


def ours(system, first):
    before = archived(system)
    with frozen_postgres(system):
        backlog(system, first, ROWS)
    began = time.monotonic()
    until("the backlog archived", lambda: archived(system) - before >= ROWS, 300)
    seconds = time.monotonic() - began
    count = int(psql(system, f"SELECT count(*) FROM telemetry_history WHERE tenant = 'default' AND time >= {first} AND time < {first + ROWS}"))
    if count != ROWS:
        raise SystemExit(f"bench: {count} of {ROWS} rows are in history")
    return ROWS / seconds


def bare(system, first):
    """The same rows, ready as text, by one COPY in one transaction."""
    rows = system.dir / "rows.copy"
    with rows.open("w") as out:
        out.writelines(f"default\t{asset}\tTemperature\t{at}\t{value}\t\\N\t\\N\n" for asset, at, value in rows_of(first, ROWS))
    psql(system, "DROP TABLE IF EXISTS bare", "CREATE TABLE bare (LIKE telemetry_history INCLUDING ALL) PARTITION BY RANGE (time)",
         "CREATE TABLE bare_day PARTITION OF bare DEFAULT")
    began = time.monotonic()
    psql(system, f"\\copy bare FROM '{rows}'")
    seconds = time.monotonic() - began
    count = int(psql(system, "SELECT count(*) FROM bare"))
    if count != ROWS:
        raise SystemExit(f"bench: {count} of {ROWS} rows were copied")
    return ROWS / seconds


def main():
    with System() as system:
        first = int(time.time() * 1000) // 86_400_000 * 86_400_000 - 86_400_000  # yesterday
        pairs = []
        for pair in range(PAIRS + 1):  # the first one warms up
            at = first + pair * ROWS
            pairs.append((ours(system, at), bare(system, at)))
        report("archive", ">= 0.7", [a / b for a, b in pairs[1:]],
               {"rows": ROWS, "assets": ASSETS, "rows_per_second": [{"archive": round(a), "copy": round(b)} for a, b in pairs[1:]]})


main()
