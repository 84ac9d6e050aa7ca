"""A store with a million operations pending and ten million events kept: what it still takes a second, against itself when it
was empty, and how long the gateway takes to start on it.

    cd benches && python3 -m rig.fullness BINARY [OPERATIONS EVENTS]    the rig by itself
"""

import json
import subprocess
import time
from dataclasses import dataclass

from .intake import up
from .machine import ROOT, Unsound
from .report import Row

FILL = ROOT / "target/release/fill"
OPERATIONS, EVENTS = 1_000_000, 10_000_000
LOSS_MAX = 0.20
START_S_MAX = 2.0
STARTS = 3


@dataclass
class Readings:
    operations: int
    events: int
    empty: dict
    full: dict
    starts_s: list
    gib: float


def measure(binary, home, operations, events, progress):
    progress(f"a store with {operations:,} operations and {events:,} events")
    data = home / "full"
    data.mkdir()
    command = [FILL, f"sqlite:{data / 'hubkeeper.db'}", operations, events]
    said = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if said.returncode:
        raise Unsound(f"the store could not be filled: {said.stderr}")
    found = json.loads(said.stdout)
    gib = sum(file.stat().st_size for file in data.iterdir()) / 2**30
    starts = []
    for number in range(STARTS):
        began = time.monotonic()
        server = up(binary, home, f"full-{number}", url=f"sqlite:{data / 'hubkeeper.db'}")
        server.ready_line()
        starts.append(time.monotonic() - began)
        server.stop()
    return Readings(operations, events, found["empty"], found["full"], starts, gib)


def rows(found):
    beside = f"{found.operations:,} operations, {found.events:,} events"
    for what, name in (("writes accepted", "accepted_per_s"), ("operations claimed", "claimed_per_s")):
        full, empty = found.full[name], found.empty[name]
        ratio = full / empty
        verdict = "PASS" if ratio >= 1 - LOSS_MAX else "MISS"
        told = (f"{full:,.0f}/s", f"empty {empty:,.0f}/s", f"{ratio:.2f}", f"≥ {1 - LOSS_MAX:.2f}")
        yield Row(f"{what}, {beside}", *told, verdict)
    slowest = max(found.starts_s)
    verdict = "PASS" if slowest <= START_S_MAX else "MISS"
    yield Row(f"start to ready with those ({found.gib:.1f} GiB)", f"{slowest:.2f} s", "", "–", f"≤ {START_S_MAX:.0f} s", verdict)


if __name__ == "__main__":
    import sys
    import tempfile
    from pathlib import Path

    from .server import ending_all

    sizes = [int(size) for size in sys.argv[2:4]] or [OPERATIONS, EVENTS]
    with tempfile.TemporaryDirectory(prefix="hubkeeper-full-") as directory, ending_all():
        tried = measure(Path(sys.argv[1]).resolve(), Path(directory), *sizes, print)
    for row in rows(tried):
        print(row)
