#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real machine's recording through ./dev demo --csv: warned in the windows that matter, quiet elsewhere."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import CHECKOUT, run

DATA = CHECKOUT / "tests/data/nab"


def replayed(change=lambda value: value):
    """The table that ./dev demo --csv prints for the recording with each value changed."""
    own = pathlib.Path(tempfile.mkdtemp(prefix="outrigger-recording-"))
    own.chmod(0o755)
    try:
        lines = gzip.decompress((DATA / "machine_temperature_system_failure.csv.gz").read_bytes()).decode().splitlines()
        rows = [line.split(",") for line in lines[1:]]
        name = own / "machine_temperature_system_failure.csv"
        name.write_text("timestamp,value\n" + "".join(f"{moment},{change(float(value))!r}\n" for moment, value in rows))
        done = subprocess.run([str(CHECKOUT / "dev"), "demo", "--csv", str(name), "--labels", str(DATA / "windows.json"), "--dir", str(own / "dir")],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
                              env={k: v for k, v in os.environ.items() if k != "OUTRIGGER_DIR"})
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout
    finally:
        shutil.rmtree(own, ignore_errors=True)


def the_recording_is_warned_of_where_it_matters_and_quiet_elsewhere():
    said = replayed()
    print(said)
    for window in (2, 4):
        assert re.search(rf"window {window} .*\d{{4}}-\d\d-\d\d \d\d:\d\d +\d{{4}}-", said), f"window {window} was missed"
    false = int(re.search(r"false warnings: (\d+)", said)[1])
    flagged = float(re.search(r"flagged: .*\(([\d.]+) %\)", said)[1])
    assert false <= 10, f"{false} warnings outside all windows"
    assert flagged <= 2, f"{flagged} % of the readings flagged"


if __name__ == "__main__":
    run(the_recording_is_warned_of_where_it_matters_and_quiet_elsewhere)
