#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's five minutes, run as they stand there."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import CHECKOUT, run


def commands():
    text = (CHECKOUT / "README.md").read_text()
    section = text.split("## Five minutes with curl", 1)[1].split("\n## ", 1)[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


def the_walk_of_the_readme_works_as_it_stands():
    """In a mount namespace where the checkout's .outrigger is an empty folder of ours: nobody's own is touched."""
    own = pathlib.Path(tempfile.mkdtemp(prefix="outrigger-walk-"))
    own.chmod(0o755)
    (CHECKOUT / ".outrigger").mkdir(exist_ok=True)
    script = own / "walk.sh"
    home = own / "dir"
    home.mkdir()
    script.write_text(f"set -eu\nmount --bind {home} .outrigger\ntrap './dev down' EXIT\nset -x\n{commands()}\n")
    environment = {k: v for k, v in os.environ.items() if k != "OUTRIGGER_DIR"}
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "timeout", "-k", "10", "600", "bash", str(script)], cwd=CHECKOUT,
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    shutil.rmtree(own, ignore_errors=True)
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r'"Warning Level": *\{[^}]*"WARNING"', done.stdout), done.stdout[-3000:]
    assert "refused, as it should be" in done.stdout, done.stdout[-3000:]
    assert re.search(r'"accepted": *2', done.stdout), done.stdout[-3000:]
    assert "DRAFT" not in done.stdout.splitlines()[-1]


if __name__ == "__main__":
    run(the_walk_of_the_readme_works_as_it_stands)
