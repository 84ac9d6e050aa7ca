"""What a proxy costs: CPU time per request when full, latency when not, memory afterwards.

The proxy has one core to itself; load and upstream share the other. Peers take turns, A B C D A B C D, so that whatever
else the machine does falls on all of them; what counts is each peer's median over the rounds. That is enough for CPU
time. A p99 tells only of the others as soon as they use a few per cent of a core, so latency counts from quiet rounds:
chosen by what others used, never by what came out.
"""

import json
import resource
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

# Others' share of either core up to which a latency round is quiet.
QUIET_SHARE_MAX = 0.05


@dataclass
class Overhead:
    """Readings for each peer, one for each round."""

    cpu_us: dict = field(default_factory=lambda: defaultdict(list))
    requests_per_s: dict = field(default_factory=lambda: defaultdict(list))
    latency: dict = field(default_factory=lambda: defaultdict(list))
    rss_kib: dict = field(default_factory=dict)
    # Shares of the proxy's core that somebody else used in the CPU rounds, interrupts included.
    foreign: list = field(default_factory=list)


@dataclass(frozen=True)
class Latency:
    """One round of one peer."""

    p50_us: int
    p99_us: int
    # How late the generator itself sent (p99); not part of the latencies.
    late_p99_us: int
    # What others used of the busier core.
    foreign: float

    def is_quiet(self):
        return self.foreign <= QUIET_SHARE_MAX


# In one round: whose a token is (every half minute until the answer tells), and a knock at the front door each minute.
OWN_QUESTIONS_MAX = 3


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
        if not 0 <= surplus <= CONNECTIONS + OWN_QUESTIONS_MAX:
            raise Unsound(f"{peer.name}: wrk counted {run.requests} requests, the upstream {surplus:+d}")
        found.cpu_us[peer.name].append(spent / run.requests * 1e6)
        found.requests_per_s[peer.name].append(run.requests / run.seconds)
        found.foreign.append(max(0.0, machine.busy_s(cores[0]) - busy - spent) / wall)


def latency_round(found, targets, upstream, seconds, cores):
    """`targets` maps a name to a port and the servers on the first core; one of them is the upstream itself."""
    for name, (port, servers) in targets.items():
        counted = upstream.requests()
        before, started = others_s(servers, upstream, cores), time.monotonic()
        run = load(port, CONNECTIONS, seconds, rate=RATE_PER_S, core=cores[1])
        after, wall = others_s(servers, upstream, cores), time.monotonic() - started
        if run["statuses"] != {"200": run["sent"]}:
            raise Unsound(f"{name}: not every request was answered with 200: {run}")
        surplus = upstream.requests() - counted - run["sent"]
        if not 0 <= surplus <= OWN_QUESTIONS_MAX:
            raise Unsound(f"{name}: sent {run['sent']} requests, the upstream {surplus:+d}")
        foreign = max(0.0, *((later - sooner) / wall for sooner, later in zip(before, after)))
        found.latency[name].append(Latency(run["p50_us"], run["p99_us"], run["late_p99_us"], foreign))


def others_s(servers, upstream, cores):
    """What each core has worked for others than the proxy, the upstream and the load generator."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    around = upstream.server.cpu_s() + ended.ru_utime + ended.ru_stime
    return machine.busy_s(cores[0]) - sum(server.cpu_s() for server in servers), machine.busy_s(cores[1]) - around


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


def p99_us(found, name):
    """The median of the quiet rounds; nothing if there were not enough of them."""
    quiet = [each.p99_us for each in found.latency[name] if each.is_quiet()]
    return median(quiet) if 2 * len(quiet) >= len(found.latency[name]) else None


def added_p99_us(found, name):
    with_it, without = p99_us(found, name), p99_us(found, "direct")
    return None if with_it is None or without is None else with_it - without
