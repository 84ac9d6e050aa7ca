"""How many calls and how much time packing saves: four processes of HubSpot's unmodified Node SDK read 10,000 contacts one
by one through one limit, as counted by the simulated portal; and that it costs a lone caller nothing. What the programs need
of themselves is measured beside it: the same reads, answered at once by nginx.

    cd benches && python3 -m rig.packing BINARY
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from .machine import ROOT, Unsound
from .peers import TOKEN, hubkeeper, nginx
from .quota import BURST_PROFESSIONAL as BURST
from .quota import WINDOW_S
from .report import Row, at_least, at_most, table
from .server import Server, ending_all, free_port

READS = 10_000
PROGRAMS = 4
LATENCY_MS = "20..60"
BATCH = 100
# Three windows: what comes after them is as long as they are.
CONTROL_READS = 3 * BURST

# In flight → the share of a perfect limiter's time that it may take, and calls it may make.
CASES = {READS: (None, 120), 1_000: (100, None), 200: (40, None), 50: (30, None)}

# A lone reader stays far below what the window sustains, and gets each answer after the same time. So many reads that what
# the machine does meanwhile is not what the slowest hundredth tells.
LONE_BURST = 10_000
LONE_READS = 6_000
LONE_LATENCY_MS = "5"
LONE_WARM_UP = 20

OFF = {"HUBKEEPER__GATEWAY__PACKING": "false"}


@dataclass(frozen=True)
class Run:
    in_flight: int
    reads: int
    took_s: float
    # Upstream, as the portal counts them.
    calls: int
    gateway_cpu_s: float
    # The same programs, answered at once: no gateway can be faster than this.
    programs_s: float | None = None

    def items(self):
        return self.reads / self.calls


@dataclass(frozen=True)
class Readings:
    runs: list
    control: Run
    # ms, in order.
    lone: list
    lone_off: list


class Portal:
    """A simulated portal whose records are known."""

    def __init__(self, binary, home, name, latency_ms, contacts, burst=BURST):
        flags = ["--listen", "127.0.0.1:0", "--latency-ms", latency_ms, "--contacts", contacts]
        self.server = Server(f"sim-{name}", [binary, "sim", *flags, "--burst", burst], home)
        ready = self.server.ready_line()
        self.url, self.token = ready["sim"], ready["token"]

    def stats(self):
        return asked(f"{self.url}/_sim/stats")

    def records(self, count):
        """Ids and e-mail addresses, asked of the portal itself, and a window later, so that it costs the run nothing."""
        found, after = [], ""
        while len(found) < count:
            path = f"/crm/v3/objects/contacts?limit=100&properties=email{after}"
            page = asked(self.url + path, self.token)
            found += [(record["id"], record["properties"]["email"]) for record in page["results"]]
            after = f"&after={page['paging']['next']['after']}" if "paging" in page else None
            if after is None:
                break
        time.sleep(WINDOW_S + 1)
        return found[:count]


def asked(url, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return json.load(answer)


def perfect_s(reads):
    """A full window at once, and the next each time one has passed."""
    return WINDOW_S * ((reads - 1) // BURST)


def measure(binary, home, progress=print):
    home = Path(home)
    runs = []
    for in_flight in CASES:
        progress(f"packing, {in_flight} in flight")
        run = read(binary, home, f"packing-{in_flight}", in_flight, READS)
        runs.append(replace(run, programs_s=answered_at_once(home, f"at-once-{in_flight}", in_flight, READS)))
    progress("packing, control without it")
    control = read(binary, home, "packing-off", 200, CONTROL_READS, OFF)
    if control.calls < CONTROL_READS:
        raise Unsound(f"without packing {CONTROL_READS} reads were {control.calls} calls")
    progress("packing, a lone reader")
    lone, lone_off = lone_reads(binary, home)
    return Readings(runs, control, lone, lone_off)


def read(binary, home, name, in_flight, reads, environment=None):
    with ending_all():
        portal = Portal(binary, home, name, LATENCY_MS, reads)
        records = portal.records(reads)
        gateway = hubkeeper(binary, home, portal.url, f"gateway-{name}", environment=environment)
        before = portal.stats()["budgets"]["burst"]["allowed"]
        took_s = programs(name, gateway.port, portal.token, records, in_flight)
        stats = portal.stats()
        cpu_s = gateway.server.cpu_s()
    burst = stats["budgets"]["burst"]
    if stats["statuses"].get("429") or burst["worst_window"] > BURST:
        raise Unsound(f"{name}: the limit was not kept: {stats['statuses']}, {burst}")
    return Run(in_flight, reads, took_s, burst["allowed"] - before, cpu_s)


def answered_at_once(home, name, in_flight, reads):
    """How long the programs take for the same reads where nobody keeps them waiting."""
    port = free_port()
    times = '"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z","archived":false'
    record = f'{{"id":"$1","properties":{{"email":"$1@example.com","firstname":"A","hs_object_id":"$1"}},{times}}}'
    room = 2 * reads
    http = f"""server {{ listen 127.0.0.1:{port} backlog={room}; location ~ "/(\\d+)$" {{ return 200 '{record}'; }} }}"""
    records = [(str(number), f"{number}@example.com") for number in range(reads)]
    with ending_all():
        nginx(name, http, home, None, connections=room).listening_on(port)
        return programs(name, port, TOKEN, records, in_flight)


def programs(name, port, token, records, in_flight):
    """How long they took, in seconds; all begin at one word, and check each answer."""
    environment = {"PATH": os.environ["PATH"], "TARGET_URL": f"http://127.0.0.1:{port}", "ACCESS_TOKEN": token}
    started = []
    try:
        for number in range(PROGRAMS):
            share = len(range(number, in_flight, PROGRAMS))
            command = ["node", str(ROOT / "benches/node/reads.mjs"), str(share)]
            program = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            started.append(program)
            program.stdin.write(json.dumps(records[number::PROGRAMS]) + "\n")
            program.stdin.flush()
            if program.stdout.readline() != "ready\n":
                raise Unsound("a program did not start")
        for program in started:
            program.stdin.write("go\n")
            program.stdin.flush()
        told = [json.loads(program.stdout.readline()) for program in started]
    finally:
        for program in started:
            program.kill()
            program.wait()
    right = sum(each["right"] for each in told)
    failed = {why: count for each in told for why, count in each["failed"].items()}
    if right != len(records) or failed:
        raise Unsound(f"{name}: {right} of {len(records)} answers were right; failed: {failed}; wrong: {told}")
    return (max(each["ended"] for each in told) - min(each["began"] for each in told)) / 1000


def lone_reads(binary, home):
    """One caller, below what the window sustains: in turn through a gateway with packing and through one without."""
    took = {"on": [], "off": []}
    with ending_all():
        ways = {}
        for name, environment in (("on", None), ("off", OFF)):
            portal = Portal(binary, home, f"lone-{name}", LONE_LATENCY_MS, 10, LONE_BURST)
            gateway = hubkeeper(binary, home, portal.url, f"gateway-lone-{name}", environment=environment)
            record = portal.records(1)[0][0]
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
            headers = {"Authorization": f"Bearer {portal.token}", "Accept": "application/json"}
            ways[name] = (connection, f"/crm/v3/objects/contacts/{record}?properties=email", headers)
        for number in range(LONE_READS + LONE_WARM_UP):
            # Each goes first as often as the other.
            for name in sorted(ways, reverse=number % 2 == 1):
                connection, path, headers = ways[name]
                began = time.perf_counter()
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                if number >= LONE_WARM_UP:
                    took[name].append((time.perf_counter() - began) * 1000)
                if answer.status != 200:
                    raise Unsound(f"a lone read was answered with {answer.status}")
    return sorted(took["on"]), sorted(took["off"])


def quantile(ordered, share):
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def rows(found):
    perfect = perfect_s(READS)
    for run in found.runs:
        share, calls_max = CASES[run.in_flight]
        what = f"{READS} SDK reads, {'all at once' if run.in_flight == READS else f'{run.in_flight} in flight'}"
        if calls_max:
            yield at_most(f"{what}: upstream calls", run.calls, calls_max, 1, str, "limit")
        else:
            times, verdict = perfect / run.took_s, "PASS" if run.took_s * share <= perfect else "MISS"
            ours = f"{run.took_s:.2f} s; the programs by themselves {run.programs_s:.2f} s"
            yield Row(f"{what}: time", ours, f"perfect limiter's {perfect} s", f"1/{times:.0f}", f"≤ 1/{share}", verdict)
        items = f"{what}: reads in a call"
        yield at_least(items, run.items(), min(run.in_flight, BATCH), 0.7, "{:.1f}".format, "what could share one")
    control = found.control
    windows = perfect_s(control.reads) / WINDOW_S
    extrapolated_s = control.took_s / windows * perfect / WINDOW_S
    what = f"without packing (control): {control.reads} reads, {control.calls} calls, {control.took_s:.1f} s"
    yield Row(f"{what}; for {READS}", f"{extrapolated_s:.0f} s", f"{perfect} s", "–", "–", "PASS")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        on, off = quantile(found.lone, share), quantile(found.lone_off, share)
        yield at_most(f"{name} of a lone read", on, off, 1.02, "{:.2f} ms".format, "packing off")


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="hubkeeper-packing-") as home:
        found = measure(binary, home, lambda what: print(what, file=sys.stderr, flush=True))
    print(table(list(rows(found))))
    for run in [*found.runs, found.control]:
        print(run)


if __name__ == "__main__":
    main()
