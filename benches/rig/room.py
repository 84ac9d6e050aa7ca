"""The incident engine: signals a second on one core, beside a program that only adds them up; and what it remembers after
thirty days of a busy house, beside one that keeps everything.

    cd benches && python3 -m rig.room [SIGNALS DAYS]    the rig by itself
"""

import json
import subprocess
from dataclasses import dataclass

from .machine import ROOT, Unsound
from .report import Row

ROOM = ROOT / "target/release/room"
SIGNALS, DAYS = 3_000_000, 30
SIGNALS_PER_S_MIN = 100_000
# After a week all windows are full; what grows later grows for ever.
SETTLED_DAY = 7
GROWTH_MAX = 0.05
CONTROL_DAYS = 3
# Some forty times what it takes: whoever has not ended by then hangs.
PATIENCE_S = 1200


@dataclass
class Readings:
    rate: dict
    days: dict
    control: dict


def run(*words):
    if not ROOM.exists():
        raise Unsound(f"{ROOM} is not there: cargo build --release --package room")
    try:
        # What it says as it goes (a line for each day) goes on to whoever watches.
        said = subprocess.run(
            [str(ROOM), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired as hung:
        raise Unsound(f"room {words} has not ended after {PATIENCE_S} s") from hung
    if said.returncode:
        raise Unsound(f"room {words} failed")
    return json.loads(said.stdout)


def growth(rss, since):
    return rss[-1] / rss[min(since, len(rss) - 1)] - 1


def measure(signals, days, progress):
    progress(f"the incident engine: {signals:,} signals, {days} days")
    rate = run("rate", signals)
    # The peer added up what the engine was given: three calls in each signal.
    if rate["counted"] != 3 * rate["signals"]:
        raise Unsound(f"signals were lost on the way: {rate}")
    if days <= SETTLED_DAY:
        raise Unsound(f"{days} days are too few: only after {SETTLED_DAY + 1} all windows are full")
    control, lived = run("days", CONTROL_DAYS, "keep"), run("days", days)
    for life in (control, lived):
        # One fault, one incident; what it has cost is none of its own for the rest of the day.
        if life["opened"] != life["days"]:
            raise Unsound(f"of {life['days']} faults {life['opened']} incidents were made: {life}")
        if len(life["rss_kib"]) != life["days"] or min(life["rss_kib"]) == 0:
            raise Unsound(f"the memory of some day was not read: {life}")
    if growth(control["rss_kib"], 0) <= GROWTH_MAX:
        raise Unsound(f"one that keeps every signal was not seen to grow: {control}")
    return Readings(rate, lived, control)


def rows(found):
    ours, peer = found.rate["signals_per_s"], found.rate["peer_signals_per_s"]
    verdict = "PASS" if ours >= SIGNALS_PER_S_MIN else "MISS"
    told = (f"{ours:,}/s", f"adding up {peer:,}/s", f"{ours / peer:.2f}", f"≥ {SIGNALS_PER_S_MIN:,}/s", verdict)
    yield Row("incident engine, signals on one core", *told)
    rss = found.days["rss_kib"]
    grown, kept = growth(rss, SETTLED_DAY), growth(found.control["rss_kib"], 0)
    verdict = "PASS" if grown <= GROWTH_MAX else "MISS"
    what = f"its memory, day {SETTLED_DAY + 1} to day {found.days['days']} ({rss[-1] / 1024:.1f} MiB)"
    told = (f"{grown * 100:+.1f} %", f"keeping all, {CONTROL_DAYS} days {kept * 100:+.0f} %", "–", f"≤ {GROWTH_MAX * 100:.0f} %")
    yield Row(what, *told, verdict)


if __name__ == "__main__":
    import sys

    sizes = [int(size) for size in sys.argv[1:3]] or [SIGNALS, DAYS]
    for row in rows(measure(*sizes, print)):
        print(row)
