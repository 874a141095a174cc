#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the Kafka broker's jars once, checks them against kafka/libs.sha256, and prints where they are.

They appear in $OUTRIGGER_CACHE/kafka-VERSION/libs by one rename, so that whoever sees them sees all of them. Runs in
the private root (Maven and Java are there).
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE / "kafka" / "libs.sha256"
VERSION = "3.9.1"
AUTHORITIES = pathlib.Path("/usr/local/share/ca-certificates")


class JarsUnavailable(Exception):
    """The jars could not be had; the text says why and what to do."""


def cache():
    home = os.environ.get("HOME", "/root")
    return pathlib.Path(os.environ.get("OUTRIGGER_CACHE") or
                        pathlib.Path(os.environ.get("XDG_CACHE_HOME") or home + "/.cache") / "outrigger")


def folder():
    """Where the jars are, or will be."""
    return cache() / f"kafka-{VERSION}" / "libs"


def expected():
    """{file name: sha256} of the list."""
    lines = [line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {name: digest for digest, name in lines}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def complete(libs):
    return libs.is_dir() and {p.name for p in libs.iterdir()} == set(expected())


def trust(scratch):
    """Options that make Java trust the machine's own certificate authorities as well; none where there are none."""
    own = sorted(AUTHORITIES.glob("**/*.crt")) if AUTHORITIES.is_dir() else []
    if not own:
        return []
    store = scratch / "cacerts"
    shutil.copyfile("/etc/ssl/certs/java/cacerts", store)
    for number, certificate in enumerate(own):
        subprocess.run(["keytool", "-importcert", "-noprompt", "-keystore", store, "-storepass", "changeit",
                        "-alias", f"machine-{number}", "-file", certificate],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]


def download(scratch):
    """Lets Maven copy the jars into scratch/libs, and returns that folder."""
    libs, log = scratch / "libs", scratch / "maven.log"
    project = scratch / "project"
    project.mkdir()
    shutil.copyfile(HERE / "kafka" / "pom.xml", project / "pom.xml")
    environment = os.environ | {"MAVEN_OPTS": " ".join([os.environ.get("MAVEN_OPTS", ""), *trust(scratch)])}
    command = ["mvn", "-B", "-ntp", f"-Dmaven.repo.local={scratch / 'repository'}", "dependency:copy-dependencies",
               "-DincludeScope=runtime", f"-DoutputDirectory={libs}"]
    for _ in range(3):
        with open(log, "wb") as output:
            ended = subprocess.run(command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, timeout=900, check=False)
        if ended.returncode == 0:
            return libs
    errors = [line for line in log.read_text(errors="replace").splitlines() if "ERROR" in line]
    raise JarsUnavailable("Maven could not fetch Kafka's jars: " + (errors[0] if errors else "no reason given") +
                          " (it needs repo.maven.apache.org, or a mirror named in ~/.m2/settings.xml)")


def verify(libs):
    found, wanted = {p.name: digest(p) for p in libs.iterdir()}, expected()
    wrong = sorted(n for n in found.keys() | wanted.keys() if found.get(n) != wanted.get(n))
    if wrong:
        raise JarsUnavailable("Kafka's jars are not the ones of deploy/local/kafka/libs.sha256: " + ", ".join(wrong[:5]))


def fetch(say=lambda text: None):
    """The folder with the jars, fetched if need be."""
    target = folder()
    if complete(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete(target):
            return target
        say(f"fetching Kafka {VERSION} (57 jars, 46 MiB, once; 10 to 60 s)")
        for left in target.parent.glob("tmp.*"):
            shutil.rmtree(left, ignore_errors=True)
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="tmp.", dir=target.parent))
        try:
            libs = download(scratch)
            verify(libs)
            libs.chmod(0o755)
            shutil.rmtree(target, ignore_errors=True)
            libs.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def main():
    if sys.argv[1:] == ["print-sums"]:
        for path in sorted(fetch().iterdir()):
            print(f"{digest(path)}  {path.name}")
        return 0
    try:
        print(fetch(lambda text: print("dev: " + text, file=sys.stderr)))
        return 0
    except JarsUnavailable as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
