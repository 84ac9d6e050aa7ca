"""The two load generators: wrk to fill a proxy to the brim, ours for a fixed rate and for patient callers."""

import json
import re
import subprocess
from dataclasses import dataclass

from .machine import ROOT, Unsound
from .peers import TOKEN

LOAD = ROOT / "target/release/load"
# Connections that ask for the same at the same time would share an answer.
EACH_ITS_OWN = "/crm/v3/objects/contacts/{}"
DISTINCT = ROOT / "benches/rig/distinct.lua"


@dataclass
class Wrk:
    requests: int
    seconds: float


def wrk(port, connections, seconds, core, path=None):
    """As many requests as the connections carry, all for one path or each for another record. Any answer but a 2xx, and
    any broken connection, ends the run."""
    command = ["taskset", "--cpu-list", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += [] if path else ["-s", str(DISTINCT)]
    command += ["--timeout", "10s", "-H", f"Authorization: Bearer {TOKEN}", f"http://127.0.0.1:{port}{path or ''}"]
    said = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise Unsound(f"not every request was answered well; wrk said:\n{said}")
    requests, duration = re.search(r"(\d+) requests in ([\d.]+)(?=s)", said).groups()
    return Wrk(int(requests), float(duration))


def load(port, connections, seconds, *, path=EACH_ITS_OWN, token=TOKEN, rate=None, grace_s=5, core=None, answers=None):
    """What `benches/load` prints, as a dictionary."""
    command = [LOAD, "--address", f"127.0.0.1:{port}", "--path", path, "--bearer", token, "--connections", connections]
    command += ["--seconds", seconds, "--grace-seconds", grace_s]
    command += ["--rate", rate] if rate else []
    command += ["--answers", answers] if answers else []
    pinned = ["taskset", "--cpu-list", str(core)] if core is not None else []
    words = pinned + [str(word) for word in command]
    said = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if said.returncode:
        raise Unsound(f"the load generator failed: {said.stderr}")
    return json.loads(said.stdout)
