# SPDX-License-Identifier: Apache-2.0
"""What the demo and the replay do alike: bring Outrigger up, submit and deploy a model, take it away again."""
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
import up
from client import Client, NoAnswer, Refusal
from layout import CHECKOUT, Layout, Refused
from processes import environment, pids

EXAMPLES = CHECKOUT / "manifests" / "examples"


def tell(text=""):
    print(text, flush=True)


class Session:
    """One running Outrigger for the length of the demo; what was up before stays up."""

    def __init__(self, directory):
        self.layout = Layout(pathlib.Path(os.path.abspath(directory)).resolve())
        self.was_up = bool((self.layout.dir / "run").is_dir() and up.supervisor_of(self.layout))
        self.began = time.monotonic()
        self.models, self.client = [], None

    def __enter__(self):
        try:
            up.up(["--dir", str(self.layout.dir)])
            self.client = Client(self.layout.dir)
            return self
        except BaseException:
            self.__exit__(None)
            raise

    def __exit__(self, kind, *_):
        if self.client:
            for name in list(self.models):
                try:
                    self.remove(name)
                except (Refusal, NoAnswer, TimeoutError, Refused) as error:
                    tell(f"  {name} could not be removed: {error}")
        if not self.was_up and (self.layout.dir / "run").is_dir():
            up.down(["--dir", str(self.layout.dir)])

    def define(self, type_document, assets):
        """Makes the type and its assets; what an earlier run left is used again."""
        self.either_way("POST", "/asset-types", type_document)
        for asset in assets:
            self.either_way("POST", "/assets", asset)

    def either_way(self, method, path, document):
        try:
            self.client.api(method, path, document)
        except Refusal as refusal:
            if refusal.status != 409:
                raise

    def submit(self, manifest, mapping):
        """A model in DRAFT with its mapping. One of the same name that a broken-off run left in our own DIR goes first."""
        name = manifest["name"]
        try:
            self.client.model(name)
        except Refusal:
            pass
        else:
            if self.was_up:
                raise Refused(f"a model {name} is in {self.layout.dir} already: withdraw and remove it, or leave --dir out")
            self.remove(name)
        self.client.api("POST", "/models", manifest)
        self.models.append(name)
        self.client.api("PUT", f"/models/{name}/mappings", mapping)
        return name

    def deploy(self, name):
        answer = self.client.api("POST", f"/models/{name}/deploy")
        operation = self.client.operation(answer)
        if operation["status"] != "DONE":
            raise Refused(f"{name} could not be deployed: {operation.get('error')} (logs in {self.layout.logs})")
        return operation

    def remove(self, name):
        """Withdraws and removes; returns when the model answers 404."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                state = self.client.model(name)["status"]["state"]
                if state == "DRAFT":
                    self.client.api("DELETE", f"/models/{name}")
                elif state not in ("WITHDRAWING", "REMOVING", "HALTING"):
                    self.client.operation(self.client.api("POST", f"/models/{name}/withdraw"))
            except Refusal as refusal:
                if refusal.status == 404:
                    if name in self.models:
                        self.models.remove(name)
                    return
                if refusal.status != 409:
                    raise
            time.sleep(0.1)
        raise TimeoutError(f"{name} was not gone after 120 s")

    def leftovers(self, names):
        """What still exists of these models outside the database: processes and topics."""
        found = [f"process {pid}" for pid in pids() if environment(pid).get("OUTRIGGER_MODEL") in names
                 and str(self.layout.dir) in (environment(pid).get("HOME", ""), *working(pid))]
        listing = subprocess.run(["kcat", "-b", self.client.env["OUTRIGGER_KAFKA"], "-L", "-J", "-q"], capture_output=True, timeout=30, check=False)
        topics = [t["topic"] for t in json.loads(listing.stdout)["topics"]] if listing.returncode == 0 else ["?"]
        return found + [f"topic {t}" for t in topics if t == "?" or (t.startswith("feed.") and set(t.split(".")) & set(names))]

    def prove_gone(self, names):
        deadline = time.monotonic() + 10  # Kafka deletes topics in its own time
        while (left := self.leftovers(names)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


def working(pid):
    from processes import working_directory
    path = working_directory(pid)
    return [str(parent) for parent in pathlib.Path(path).parents] if path else []
