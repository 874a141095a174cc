# SPDX-License-Identifier: Apache-2.0
"""The parts of one running Outrigger: PostgreSQL, Kafka and the services, each as the supervisor sees it."""
import base64
import http.client
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import urllib.request

from layout import BUILD, CHECKOUT, Layout, Refused, open_to_all, public_images, write_whole
from processes import pids, start_time, works_in
import kafka_jars

POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/17/bin")
HERE = pathlib.Path(__file__).resolve().parent


class Part:
    """One process to keep alive. prepare() may take seconds and repeat; the rest is quick."""

    needs = ()
    stop_signal = signal.SIGTERM
    grace = 12.0  # seconds between stop_signal and SIGKILL
    usual = 1  # seconds from start to ready, to tell people what to expect

    def __init__(self, name, layout):
        self.name, self.layout = name, layout
        self.log = layout.logs / f"{name}.log"

    def port(self, name=None):
        return self.layout.ports()[name or self.name]

    def prepare_command(self):
        """A command to run before each start, or None."""
        return None

    def command(self):
        raise NotImplementedError

    def is_mine(self, words):
        """Whether a process with this command line is the part itself, not a child of it."""
        raise NotImplementedError

    def environment(self):
        return {}

    def ready(self):
        raise NotImplementedError


# --- PostgreSQL --------------------------------------------------------------------------------------------------

class Postgres(Part):
    stop_signal = signal.SIGINT  # "fast": ends its clients, keeps everything
    grace = 15.0
    usual = 4

    def prepare_command(self):
        return [sys.executable, str(HERE / "parts.py"), "prepare-postgres", str(self.layout.dir)]

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port(), "unix_socket_directories": "",
                    "max_connections": 100, "shared_buffers": "64MB", "cluster_name": "outrigger",
                    "log_min_error_statement": "panic",  # a statement may carry a secret
                    "max_wal_size": "512MB", "timezone": "UTC"}
        return [*as_postgres(self.layout.dir), str(POSTGRES_BIN / "postgres"), "-D", str(self.layout.postgres),
                *(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))]

    def is_mine(self, words):
        return "-D" in words and str(self.layout.postgres) in words

    def ready(self):
        """The answer to a start-up packet is a question for the password, not an error."""
        packet = struct.pack("!I", 196608) + b"user\0outrigger\0database\0outrigger\0\0"
        try:
            with socket.create_connection(("127.0.0.1", self.port()), timeout=1) as connection:
                connection.sendall(struct.pack("!I", len(packet) + 4) + packet)
                return connection.recv(1) == b"R"
        except OSError:
            return False


def as_postgres(directory):
    """The prefix that turns root into the user postgres, who may read through closed folders above the data."""
    if os.geteuid():
        return []
    drop = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    if not open_to_all(directory / "postgres"):
        drop += ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    return drop


def postgres_uri(layout):
    return f"postgresql://outrigger:{layout.secret('postgres', str)}@127.0.0.1:{layout.ports()['postgres']}/outrigger"


def prepare_postgres(layout):
    """Makes the cluster and its database if there is none; clears what a killed postmaster left behind."""
    data = layout.postgres
    if (data / "PG_VERSION").exists():
        version = (data / "PG_VERSION").read_text().strip()
        if version != "17":
            raise Refused(f"{data} holds data of PostgreSQL {version}, this is 17: choose another --dir")
        forget_dead_postmaster(data)
        return
    drop = as_postgres(layout.dir)
    scratch, password = layout.dir / "postgres.new", layout.dir / "postgres.password"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    write_whole(password, layout.secret("postgres", str))
    if not os.geteuid():
        for path in (scratch, password):
            shutil.chown(path, "postgres", "postgres")
    try:
        step([*drop, str(POSTGRES_BIN / "initdb"), "-D", str(scratch), "-U", "outrigger", f"--pwfile={password}",
              "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"], stdin=subprocess.DEVNULL)
    finally:
        password.unlink()
    step([*drop, str(POSTGRES_BIN / "postgres"), "--single", "-D", str(scratch), "postgres"],
         input=b"CREATE DATABASE outrigger OWNER outrigger\n")
    os.rename(scratch, data)


def step(command, **feed):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", check=False, **feed)
    sys.stdout.buffer.write(done.stdout)
    if done.returncode:
        raise Refused(f"{pathlib.Path(command[-1]).name}: {' '.join(command[:12])} … ended with {done.returncode}")


