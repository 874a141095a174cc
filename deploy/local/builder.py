# SPDX-License-Identifier: Apache-2.0
"""Builds with CMake and Ninja, one build at a time for each build folder, and says how far it is."""
import fcntl
import os
import re
import subprocess
import sys
import time

from layout import CHECKOUT, Refused

RUNTIME = ("runtime",)  # a target of CMakeLists.txt: the services and the images


def say(text):
    print(f"dev: {text}", file=sys.stderr, flush=True)


def configure(preset):
    """Makes build/PRESET ready for Ninja; returns it."""
    folder = CHECKOUT / "build" / preset
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "build.ninja").exists():
        say(f"configuring build/{preset} (a few seconds)")
        log = folder / "configure.log"
        with open(log, "wb") as output:
            done = subprocess.run(["cmake", "--preset", preset], cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=output, env=os.environ | compiler_cache(), check=False)
        if done.returncode:
            sys.stderr.write("".join(log.read_text(errors="replace").splitlines(keepends=True)[-25:]))
            raise Refused(f"cmake failed; all of it is in {log}")
    return folder


def compiler_cache():
    return {"CCACHE_BASEDIR": str(CHECKOUT), "CCACHE_NOHASHDIR": "1",
            "CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime,time_macros,pch_defines",
            "CCACHE_DEPEND": "1"}  # the compiler's own list of headers: no preprocessing beforehand


def build(preset, targets, usual="a cold build takes some minutes on two cores, a warm one seconds"):
    """Configures if need be and builds the targets. Returns the build folder."""
    folder = CHECKOUT / "build" / preset
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".outrigger-lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"another build in build/{preset} runs; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        configure(preset)
        run_ninja(folder, targets, usual)
    return folder


def run_ninja(folder, targets, usual):
    environment = os.environ | compiler_cache() | {"NINJA_STATUS": "[%f/%t] "}
    ninja = subprocess.Popen(["ninja", "-C", str(folder), *targets], cwd=CHECKOUT, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment)
    lines, told, tty = [], time.monotonic() - 9, sys.stderr.isatty()
    announced = False
    for line in ninja.stdout:
        lines = [*lines[-400:], line]
        step = re.match(r"\[(\d+)/(\d+)\] ", line)
        if not step or int(step[2]) < 3:
            continue
        if tty:
            width = os.get_terminal_size(sys.stderr.fileno()).columns if os.isatty(sys.stderr.fileno()) else 80
            sys.stderr.write("\r\x1b[K" + f"dev: building {line.strip()}"[:width - 1])
            sys.stderr.flush()
        elif time.monotonic() - told > 10:
            told = time.monotonic()
            say(f"building {step[1]} of {step[2]}" + ("" if announced else f" ({usual})"))
            announced = True
    if tty:
        sys.stderr.write("\r\x1b[K")
    if ninja.wait():
        sys.stderr.write("".join(lines[-60:]))
        raise Refused(f"the build failed; the compiler's own words stand above (again: ./dev build {' '.join(targets)})")
