# SPDX-License-Identifier: Apache-2.0
"""./dev demo --csv: somebody's own recording through the same way, as fast as it goes, judged against labelled windows."""
import csv
import datetime
import json
import pathlib
import time

import page
from session import EXAMPLES, NoAnswer, Refusal, Refused, Session, tell
from verdict import Verdict

BATCH = 1000
ASSET = "recording"
OUTPUTS = {"anomalyScore": "Anomaly Score", "warningLevel": "Warning Level"}


def read_moment(text):
    """Milliseconds: of a number (seconds or milliseconds since 1970), or of a date and time (UTC unless it says)."""
    text = text.strip()
    try:
        number = float(text)
        return int(number if abs(number) > 1e11 else number * 1000)
    except ValueError:
        moment = datetime.datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp() * 1000)


def read_recording(path):
    """[(ms, value)] in order of the file; a first line that is no reading is a header."""
    readings = []
    try:
        with open(path, newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                try:
                    if row:
                        readings.append((read_moment(row[0]), float(row[1])))
                except (ValueError, IndexError, OverflowError):
                    if number > 1:
                        raise Refused(f"{path}:{number}: {','.join(row)[:60]!r} is not 'timestamp,value'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read {path}: {error}") from None
    if not readings:
        raise Refused(f"{path}: no line 'timestamp,value' in it")
    return readings


def read_windows(path, recording):
    """[(from ms, to ms)]: a list of pairs, or an object of such lists by file name."""
    try:
        document = json.loads(pathlib.Path(path).read_text())
        if isinstance(document, dict):
            name = pathlib.Path(recording).name
            document = next((v for k, v in document.items() if pathlib.PurePath(k).name == name), None)
            if document is None:
                raise Refused(f"{path}: no windows of {name} in it")
        return [(read_moment(str(began)), read_moment(str(ended))) for began, ended in document]
    except (OSError, ValueError, TypeError, OverflowError) as error:
        raise Refused(f"{path}: expected JSON [[\"from\", \"to\"], ...]: {error}") from None


def manifest():
    document = json.loads((EXAMPLES / "robot-arm-anomaly.json").read_text())
    document = document.get("manifest", document)
    return document | {"name": "recording-anomaly", "description": "Watches a recording", "inputs": [{"dataColumnName": "value", "readAsString": False}]}


def moment(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")


def span(ms):
    hours = ms / 3_600_000
    return f"{hours:.1f} h" if hours >= 1 else f"{ms / 1000:.1f} s"


def send(client, samples):
    for _ in range(60):
        try:
            return client.send(samples, timeout=60)
        except NoAnswer:
            time.sleep(0.5)
        except Refusal as refusal:
            if refusal.status not in (429, 503):
                raise
            time.sleep(0.5)
    raise Refused("the data collector does not answer: the recording cannot be sent")


def run(given, take_away, page_path):
    readings = read_recording(given.csv)
    windows = read_windows(given.labels, given.csv) if given.labels else []
    with Session(given.dir) as session:
        tell(f"1  {len(readings)} readings of {pathlib.Path(given.csv).name}, {moment(readings[0][0])} to {moment(readings[-1][0])}")
        asset = f"{ASSET}-{int(time.time())}"  # one of its own: readings of earlier replays do not mix in
        session.define({"id": "recording", "name": "A recording", "attributes": [], "telemetries": [
            {"name": "Value", "type": "number"}, {"name": "Anomaly Score", "type": "number"}, {"name": "Warning Level", "type": "string"}]},
            [{"id": asset, "name": pathlib.Path(given.csv).name[:100], "type": "recording", "attributes": {}}])
        sides = lambda pairs: {column: {"asset": asset, "telemetry": name} for column, name in pairs.items()}
        name = session.submit(manifest(), {"inputs": sides({"value": "Value"}), "outputs": sides(OUTPUTS)})
        session.deploy(name)
        tell(f"2  {name} is deployed; replaying as fast as it goes")
        began = time.monotonic()
        for i in range(0, len(readings), BATCH):
            answer = send(session.client, [{"asset": asset, "time": ms, "values": {"Value": value}} for ms, value in readings[i:i + BATCH]])
            if answer.get("rejected"):
                raise Refused(f"readings were refused: {answer['rejected'][0]}")
        levels, scores, whole = collect(session.client, asset, readings)
        took = time.monotonic() - began
        tell(f"3  {len(scores)} scores after {took:.1f} s, {len(readings) / took:.0f} readings a second")
        verdict = Verdict([(f"window {i}", "recording", *window) for i, window in enumerate(windows, 1)], {"recording": levels})
        tell("\n" + "\n".join(verdict.table(moment, span)))
        for series, first, last in verdict.false[:30]:
            tell(f"  false warning: {moment(first)} to {moment(last)}")
        write_page(page_path(given, session), given, verdict, readings, scores, levels, windows)
        gone = take_away(session, [name])
    return 0 if whole and gone else 1


def collect(client, asset, readings):
    """Waits until every reading's level is stored. History keeps one value for a moment, so moments are counted."""
    moments = {ms for ms, _ in readings}
    low, high = min(moments), max(moments) + 1
    deadline, before = time.monotonic() + 60, -1
    while True:
        levels = client.points(asset, "Warning Level", low, high)
        if len(levels) >= len(moments):
            break
        if len(levels) > before:
            before, deadline = len(levels), time.monotonic() + 60
        if time.monotonic() > deadline:
            tell(f"   only {len(levels)} of {len(moments)} levels arrived")
            break
        time.sleep(0.5)
    return levels, client.points(asset, "Anomaly Score", low, high), len(levels) >= len(moments)


def write_page(target, given, verdict, readings, scores, levels, windows):
    low, high = min(ms for ms, _ in readings), max(ms for ms, _ in readings)
    card = page.Card(pathlib.Path(given.csv).name, f"{len(readings)} readings", low, high, moment)
    card.curve("Value", sorted(readings), "var(--data)", tall=150)
    card.curve("Anomaly Score", scores, "var(--score)", 0, 1, 80)
    card.levels(page.runs(levels))
    for i, (began, ended) in enumerate(windows, 1):
        card.fault(f"window {i}", began, ended)
    page.write(target, "Outrigger: a recording, watched", f"{pathlib.Path(given.csv).name}, replayed as fast as it goes", verdict, [card], moment, span)
    tell(f"  page with plots: {target}")
