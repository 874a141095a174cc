# SPDX-License-Identifier: Apache-2.0
"""Which processes are models of one running Outrigger.

Models outlive the service that started them and carry no mark of the supervisor: they work in folders of DIR/models
or hold a lock there, and have OUTRIGGER_MODEL in their environment. What they started themselves is in their process
group.
"""
from processes import Process, environment, group, open_files, pids, sees, working_directory


def model_processes(layout):
    places = (f"{layout.models}/", f"{layout.alias}/models/")
    leaders = set()
    for pid in pids():
        marks = environment(pid)
        if "OUTRIGGER_MODEL" not in marks or "OUTRIGGER_TENANT" not in marks:
            continue
        if sees(pid, layout.dir) and any(path.startswith(places) for path in (working_directory(pid) + "/", *open_files(pid))):
            leaders.add(pid)
    groups = {group(pid) for pid in leaders} - {None}
    members = leaders | {pid for pid in pids() if group(pid) in groups}
    return {p for p in map(Process.of, members) if p}
