# SPDX-License-Identifier: Apache-2.0
"""What can be read off the sources: format, licence lines, who includes whom, and that docs name what exists."""
import os
import pathlib
import re
import subprocess

from layout import CHECKOUT
from monitoring import check_monitoring

FOLDERS = ("libs", "services", "tests", "bench")
SCRIPTS = ("deploy", "tests", "bench", ".ci")

# What each library may include of ours: docs/adr/0002.
LAYERS = {
    "base": (), "manifest": ("base",), "windowing": ("base", "manifest"), "scoring": ("base", "manifest"),
    "lifecycle": ("base", "manifest", "windowing", "scoring"),
    "store": ("base", "manifest", "lifecycle"), "orchestrator": ("base", "manifest", "lifecycle"),
    "messaging": ("base",), "http": ("base",), "inference": ("base",),
}
# Headers of third parties: the one library whose src may include them.
THIRD_PARTY = {
    r"pqxx/": "store", r"librdkafka/": "messaging", r"boost/": "http", r"curl/": "http", r"httplib": "http",
    r"yaml-cpp/": "manifest", r"valijson/": "manifest", r"spdlog/": "base", r"prometheus/": "base",
    r"mosquitto": "messaging", r"amqp": "messaging", r"onnxruntime": "inference",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
MAIN_MOST, FILE_MOST = 120, 400


def cpp_files():
    return sorted(f for folder in FOLDERS for f in (CHECKOUT / folder).rglob("*") if f.suffix in (".h", ".cc"))


def relative(path):
    return path.relative_to(CHECKOUT).as_posix()


def check_format():
    """One fault for each file that clang-format would change."""
    files = [str(f) for f in cpp_files()]
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False) \
        if files else None
    found = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.MULTILINE))) if done else []
    return [f"{relative(pathlib.Path(f))}: not formatted: ./dev format {relative(pathlib.Path(f))}" for f in found]


def check_licences():
    """Every source and script says its licence in its first lines."""
    scripts = [f for folder in SCRIPTS for f in (CHECKOUT / folder).rglob("*")
               if f.is_file() and (f.suffix in (".py", ".sh", ".cmake") or f.name in ("CMakeLists.txt", "enter", "run"))]
    sources = cpp_files() + scripts + [CHECKOUT / "dev", CHECKOUT / "CMakeLists.txt"]
    sources += [f for f in (CHECKOUT / "libs").rglob("*.sql")]
    return [f"{relative(f)}: no 'SPDX-License-Identifier: Apache-2.0' in its first three lines" for f in sorted(set(sources))
            if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(f.read_text().splitlines()[:3])]


def check_includes(files=None):
    """Direction of dependencies, one home for each third-party header, adapters that never see each other."""
    faults = []
    for file in files or cpp_files():
        where = relative(file).split("/")
        for header in INCLUDE.findall(file.read_text()):
            faults += [f"{relative(file)}: {why}" for why in include_faults(where, header)]
    return faults


def include_faults(where, header):
    kind, owner = where[0], where[1]
    inner = re.match(r"outrigger/(\w+)/", header)
    if kind == "libs" and inner and inner[1] != owner and inner[1] not in LAYERS.get(owner, ()):
        yield f"libs/{owner} may not include {header}: it stands above or beside it"
    if kind == "libs" and re.match(r"(model_api|data_collector|data_pusher|data_companion|edge_runtime|model_proxy)/", header):
        yield f"a library may not include a service: {header}"
    if kind == "services":
        service = re.match(r"(model_api|data_collector|data_pusher|data_companion|edge_runtime|model_proxy)/", header)
        if service and service[1] != owner:
            yield f"a service may not include another one: {header}"
    for pattern, home in THIRD_PARTY.items():
        if re.match(pattern, header):
            if kind in ("libs", "services") and where[:3] != ["libs", home, "src"]:
                yield f"{header} belongs in libs/{home}/src only"
    if kind == "libs" and where[2] == "include" and header == "nlohmann/json.hpp":
        yield "nlohmann/json.hpp in a public header: json_fwd.hpp there"


