#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev up and ./dev down with real PostgreSQL and Kafka, and small stand-ins for the services."""
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "deploy/local"))
from processes import Process, command_words, pids, working_directory

SERVICES = ("model_api", "data_collector", "data_pusher", "data_companion")
STAND_IN = """#!/usr/bin/python3
import os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    log_message = lambda *a: None
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("127.0.0.1", int(flags["--admin-port"])), Handler).serve_forever()
"""


def until(probe, within=20):
    deadline = time.monotonic() + within
    while not (saw := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; saw {saw!r}")
        time.sleep(0.05)
    return saw


class Directory:
    """One DIR under test."""

    def __init__(self, build):
        self.dir = tempfile.mkdtemp(prefix="outrigger-supervisor-")
        self.build = build

    def dev(self, *words):
        with tempfile.TemporaryFile() as said:
            code = subprocess.run([str(CHECKOUT / "dev"), *words, "--dir", self.dir], stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, timeout=200, env=os.environ | {"OUTRIGGER_BUILD": self.build}, check=False).returncode
            said.seek(0)
            return code, said.read().decode()

    def up(self):
        code, said = self.dev("up")
        assert code == 0, said
        return self

    def down(self):
        code, said = self.dev("down")
        assert code == 0, said

    def env(self):
        words = shlex.split(pathlib.Path(self.dir, "endpoints.env").read_text())
        return dict(word.split("=", 1) for word in words)

    def pid(self, service):
        return int(self.env()[f"OUTRIGGER_PID_{service.upper()}"])

    def supervisor(self):
        return int(pathlib.Path(self.dir, "run/supervisor.lock").read_text().split()[0])

    def processes(self):
        return [p for p in pids() if p != os.getpid() and Process.of(p)
                and (self.dir in " ".join(command_words(p)) or working_directory(p).startswith(self.dir))]


def listening(address):
    host, port = address.removeprefix("http://").split(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


class Supervisor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = tempfile.mkdtemp(prefix="outrigger-standin-")
        os.mkdir(f"{cls.build}/bin")
        for name in SERVICES:
            path = pathlib.Path(cls.build, "bin", name)
            path.write_text(STAND_IN)
            path.chmod(0o755)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.build, ignore_errors=True)

    def directory(self):
        made = Directory(self.build)
        self.addCleanup(lambda: (made.dev("down"), shutil.rmtree(made.dir, ignore_errors=True)))
        return made

    def test_a_killed_service_comes_back_under_the_same_address(self):
        d = self.directory().up()
        before = d.env()
        self.assertEqual(os.stat(f"{d.dir}/endpoints.env").st_mode & 0o777, 0o600)

        os.kill(d.pid("data_pusher"), signal.SIGKILL)
        until(lambda: d.env()["OUTRIGGER_PID_DATA_PUSHER"] != before["OUTRIGGER_PID_DATA_PUSHER"])
        until(lambda: listening(before["OUTRIGGER_ADMIN_DATA_PUSHER"]))

        after = d.env()
        changed = {key for key in before if before[key] != after[key]}
        self.assertEqual(changed, {"OUTRIGGER_PID_DATA_PUSHER"})

    def test_up_heals_what_is_half_up_and_leaves_alone_what_lives(self):
        d = self.directory().up()
        before = d.env()
        os.kill(d.supervisor(), signal.SIGKILL)
        os.kill(d.pid("data_collector"), signal.SIGKILL)
        until(lambda: not Process.of(int(before["OUTRIGGER_PID_DATA_COLLECTOR"])))

        d.up()

        after = d.env()
        self.assertEqual({key for key in before if before[key] != after[key]}, {"OUTRIGGER_PID_DATA_COLLECTOR"})
        self.assertTrue(Process.of(d.pid("data_collector")))

    def test_numbers_of_dead_processes_that_others_have_now_mislead_nobody(self):
        d = self.directory().up()
        bystander = subprocess.Popen(["sleep", "600"], cwd=d.dir)
        self.addCleanup(lambda: (bystander.kill(), bystander.wait()))
        for pid in [d.supervisor(), *(d.pid(s) for s in SERVICES)]:
            os.kill(pid, signal.SIGKILL)
        own = Process.of(bystander.pid)
        pathlib.Path(d.dir, "run/supervisor.lock").write_text(f"{own.pid} {own.start}")
        text = pathlib.Path(d.dir, "endpoints.env").read_text()
        pathlib.Path(d.dir, "endpoints.env").write_text(text.replace(str(d.pid("model_api")), str(bystander.pid)))

        d.up()
        self.assertNotEqual(d.pid("model_api"), bystander.pid)
        d.down()

        self.assertIsNone(bystander.poll())
        self.assertEqual(d.processes(), [bystander.pid])

    def test_down_ends_everything_of_its_own_models_too_and_nothing_else(self):
        d, other = self.directory().up(), self.directory().up()
        folder = pathlib.Path(d.dir, "models", "d1")
        folder.mkdir()
        model = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 601 & while :; do sleep 1; done"], cwd=folder, start_new_session=True,
                                 env={"OUTRIGGER_MODEL": "m", "OUTRIGGER_TENANT": "default", "PATH": os.environ["PATH"]})
        self.addCleanup(model.kill)
        bystander = subprocess.Popen(["sleep", "602"], cwd=folder)
        self.addCleanup(lambda: (bystander.kill(), bystander.wait()))

        copy = Directory(self.build)
        self.addCleanup(lambda: shutil.rmtree(copy.dir, ignore_errors=True))
        shutil.copytree(f"{other.dir}/run", f"{copy.dir}/run")

        d.down()
        self.assertIn("nothing to stop", copy.dev("down")[1])

        self.assertIsNotNone(model.wait(5))
        self.assertEqual(d.processes(), [bystander.pid])
        self.assertFalse(os.path.exists(f"{d.dir}/endpoints.env"))
        self.assertTrue(all(Process.of(other.pid(s)) for s in SERVICES))
        self.assertEqual(d.dev("down")[0], 0)

    def test_down_works_when_the_supervisor_is_dead_and_data_is_kept(self):
        d = self.directory().up()
        postgres = d.env()["OUTRIGGER_POSTGRES"]
        psql = ["/usr/lib/postgresql/17/bin/psql", postgres, "-Atqc"]
        subprocess.run([*psql, "create table kept (n int); insert into kept values (42)"], check=True)
        os.kill(d.supervisor(), signal.SIGKILL)

        d.down()
        self.assertEqual(d.processes(), [])
        d.up()

        self.assertEqual(d.env()["OUTRIGGER_POSTGRES"], postgres)
        self.assertEqual(subprocess.run([*psql, "select n from kept"], capture_output=True, check=True).stdout, b"42\n")

    def test_postgres_and_kafka_come_back_after_sigkill(self):
        d = self.directory().up()
        env = d.env()
        mine = [p for p in d.processes() if "kafka.Kafka" in command_words(p) or "-D" in command_words(p)]
        self.assertEqual(len(mine), 2)

        for pid in mine:
            os.kill(pid, signal.SIGKILL)

        until(lambda: listening("http://" + env["OUTRIGGER_KAFKA"]), 60)
        psql = ["/usr/lib/postgresql/17/bin/psql", env["OUTRIGGER_POSTGRES"], "-Atqc", "select 1"]
        until(lambda: subprocess.run(psql, capture_output=True, check=False).returncode == 0, 60)

    def test_a_service_that_cannot_start_is_told_with_its_last_words(self):
        build = tempfile.mkdtemp(prefix="outrigger-standin-")
        self.addCleanup(shutil.rmtree, build)
        shutil.copytree(f"{self.build}/bin", f"{build}/bin")
        pathlib.Path(build, "bin", "data_pusher").write_text("#!/bin/sh\necho 'no luck today'\nexit 2\n")
        d = self.directory()
        d.build = build

        code, said = d.dev("up")

        self.assertEqual(code, 1)
        self.assertIn("no luck today", said)
        self.assertIn("data_pusher does not come up: exit code 2", said.splitlines()[-1])

    def test_a_folder_that_other_users_cannot_enter_will_do(self):
        closed = tempfile.mkdtemp(prefix="outrigger-closed-")
        self.addCleanup(shutil.rmtree, closed, ignore_errors=True)
        d = self.directory()
        d.dir = f"{closed}/deep/dir"
        d.up().down()
        self.assertEqual(d.processes(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
