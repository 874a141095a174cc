# SPDX-License-Identifier: Apache-2.0
"""Fetches what only the benches' other sides need, checked against peers/*.sha256, into $OUTRIGGER_CACHE/bench."""
import hashlib
import re
import shutil
import tempfile
import urllib.parse
import urllib.request
import zipfile

from _side import TOP
import kafka_jars

PEERS = TOP / "bench/peers"


class Unavailable(Exception):
    """It cannot be had; the text says why."""


def load(url, sha256):
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:
            content = reply.read()
    except OSError as error:
        raise Unavailable(f"{url}: {error}") from None
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise Unavailable(f"{url} is not what bench/peers says it is")
    return content


def once(name, listing, fill):
    """A folder of the cache, filled once for each content of its list."""
    mark = hashlib.sha256(listing.read_bytes()).hexdigest()[:12]
    target = kafka_jars.cache() / "bench" / f"{name}-{mark}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="tmp.", dir=target.parent)
    try:
        fill(target.with_name(folder.rsplit("/", 1)[1]), [line.split() for line in listing.read_text().splitlines() if line[:1] not in ("", "#")])
        shutil.move(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def streams():
    """A class path with Kafka Streams: its own jars, and the broker's for the rest."""
    def fill(folder, lines):
        for digest, path in lines:
            (folder / path.rsplit("/", 1)[1]).write_bytes(load(f"https://repo.maven.apache.org/maven2/{path}", digest))
    return f"{once('streams', PEERS / 'streams.sha256', fill)}/*:{kafka_jars.folder()}/*"


def python_packages():
    """A folder with the wheels of peers/requirements.txt, which pip may install as well."""
    def fill(folder, lines):
        for requirement, option in lines:
            name, digest = requirement.split("==")[0], option.removeprefix("--hash=sha256:")
            index = load(f"https://pypi.org/simple/{name}/", None).decode()
            link = re.search(rf'href="([^"]+\.whl)#sha256={digest}"', index)
            if not link:
                raise Unavailable(f"PyPI has no {requirement} with the hash of bench/peers/requirements.txt")
            wheel = folder / "wheel"
            wheel.write_bytes(load(urllib.parse.urljoin(f"https://pypi.org/simple/{name}/", link[1]), digest))
            with zipfile.ZipFile(wheel) as content:
                content.extractall(folder)
            wheel.unlink()
    return once("python", PEERS / "requirements.txt", fill)