def check_mains():
    return [f"{relative(f)}: {n} lines, at most {MAIN_MOST}: a main is a list of parts" for f in (CHECKOUT / "services").glob("*/main.cc")
            if (n := len(f.read_text().splitlines())) > MAIN_MOST]


def check_lengths():
    return [f"{relative(f)}: {n} lines, at most {FILE_MOST}" for f in cpp_files() if "tests" not in f.parts
            and (n := len(f.read_text().splitlines())) > FILE_MOST]


def check_docs(pages=None):
    """Paths and symbols in docs, written `path: symbol` or `path`, exist."""
    faults = []
    for page in pages or [*sorted((CHECKOUT / "docs").rglob("*.md")), CHECKOUT / "README.md"]:
        if not page.exists():
            continue
        for span in re.findall(r"`([^`\n]+)`", page.read_text()):
            faults += [f"{relative(page)}: {why}" for why in doc_faults(span)]
    return faults


PATH = re.compile(r"(?:libs|services|tests|deploy|docs|manifests|bench)/[\w./-]+$")


def doc_faults(span):
    path, _, symbol = span.partition(": ")
    if not PATH.match(path):
        return
    target = CHECKOUT / path
    if not target.exists():
        yield f"`{span}`: there is no {path}"
    elif symbol and target.is_file():
        missing = [word for word in re.findall(r"[A-Za-z_]\w+", symbol) if not re.search(rf"\b{word}\b", target.read_text())]
        if missing:
            yield f"`{span}`: {path} has no {', '.join(missing)}"


def check_links(pages=None):
    """Relative links of Markdown pages lead somewhere."""
    faults = []
    for page in pages or [f for f in CHECKOUT.rglob("*.md") if "build" not in f.parts[len(CHECKOUT.parts):]]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                faults.append(f"{relative(page)}: link to {target}, which is not there")
    return faults


METRIC = re.compile(r'"(outrigger_(?:http|collector|pusher|companion|relay|supervision|edge|api|service)_[a-z_]+)"')


def check_metrics():
    """docs/metrics.md names the metrics that there are."""
    made = {name for f in cpp_files() if relative(f).startswith(("libs/", "services/")) for name in METRIC.findall(f.read_text())}
    told = set(re.findall(r"^\| `(outrigger_\w+)`", (CHECKOUT / "docs/metrics.md").read_text(), re.MULTILINE))
    return [f"docs/metrics.md: {name} is missing" for name in sorted(made - told)] + \
           [f"docs/metrics.md: no code makes {name}" for name in sorted(told - made)]


CHECKS = {"format": check_format, "licences": check_licences, "includes": check_includes, "mains": check_mains,
          "lengths": check_lengths, "docs": check_docs, "links": check_links, "metrics": check_metrics,
          "monitoring": check_monitoring}


def check_all(say):
    faults = []
    for name, check in CHECKS.items():
        found = check()
        say(f"{name}: {f'{len(found)} faults' if found else 'ok'}")
        faults += found
    return faults


TIDY_PLACES = ("libs/base/", "libs/scoring/", "libs/lifecycle/")


def tidy_sample():
    """The pure libraries' sources, for the lane of ./dev test. All of them: ./dev lint --tidy."""
    return [f for f in cpp_files() if f.suffix == ".cc" and relative(f).startswith(TIDY_PLACES)]


def tidy(build_folder, say, files=None):
    """clang-tidy, as many at a time as there are processors; over the sources of libraries and services, or only these."""
    if files is None:
        files = [f for f in cpp_files() if f.suffix == ".cc" and f.parts[len(CHECKOUT.parts)] in ("libs", "services")]
    say(f"clang-tidy over {len(files)} files (about 10 s each)")
    running, faults, waiting = [], [], list(files)
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            file = waiting.pop()
            running.append((file, subprocess.Popen(
                ["clang-tidy-19", "-p", str(build_folder), "--quiet", "--warnings-as-errors=*",
                 "--extra-arg=-Wno-unused-command-line-argument", str(file)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)))
        file, process = running.pop(0)
        output = process.communicate()[0]
        faults += [line for line in output.splitlines() if re.search(r": (error|warning): ", line)]
        if process.returncode and not output:
            faults.append(f"{relative(file)}: clang-tidy ended with {process.returncode}")
    return list(dict.fromkeys(faults))
