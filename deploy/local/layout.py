# SPDX-License-Identifier: Apache-2.0
"""Where everything of one running Outrigger lies: the folders of its directory, and its ports."""
import fcntl
import hashlib
import json
import os
import pathlib
import random
import secrets
import socket

import kafka_jars

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
INSIDE_ALIAS = pathlib.Path("/opt/outrigger")  # the checkout in the private root, reachable for every user
BUILD = os.environ.get("OUTRIGGER_BUILD") or "build/release"  # another build folder, run as it is

SERVICES = ("model_api", "data_collector", "data_pusher", "data_companion")
WITHOUT_API = ("data_companion",)  # they have an admin port only
SEVERAL, MOST_REPLICAS = ("data_pusher", "data_companion"), 8


class Refused(Exception):
    """What was asked for cannot be done; the text is one line: why, and what to do."""


def write_whole(path, text, mode=0o600):
    """Replaces a file by one rename, so that no reader ever sees half of it."""
    path = pathlib.Path(path)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    os.replace(scratch, path)


def read_json(path, otherwise):
    try:
        return json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError):
        return otherwise


class Layout:
    """The directory DIR. Its paths; and its ports, chosen once and kept, so that addresses stay."""

    FOLDERS = {"images": 0o755, "models": 0o755, "logs": 0o700, "secrets": 0o700, "run": 0o700}

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        # A second name in a private root, for users who cannot walk the first (supervisor.public_dir).
        self.alias = pathlib.Path("/opt") / f"outrigger-{hashlib.sha256(bytes(self.dir)).hexdigest()[:12]}"
        self.endpoints = self.dir / "endpoints.env"
        self.status = self.dir / "run" / "status.json"
        self.port_file = self.dir / "run" / "ports.json"
        self.supervisor_lock = self.dir / "run" / "supervisor.lock"
        self.verb_lock = self.dir / "run" / "verb.lock"

    def __getattr__(self, name):  # .images, .models, .logs, .secrets, .run, .postgres, .kafka
        if name in self.FOLDERS or name in ("postgres", "kafka"):
            return self.dir / name
        raise AttributeError(name)

    def make(self):
        """Makes the folders and secrets that are not there yet."""
        try:
            if not (self.run / "id").exists():
                foreign = [n for n in (*self.FOLDERS, "postgres", "kafka") if (self.dir / n).exists() and any((self.dir / n).iterdir())]
                if foreign:
                    raise Refused(f"{self.dir} holds {', '.join(foreign)} of somebody else: choose an empty folder with --dir DIR")
            fresh = not self.dir.exists() or not any(self.dir.iterdir())
            self.dir.mkdir(parents=True, exist_ok=True)
            if fresh:
                self.dir.chmod(0o755)  # models and PostgreSQL run as users of their own
            for name, mode in self.FOLDERS.items():
                folder = self.dir / name
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
        except OSError as error:
            raise Refused(f"cannot use {self.dir}: {error.strerror}: choose another with --dir DIR") from None
        if not self.is_original():  # new, or a copy: its mark and its ports are the original's
            write_whole(self.run / "id", f"{secrets.token_hex(8)} {self.dir.stat().st_ino}")
            self.port_file.unlink(missing_ok=True)
        self.secret("key", lambda: secrets.token_hex(32))
        self.secret("token", lambda: secrets.token_urlsafe(32))
        self.secret("postgres", lambda: secrets.token_urlsafe(24))

    def id(self):
        """Names this directory for good, wherever it is seen from: the mark of all that is started for it."""
        return (self.run / "id").read_text().split()[0]

    def is_original(self):
        """Whether its mark was made for it: what runs for a directory does not run for its copy."""
        try:
            return (self.run / "id").read_text().split()[1:] == [str(self.dir.stat().st_ino)]
        except FileNotFoundError:
            return False

    def secret(self, name, make):
        path = self.secrets / name
        if not path.exists():
            write_whole(path, make() + "\n")
        return path.read_text().strip()

    def services(self):
        """{name: program}: one of each, and `data_pusher_2` and so on where several are wanted."""
        replicas = read_json(self.run / "replicas.json", {})
        return {program if number == 1 else f"{program}_{number}": program
                for program in SERVICES for number in range(1, replicas.get(program, 1) + 1)}

    def want_replicas(self, replicas):
        write_whole(self.run / "replicas.json", json.dumps(replicas))

    def port_names(self):
        services = self.services()
        return ("postgres", "kafka", "kafka_controller", *(n for n, program in services.items() if program not in WITHOUT_API),
                *(f"admin_{name}" for name in services))

    def ports(self):
        return read_json(self.port_file, {})

    def choose_ports(self, running):
        """Keeps the ports of earlier, replacing those that somebody else has taken; `running` names parts that live."""
        reservations = kafka_jars.cache() / "ports"
        reservations.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(reservations / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ports = self.ports()
            for name in self.port_names():
                part = name.removeprefix("admin_").removesuffix("_controller")
                if part in running and name in ports:
                    continue
                if name not in ports or not free(ports[name]):
                    ports[name] = self.fresh_port(reservations, set(ports.values()))
                (reservations / str(ports[name])).write_text(str(self.dir))
            write_whole(self.port_file, json.dumps(ports))
        return ports

    def fresh_port(self, reservations, taken):
        """A free port below the range from which the kernel takes the ports of clients."""
        try:
            low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        except (OSError, ValueError):
            low = 32768
        for _ in range(10_000):
            port = random.randrange(10_000, low) if low > 12_000 else random.randrange(61_000, 65_500)
            if port not in taken and free(port) and not reserved(reservations / str(port), self.dir, port):
                return port
        raise Refused("no free loopback port found: end what holds them (ss -ltn)")


def reserved(path, directory, port):
    """Another directory that still exists keeps this port for its next start."""
    try:
        owner = pathlib.Path(path.read_text())
    except OSError:
        return False
    return owner != directory and port in read_json(owner / "run" / "ports.json", {}).values()


def free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def open_to_all(path):
    """Every user may go through all folders above it."""
    return all(folder.stat().st_mode & 0o001 for folder in pathlib.Path(path).parents if folder.exists())


def public_images():
    """The images that the build installs, by a path that every user can walk."""
    inside = INSIDE_ALIAS.joinpath("dev").exists() and not open_to_all(CHECKOUT / "dev")
    folder = "build/images" if BUILD == "build/release" else f"{BUILD}/images"
    return (INSIDE_ALIAS if inside else CHECKOUT) / folder
