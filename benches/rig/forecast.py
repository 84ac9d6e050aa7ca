"""How well the end of the daily pool is foretold, beside a straight line through the same day. Simulated days, so that a
busy machine does no harm; the numbers come from the test that holds them (crates/client, `kinds_of_days`)."""

import subprocess

from .machine import ROOT, Unsound
from .report import Row

TEST = "governor::exhaustion::kinds_of_days"
TARGET_PERCENT = 10


def rows():
    command = ["cargo", "test", "--quiet", "--locked", "--package", "client", "--lib", TEST]
    command += ["--", "--nocapture", "--test-threads", "1"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    # A missed target fails the test, too; it is a result here. Without a table there is none.
    lines = [line.split("|") for line in run.stdout.splitlines() if line.count("|") == 4]
    kinds = [[cell.split() for cell in line] for line in lines if line[4].strip().isdigit()]
    if len(kinds) < 10:
        raise Unsound(f"the forecast's test printed no table: {run.stdout[-2000:]}")
    for name, of_time, of_time_left, straight, _inside in kinds:
        yield row(" ".join(name[:-1]), of_time, of_time_left, straight)


def row(name, of_time, of_time_left, straight):
    median, most, worst = map(float, of_time)
    ours = f"{median:.1f} %, 95 % of looks {most:.1f} %, worst {worst:.1f} % (of time left {of_time_left[0]} %)"
    ratio = f"{median / float(straight[0]):.2f}" if float(straight[0]) else "–"
    # Nobody can know a first day's office hours; it is there for the record.
    target, verdict = (f"95 %: ≤ {TARGET_PERCENT} %", "PASS" if most <= TARGET_PERCENT else "MISS")
    if name == "office hours, first day":
        target, verdict = "–", ""
    return Row(f"forecast, {name}", ours, f"straight line {straight[0]} %", ratio, target, verdict)