def forget_dead_postmaster(data):
    """Removes postmaster.pid when its number now belongs to another process; PostgreSQL would refuse to start."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    inside = [p for p in pids() if works_in(p, data)]
    if not inside and start_time(pid) is not None:
        (data / "postmaster.pid").unlink(missing_ok=True)


# --- Kafka -------------------------------------------------------------------------------------------------------

class Kafka(Part):
    grace = 20.0
    usual = 6

    def __init__(self, name, layout):
        super().__init__(name, layout)
        self.log = layout.logs / "kafka.out"  # what log4j does not catch; the rest is in kafka.log

    def prepare_command(self):
        return [sys.executable, str(HERE / "parts.py"), "prepare-kafka", str(self.layout.dir)]

    def command(self):
        logs = self.layout.logs
        return ["java", "-Xms128m", "-Xmx512m", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
                f"-XX:ErrorFile={logs}/kafka-crash.log", f"-Dlog4j.configuration=file:{self.layout.run}/log4j.properties",
                f"-Djava.io.tmpdir={self.layout.run}", "-Djava.awt.headless=true",
                "kafka.Kafka", f"{self.layout.run}/kafka.properties"]

    def is_mine(self, words):
        return "kafka.Kafka" in words

    def environment(self):
        return {"CLASSPATH": f"{kafka_jars.folder()}/*"}

    def ready(self):
        """Answers a question for its API versions."""
        body = struct.pack("!hhih", 18, 0, 1, 2) + b"up"
        try:
            with socket.create_connection(("127.0.0.1", self.port()), timeout=1) as connection:
                connection.settimeout(2)
                connection.sendall(struct.pack("!i", len(body)) + body)
                return len(connection.recv(8)) == 8
        except OSError:
            return False


def prepare_kafka(layout):
    """Writes the broker's settings, and formats its folder if it is new."""
    ports, data = layout.ports(), layout.kafka
    settings = {
        "process.roles": "broker,controller", "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports['kafka_controller']}",
        "listeners": f"BROKER://127.0.0.1:{ports['kafka']},CONTROLLER://127.0.0.1:{ports['kafka_controller']}",
        "advertised.listeners": f"BROKER://127.0.0.1:{ports['kafka']}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "BROKER",
        "log.dirs": data, "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 8,
        # A host that froze holds its readers back until its transaction is timed out: look often.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "group.initial.rebalance.delay.ms": 0, "log.cleaner.dedupe.buffer.size": 33554432,
        "log.segment.delete.delay.ms": 1000, "offsets.retention.minutes": 43200,
    }
    properties = layout.run / "kafka.properties"
    write_whole(properties, "".join(f"{key}={value}\n" for key, value in settings.items()))
    write_whole(layout.run / "log4j.properties", f"""log4j.rootLogger=INFO, file
log4j.appender.file=org.apache.log4j.RollingFileAppender
log4j.appender.file.File={layout.logs}/kafka.log
log4j.appender.file.MaxFileSize=10MB
log4j.appender.file.MaxBackupIndex=2
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d{{ISO8601}} %p %m (%c{{1}})%n
log4j.logger.org.apache.zookeeper=WARN
log4j.logger.org.apache.kafka.common.config=WARN
log4j.logger.kafka.log=WARN
log4j.logger.kafka.server.metadata=WARN
""")
    if not (data / "meta.properties").exists():
        shutil.rmtree(data, ignore_errors=True)
        identity = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "A")
        step_environment = os.environ | {"CLASSPATH": f"{kafka_jars.fetch()}/*"}
        step(["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
              f"-Dlog4j.configuration=file:{layout.run}/log4j.properties", "kafka.tools.StorageTool", "format",
              "-t", identity, "-c", str(properties)], env=step_environment, stdin=subprocess.DEVNULL)


# --- the services ------------------------------------------------------------------------------------------------

class Service(Part):
    needs = ("postgres", "kafka")
    usual = 2

    def __init__(self, name, program, layout, public_dir):
        super().__init__(name, layout)
        self.program, self.public_dir = program, public_dir
        self.number = int(name[len(program) + 1:] or 1)

    def command(self):
        ports = self.layout.ports()
        words = {"listen-address": "127.0.0.1", "admin-port": ports[f"admin_{self.name}"],
                 "kafka-brokers": f"127.0.0.1:{ports['kafka']}"}
        if self.name in ports:
            words["port"] = ports[self.name]
        if self.program == "model_api":
            words |= {"key-file": self.layout.secrets / "key", "bootstrap-token-file": self.layout.secrets / "token",
                      "images": f"{self.public_dir / 'images'}:{public_images()}",
                      "models-dir": self.public_dir / "models", "egress-allow-loopback": "true"}
        if self.program == "data_companion":
            words |= {"slot": f"slot-{self.number - 1}", "egress-allow-loopback": "true"}
        if self.program == "data_pusher" and self.number > 1:
            words["instance"] = f"data_pusher-{self.number}"
        binary = CHECKOUT / BUILD / "bin" / self.program
        return [str(binary), *(word for key, value in words.items() for word in (f"--{key}", str(value)))]

    def is_mine(self, words):
        return any(word.endswith(f"/bin/{self.program}") for word in words[:2])

    def environment(self):
        if self.program in ("model_api", "data_pusher"):  # not on the command line: that is for every user to see
            return {f"OUTRIGGER_{self.program.upper()}_POSTGRES_URI": postgres_uri(self.layout)}
        return {}

    def ready(self):
        try:
            with NO_PROXY.open(f"http://127.0.0.1:{self.port('admin_' + self.name)}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False


NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def all_parts(layout, public_dir):
    return [Postgres("postgres", layout), Kafka("kafka", layout), *(Service(name, program, layout, public_dir) for name, program in layout.services().items())]


def main():
    verb, layout = sys.argv[1], Layout(sys.argv[2])
    try:
        {"prepare-postgres": prepare_postgres, "prepare-kafka": prepare_kafka}[verb](layout)
        return 0
    except (Refused, kafka_jars.JarsUnavailable, OSError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
