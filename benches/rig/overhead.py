"""What a proxy costs: CPU time per request when full, latency when not, memory afterwards.

The proxy has one core to itself; load and upstream share the other. Peers take turns, A B C D A B C D, so that whatever
else the machine does falls on all of them; what counts is each peer's median over the rounds.
"""

import json
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from . import machine
from .load import load, wrk
from .machine import Unsound
from .peers import BURST_MAX

CONNECTIONS = 32
# A fraction of what even the slowest of them can do: when there is a queue, its length is what one measures.
RATE_PER_S = 2000
WARM_UP_S = 1


@dataclass
class Overhead:
    """Readings for each peer, one for each round."""

    cpu_us: dict = field(default_factory=lambda: defaultdict(list))
    requests_per_s: dict = field(default_factory=lambda: defaultdict(list))
    p50_us: dict = field(default_factory=lambda: defaultdict(list))
    p99_us: dict = field(default_factory=lambda: defaultdict(list))
    late_p99_us: list = field(default_factory=list)
    rss_kib: dict = field(default_factory=dict)
    # Shares of the proxy's core that somebody else used, interrupts included.
    foreign: list = field(default_factory=list)


def warm_up(peers, cores):
    """Connections, caches, just-in-time compilers, and the gateway's first look at a token."""
    for peer in peers:
        wrk(peer.port, CONNECTIONS, WARM_UP_S, cores[1])


def cpu_round(found, peers, upstream, seconds, cores):
    for peer in peers:
        counted = upstream.requests()
        cpu, busy, started = peer.server.cpu_s(), machine.busy_s(cores[0]), time.monotonic()
        run = wrk(peer.port, CONNECTIONS, seconds, cores[1])
        spent, wall = peer.server.cpu_s() - cpu, time.monotonic() - started
        # wrk drops what is under way when its time is up.
        surplus = upstream.requests() - counted - run.requests
        if not 0 <= surplus <= CONNECTIONS:
            raise Unsound(f"{peer.name}: wrk counted {run.requests} requests, the upstream {surplus:+d}")
        found.cpu_us[peer.name].append(spent / run.requests * 1e6)
        found.requests_per_s[peer.name].append(run.requests / run.seconds)
        found.foreign.append(max(0.0, machine.busy_s(cores[0]) - busy - spent) / wall)


def latency_round(found, targets, upstream, seconds, cores):
    """`targets` maps a name to a port; one of them is the upstream itself."""
    for name, port in targets.items():
        counted = upstream.requests()
        run = load(port, CONNECTIONS, seconds, rate=RATE_PER_S, core=cores[1])
        if run["statuses"] != {"200": run["sent"]}:
            raise Unsound(f"{name}: not every request was answered with 200: {run}")
        if upstream.requests() - counted != run["sent"]:
            raise Unsound(f"{name}: sent {run['sent']} requests, the upstream counted another number")
        found.p50_us[name].append(run["p50_us"])
        found.p99_us[name].append(run["p99_us"])
        found.late_p99_us.append(run["late_p99_us"])


def weigh(found, peers):
    for peer in peers:
        found.rss_kib[peer.name] = peer.server.rss_kib()


def check_governed(peer):
    """The gateway must have governed all this, or it was measured with a part switched off."""
    with urllib.request.urlopen(f"{peer.admin}/api/v1/traffic", timeout=5) as answer:
        traffic = json.load(answer)
    limits = [connection["burst_max"] for connection in traffic["connections"]]
    if not traffic["governed"] or limits != [BURST_MAX]:
        raise Unsound(f"the gateway did not govern by the upstream's headers: {traffic['governed']=}, {limits=}")


def added_p99_us(found, name):
    return median(found.p99_us[name]) - median(found.p99_us["direct"])
