"""The machine under the numbers: which cores, which versions, and how much of it others were using."""

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Unsound(Exception):
    """A control failed: the rig measured something else than it says, so its numbers mean nothing."""


def cores():
    """Two cores that this process may use: one for the proxy, one for those around it."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Unsound("two cores are needed: one for the proxy, one for load and upstream")
    return allowed[0], allowed[1]


def busy_s(core):
    """What a core has worked since it was started, whoever it worked for; time a hypervisor took away included."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, line.split()[1:9])
    return (user + nice + system + interrupts + soft_interrupts + stolen) / TICKS_PER_S


def load_average():
    return Path("/proc/loadavg").read_text().split()[0]


def facts(binary, built_here):
    """What a reader needs to judge the numbers."""
    processor = dict(re.findall(r"^(model name|siblings|cpu cores)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M))
    threads = int(processor.get("siblings", 1)) // max(int(processor.get("cpu cores", 1)), 1)
    memory_kib = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    node_packages = ROOT / "benches/node/node_modules"
    model = processor.get("model name", "unknown model")
    yield f"{os.cpu_count()} processors, {model}, {max(threads, 1)} thread(s) per core"
    yield f"{memory_kib / 1024 / 1024:.1f} GiB of memory, Linux {os.uname().release}"
    yield f"{first_line([binary, '--version'])}, {revision() if built_here else 'a binary handed in'}"
    for command in (["nginx", "-v"], ["haproxy", "-v"], ["wrk", "-v"], ["openssl", "version"], ["rustc", "--version"]):
        yield first_line(command)
    yield f"Node {first_line(['node', '--version'])}"
    for package in ["http-proxy", "@hubspot/api-client"]:
        manifest = json.loads((node_packages / package / "package.json").read_text())
        yield f"{package} {manifest['version']}"


def revision():
    """The commit of the tree, and whether what was built may differ from it."""
    commit = git("rev-parse", "--short", "HEAD") or "no commit"
    changed = git("status", "--porcelain", "--", "crates", "Cargo.toml", "Cargo.lock")
    return f"{commit} with changes" if changed else commit


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def first_line(command):
    """Some tell their version on stderr, and wrk with a failing exit status."""
    piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    said = subprocess.run(command, text=True, **piped).stdout
    return said.splitlines()[0].strip() if said else f"{command[0]}, version unknown"
