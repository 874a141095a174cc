#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev demo: a model watches five robot arms and this computer. See ./dev demo --help."""
import argparse
import json
import signal
import sys
import time

import page
import replay
from session import CHECKOUT, EXAMPLES, NoAnswer, Refusal, Refused, Session, tell
from simulator import ARMS, TYPE, Arm, Computer, faults_for
from verdict import Verdict
from view import View

RATE = 4  # readings a second of each arm
STORED = 600  # readings each arm had stored before the demo, uploaded first: the model learns from them
GRACE_MS = 8_000  # after a fault the readings find back to normal: no false warning
ARM_OUTPUTS = {"anomalyScore": "Anomaly Score", "warningLevel": "Warning Level"}


def arguments(words):
    parser = argparse.ArgumentParser(prog="./dev demo", add_help=False, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--dir", default=str(CHECKOUT / ".outrigger-demo"))
    parser.add_argument("--csv")
    parser.add_argument("--labels")
    parser.add_argument("--page")

    def fault(message):
        raise Refused(f"{message} (see ./dev demo --help)")
    parser.error = fault
    given = parser.parse_args(words)
    if not 20 <= given.seconds <= 86_400:
        fault(f"--seconds {given.seconds:g}: 20 to 86400")
    if given.labels and not given.csv:
        fault("--labels goes with --csv")
    return given


def side(pairs, **target):
    return {column: target | {"telemetry": telemetry} for column, telemetry in pairs.items()}


def arm_manifest():
    return json.loads((EXAMPLES / "robot-arm-anomaly.json").read_text())


def computer_manifest(telemetries):
    """The same image for another machine: only the columns differ."""
    manifest = json.loads((EXAMPLES / "robot-arm-anomaly.json").read_text())
    manifest = manifest.get("manifest", manifest)
    columns = [{"dataColumnName": column(name), "readAsString": False} for name in telemetries]
    return manifest | {"name": "computer-anomaly", "description": "Watches this computer", "inputs": columns}


def column(telemetry):
    first, *rest = telemetry.split()
    return first.lower() + "".join(rest)


class Demo:
    def __init__(self, session, given):
        self.session, self.client, self.given = session, session.client, given
        self.faults = faults_for(given.seconds)
        self.arms = [Arm(name, self.faults) for name in ARMS]
        self.computer = Computer()
        self.sent = {name: {} for name in (*ARMS, "this-computer")}  # asset -> {ms: values}
        self.start = 0  # ms of the stream's first moment

    def define(self):
        tell("1  five robot arms and this computer become assets")
        self.session.define(TYPE, [{"id": name, "name": f"Robot arm {name}", "type": "robot-arm", "attributes": {"hall": "A" if name < "Y" else "B"}}
                                   for name in ARMS])
        telemetries = [{"name": name, "type": "number", "unit": unit} for name, unit in self.computer.telemetries().items()]
        telemetries += [{"name": "Anomaly Score", "type": "number"}, {"name": "Warning Level", "type": "string"}]
        kind = "computer-" + "-".join(name[0].lower() for name in self.computer.telemetries())
        self.session.define({"id": kind, "name": "Computer", "attributes": [], "telemetries": telemetries},
                            [{"id": "this-computer", "name": "This computer", "type": kind, "attributes": {}}])

    def deploy(self):
        manifest = arm_manifest()
        manifest = manifest.get("manifest", manifest) | {"name": "robot-arm-anomaly"}
        container = manifest["model"]["container"]
        tell(f"2  the model {manifest['name']} is submitted as a manifest: image {container['image']}:{container.get('tag', 'latest')}, "
             f"inputs {', '.join(c['dataColumnName'] for c in manifest['inputs'])}")
        arms = self.session.submit(manifest, {
            "inputs": side({column(t): t for t in ("Vibration", "Temperature", "Rotation")}, assetType="robot-arm"),
            "outputs": side(ARM_OUTPUTS, assetType="robot-arm")})
        telemetries = self.computer.telemetries()
        computer = self.session.submit(computer_manifest(telemetries), {
            "inputs": side({column(t): t for t in telemetries}, asset="this-computer"), "outputs": side(ARM_OUTPUTS, asset="this-computer")})
        for name, target in ((arms, "the type robot-arm"), (computer, "this computer")):
            operation = self.session.deploy(name)
            tell(f"3  {name}, mapped to {target}, is deployed: {len(operation['steps'])} steps, ACTIVE")
        return [arms, computer]

    def learn(self):
        """Uploads what the arms had stored: the same way as live readings, as fast as it goes."""
        now = int(time.time() * 1000)
        self.start = now + 2000
        step = 1000 // RATE
        stored = [self.sample(arm, -(i + 1) / RATE, self.start - (i + 1) * step) for i in range(STORED - 1, -1, -1) for arm in self.arms]
        for i in range(0, len(stored), 500):
            self.send(stored[i:i + 500])
        while self.client.latest("X1").get("Anomaly Score", {}).get("time", 0) < now - 60_000:
            if time.time() * 1000 > now + 60_000:
                raise Refused(f"no score within 60 s of the first reading (logs in {self.session.layout.logs})")
            time.sleep(0.1)
        tell(f"4  {len(stored)} stored readings uploaded; the first score is back as telemetry, "
             f"{time.monotonic() - self.session.began:.0f} s after the command")

    def sample(self, arm, seconds, ms):
        values = arm.read(seconds)
        if ms >= self.start:
            self.sent[arm.name][ms] = values
        return {"asset": arm.name, "time": ms, "values": values}

    def send(self, samples):
        """Sends until it was acknowledged: a repeat is recognised and counts once."""
        for attempt in range(60):
            try:
                return self.client.send(samples)
            except NoAnswer:
                time.sleep(0.5)
            except Refusal as refusal:
                if refusal.status not in (429, 503):
                    raise
                time.sleep(0.5)
        raise Refused("the data collector does not answer: readings cannot be sent")

    def stream(self):
        tell(f"5  {self.given.seconds:.0f} seconds of live readings, {RATE} a second of each arm")
        with View(self.client, self.faults, self.start, ARMS) as view:
            for tick in range(int(self.given.seconds * RATE)):
                seconds = tick / RATE
                pause = self.start / 1000 + seconds - time.time()
                if pause > 0:
                    time.sleep(pause)
                ms = self.start + tick * 1000 // RATE
                batch = [self.sample(arm, seconds, ms) for arm in self.arms]
                values = self.computer.read()
                self.sent["this-computer"][ms] = values
                self.send([*batch, {"asset": "this-computer", "time": ms, "values": values}])
                view.show(seconds, batch[0]["time"])

    def collect(self):
        """Waits until every reading has its score; {asset: [[ms, score]]}, {asset: [[ms, level]]}, how many are missing."""
        end = self.start + int(self.given.seconds * 1000) + 1000
        deadline = time.monotonic() + 30
        while True:
            scores = {name: self.client.points(name, "Anomaly Score", self.start, end) for name in self.sent}
            missing = sum(len(readings) - len(scores[name]) for name, readings in self.sent.items())
            if missing <= 0 or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        levels = {name: self.client.points(name, "Warning Level", self.start, end) for name in self.sent}
        return scores, levels, missing

    def moment(self, ms):
        return f"{(ms - self.start) / 1000:.1f} s"

    def report(self, scores, levels, missing):
        truth = [(f.kind, f.arm, self.start + int(f.began * 1000), self.start + int(f.ended * 1000)) for f in self.faults]
        verdict = Verdict(truth, {name: levels[name] for name in ARMS}, GRACE_MS)
        span = lambda ms: f"{ms / 1000:.1f} s"
        tell("\n" + "\n".join(verdict.table(self.moment, span)))
        own = Verdict([], {"this-computer": levels["this-computer"]})
        readings = sum(map(len, self.sent.values()))
        tell(f"  this computer: {len(own.false)} warnings of its own\n  {readings - max(0, missing)} of {readings} live readings have their score")
        target = page_path(self.given, self.session)
        cards = [self.card(name, scores[name], levels[name], truth) for name in self.sent]
        page.write(target, "Outrigger: five robot arms, watched", f"{self.given.seconds:.0f} seconds, {RATE} readings a second of each arm; "
                   "times are seconds of the stream", verdict, cards, self.moment, span)
        tell(f"  page with plots: {target}")
        return missing <= 0

    def card(self, name, scores, levels, truth):
        readings = sorted(self.sent[name].items())
        note = "this computer, as it was" if name == "this-computer" else "robot arm"
        card = page.Card(name, note, self.start, self.start + int(self.given.seconds * 1000), self.moment)
        for telemetry in readings[0][1] if readings else ():
            card.curve(telemetry, [(ms, values[telemetry]) for ms, values in readings if telemetry in values], "var(--data)")
        card.curve("Anomaly Score", scores, "var(--score)", 0, 1, 48)
        card.levels(page.runs(levels))
        for kind, arm, began, ended in truth:
            if arm == name:
                card.fault(kind, began, ended)
        return card


def page_path(given, session):
    import os
    import pathlib
    return pathlib.Path(os.path.abspath(given.page)) if given.page else session.layout.dir / "outrigger-demo.html"


def take_away(session, names):
    for name in names:
        session.remove(name)
    left = session.prove_gone(names)
    tell(f"6  withdrawn and removed: {', '.join(names)}; " + ("no process, no topic, 404 on asking" if not left else f"LEFT: {', '.join(left)}"))
    return not left


def run(given):
    with Session(given.dir) as session:
        demo = Demo(session, given)
        demo.define()
        names = demo.deploy()
        demo.learn()
        demo.stream()
        whole = demo.report(*demo.collect())
        gone = take_away(session, names)
    return 0 if whole and gone else 1


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)
    try:
        given = arguments(sys.argv[2:])
        return replay.run(given, take_away, page_path) if given.csv else run(given)
    except (Refused, Refusal, NoAnswer, TimeoutError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"dev: {error.filename or 'this machine'}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dev: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
