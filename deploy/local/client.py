# SPDX-License-Identifier: Apache-2.0
"""A small client of a running Outrigger, read from its endpoints.env. For the demo and the tests."""
import http.client
import json
import pathlib
import shlex
import threading
import time
import urllib.parse


class Refusal(Exception):
    """An answer that is not the one that was asked for. The text names request, status and body."""

    def __init__(self, method, path, status, document):
        detail = document.get("detail") or document.get("title") if isinstance(document, dict) else document
        faults = document.get("errors") if isinstance(document, dict) else None
        text = "; ".join(f"{f.get('pointer')}: {f.get('detail')}" for f in faults or []) or str(detail)[:300]
        super().__init__(f"{method} {path} answered {status}: {text}")
        self.status, self.document = status, document


class NoAnswer(Exception):
    """The connection was refused, broke or timed out: whether the request took effect is unknown."""


def read_endpoints(directory):
    words = shlex.split(pathlib.Path(directory, "endpoints.env").read_text(), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)


class Client:
    """Any thread may use it; each keeps a connection of its own to each service."""

    def __init__(self, directory, token=None):
        self.directory = pathlib.Path(directory)
        self.env = read_endpoints(directory)
        self.token = token or self.env["OUTRIGGER_TOKEN"]
        self.kept = threading.local()

    def refresh(self):
        """Reads the process ids again; addresses stay."""
        self.env = read_endpoints(self.directory)
        return self.env

    def request(self, service, method, path, body=None, headers=None, timeout=30):
        """(status, headers, bytes). Reads are repeated once when a kept connection turns out to be closed."""
        base = self.env["OUTRIGGER_" + service.upper()]
        pool = self.kept.__dict__.setdefault("pool", {})
        if method != "GET" and service == "model_api":  # rare, and not to be sent twice: on a connection of its own
            pool.pop(base, None)
        for last in (base not in pool, True):
            connection = pool.get(base) or self.connect(base)
            connection.timeout = timeout
            if connection.sock:
                connection.sock.settimeout(timeout)
            try:
                connection.request(method, path, body=body, headers=headers or {})
                answer = connection.getresponse()
                document = answer.read()
                pool[base] = connection
                return answer.status, answer.headers, document
            except (OSError, http.client.HTTPException) as error:
                pool.pop(base, None)
                connection.close()
                if last or method != "GET":
                    raise NoAnswer(f"{method} {path}: {error!r}") from None
        raise NoAnswer(f"{method} {path}")

    @staticmethod
    def connect(base):
        url = urllib.parse.urlsplit(base)
        return http.client.HTTPConnection(url.hostname, url.port)

    def call(self, service, method, path, document=None, expect=(200, 201, 202, 204), type="application/json", timeout=30, **query):
        """The answer's JSON (None when empty). Raises Refusal for another status than expected ones."""
        path = "/api/v1" + path
        if query:
            path += "?" + urllib.parse.urlencode({k.rstrip("_"): v for k, v in query.items() if v is not None})
        headers = {"Authorization": f"Bearer {self.token}"}
        body = None
        if document is not None:
            headers["Content-Type"] = type
            body = document if isinstance(document, (bytes, str)) else json.dumps(document)
            body = body.encode() if isinstance(body, str) else body
        status, _, raw = self.request(service, method, path, body, headers, timeout)
        try:
            answer = json.loads(raw) if raw else None
        except ValueError:
            answer = raw.decode("utf-8", "replace")
        if status not in expect:
            raise Refusal(method, path, status, answer)
        return answer

    def api(self, method, path, document=None, **more):
        return self.call("model_api", method, path, document, **more)

    def model(self, name):
        return self.api("GET", f"/models/{name}")

    def operation(self, answer, within=120, on_step=lambda step: None):
        """Waits for the end of an operation that was accepted with 202; returns it."""
        deadline, told = time.monotonic() + within, set()
        while True:
            operation = self.api("GET", f"/operations/{answer['operation']}")
            for step in operation["steps"]:
                if step["status"] == "DONE" and step["name"] not in told:
                    told.add(step["name"])
                    on_step(step)
            if operation["status"] != "RUNNING":
                return operation
            if time.monotonic() > deadline:
                raise TimeoutError(f"operation {answer['operation']} still runs after {within} s: {operation}")
            time.sleep(0.1)

    def send(self, samples, timeout=30):
        """Posts telemetry; returns the answer (accepted, perhaps rejected)."""
        return self.call("data_collector", "POST", "/telemetry", samples, expect=(202, 207), timeout=timeout)

    def points(self, asset, telemetry, since, until, **query):
        """[[ms, value]] of since <= time < until, oldest first."""
        path = f"/assets/{urllib.parse.quote(asset, safe='')}/telemetry/{urllib.parse.quote(telemetry, safe='')}"
        return self.pages("data_pusher", path, "points", **{"from_": since, "to": until, "order": "asc", **query})

    def outputs(self, model, since, until, **query):
        return self.pages("data_pusher", f"/models/{model}/outputs", "items", **{"from_": since, "to": until, **query})

    def pages(self, service, path, key, **query):
        found, more = [], None
        while True:
            page = self.call(service, "GET", path, **{"limit": 1000, **query}, **({"continue": more} if more else {}))
            found += page[key]
            more = page.get("continue")
            if not more:
                return found

    def latest(self, asset):
        return self.call("data_pusher", "GET", f"/assets/{urllib.parse.quote(asset, safe='')}/latest")["values"]
