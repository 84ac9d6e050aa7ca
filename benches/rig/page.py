"""What the readings come to: the rows of the table, and the page around it that lets a reader doubt them."""

from dataclasses import dataclass
from statistics import median

from . import cache, fullness, intake, lanes, overhead, packing, quota, room, waiting
from .report import Row, at_least, at_most, exactly, spread, table, unclear

# Others' use of the proxies' core above which a reader is warned.
FOREIGN_SHARE_MAX = 0.10

GOVERNED = {
    "starter": quota.BURST_STARTER,
    "professional": quota.BURST_PROFESSIONAL,
    "governed": quota.BURST_PROFESSIONAL,
}


@dataclass(frozen=True)
class Readings:
    """Everything one run measured."""

    plain: overhead.Overhead
    secure: overhead.Overhead
    took_ms: list
    rest_kib: int
    # Name → quota.Run.
    runs: dict
    # Rows of the forecast, made by its own rig.
    foretold: list
    kept: cache.Readings
    waited: waiting.Waiting
    packed: packing.Readings
    beside: lanes.Readings
    taken: intake.Readings
    full: fullness.Readings
    watched: room.Readings


def page(effort, found, facts):
    rows = [
        *overhead_rows(found.plain, found.secure),
        *quota_rows(found.runs, effort.quota_s),
        *startup_rows(found.took_ms, found.rest_kib),
        *waiting_rows(found.waited),
        *law_rows(found.runs),
        *lanes.rows(found.beside),
        *found.foretold,
        *cache.rows(found.kept),
        *packing.rows(found.packed),
        *intake.rows(found.taken),
        *fullness.rows(found.full),
        *room.rows(found.watched),
    ]
    foreign = found.plain.foreign + found.secure.foreign
    lines = ["# Benchmarks", "", table(rows), ""]
    if effort.name != "full":
        lines += [f"**A {effort.name} run: its rounds are too short for these numbers to mean much.**", ""]
    if median(foreign) > FOREIGN_SHARE_MAX:
        lines += ["**The machine was busy with other work: trust no number of this run.**", ""]
    lines += [*method(effort, foreign, found.plain), "", "## Every round", ""]
    lines += [f"- {reading}" for reading in every_round(found)]
    lines += ["", "## Machine", "", *(f"- {fact}" for fact in facts), ""]
    return "\n".join(lines)


def overhead_rows(plain, secure):
    us, mib = "{:.1f} µs".format, lambda kib: f"{kib / 1024:.1f} MiB"
    cpu, tls = ({name: median(each) for name, each in found.cpu_us.items()} for found in (plain, secure))
    what = "CPU per request, HTTP"
    yield at_most(what, cpu["hubkeeper"], cpu["nginx"], 1.25, us, "nginx")
    yield at_most(what, cpu["hubkeeper"], cpu["Node http-proxy"], 0.35, us, "Node http-proxy")
    yield at_most(what, cpu["hubkeeper"], cpu["haproxy"], None, us, "haproxy")
    yield at_most("CPU per request, TLS to upstream", tls["hubkeeper"], tls["nginx"], 1.25, us, "nginx")
    what = f"added p99 at {overhead.RATE_PER_S}/s"
    ours, nginx = (overhead.added_p99_us(plain, name) for name in ("hubkeeper", "nginx"))
    yield unclear(what, "≤ 2") if ours is None or nginx is None else at_most(what, ours, nginx, 2, us, "nginx")
    ours, nginx = plain.rss_kib["hubkeeper"], plain.rss_kib["nginx"]
    yield at_most("memory after the load (RSS)", ours, nginx, 1.5, mib, "nginx")


def quota_rows(runs, seconds):
    starter, professional = runs["starter"], runs["professional"]
    what = f"calls in {seconds} s, limit {quota.BURST_STARTER}"
    ideal = quota.allowed(quota.BURST_STARTER, seconds)
    yield at_least(what, starter.ok, ideal, 0.97, str, "the rolling limit's")
    what = f"calls in {seconds} s, limit {quota.BURST_PROFESSIONAL}"
    yield at_least(what, professional.ok, runs["sdk"].ok, 2, str, "Node SDK's limiter")


def startup_rows(took_ms, rest_kib):
    yield at_most("start to ready line", median(took_ms), 150, 1, "{:.0f} ms".format, "limit")
    yield at_most("memory at rest (RSS)", rest_kib / 1024, 30, 1, "{:.1f} MiB".format, "limit")


def waiting_rows(waited):
    what = f"memory of {waited.callers} waiting calls (RSS over idle)"
    yield at_most(what, waited.added_mib(), 64, 1, "{:.1f} MiB".format, "limit")


def law_rows(runs):
    """Law L1, once in real time."""
    latency_s = (0.020 + 0.400) / 2
    ideal = quota.WINDOW_S / (quota.WINDOW_S + latency_s)
    used = quota.slots_used(runs["governed"], quota.BURST_PROFESSIONAL)
    what = f"slots used, {quota.CALLERS} callers, 20..400 ms"
    yield at_least(what, used, ideal, 0.97, "{:.3f}".format, "W/(W+latency)")
    fullest = max(GOVERNED, key=lambda name: runs[name].worst_window / GOVERNED[name])
    what = "fullest rolling window, against the limit"
    yield at_most(what, runs[fullest].worst_window, GOVERNED[fullest], 1, str, "limit")
    refusals = sum(runs[name].rejected + runs[name].refused for name in GOVERNED)
    yield exactly("429s in the three governed runs", refusals, 0)
    yield Row("429s with the governor off (control)", str(runs["ungoverned"].rejected), "", "–", "> 0", "PASS")


def method(effort, foreign, plain):
    yield (
        f"CPU is user and system time of all processes of a peer, the median of {effort.rounds} rounds of"
        f" {effort.round_s} s; peers take turns, the proxy on one core, load and upstream on another;"
        f" {overhead.CONNECTIONS} keep-alive connections, answers of 1 KB. RSS sums all processes of a peer; a page"
        " that two of them share counts twice, for every peer."
    )
    yield ""
    yield (
        f"Added p99 is the peer's less that of asking the upstream directly, each the median of {effort.latency_rounds}"
        f" rounds of {effort.latency_round_s} s at a fixed rate. Rounds are set aside in which others used more than"
        f" {overhead.QUIET_SHARE_MAX:.0%} of either core; with fewer than half left the result is unclear."
    )
    yield ""
    yield (
        "The quota runs went side by side, counted by the simulated portal; their callers ask again as soon as they are"
        " answered, from a cold start."
    )
    yield ""
    yield (
        f"Interactive calls go {lanes.RATE_PER_S} a second, alone and then beside a flood in lane bulk:"
        f" {lanes.SDKS} programs with HubSpot's Node SDK, {lanes.AT_ONCE} calls at once each, and {lanes.RAW_CALLERS}"
        f" raw callers. {lanes.RUNS} such runs and the control with lanes off go side by side, latencies of the"
        f" {lanes.RUNS} taken together."
    )
    yield ""
    yield (
        f"Webhooks were made and signed beforehand and sent over {intake.IN_FLIGHT} connections, {effort.intake_rounds} rounds of"
        f" {effort.intake_s} s; what they are compared with had the same disk and the whole machine for its turn."
    )
    yield ""
    quiet = [each for rounds in plain.latency.values() for each in rounds if each.is_quiet()]
    late_us = max((each.late_p99_us for each in quiet), default=0)
    yield (
        f"Others used {median(foreign):.1%} of the proxies' core in the median CPU round, {max(foreign):.1%} at most,"
        f" interrupts included. In quiet rounds the load generator sent up to {late_us} µs late (p99 of the worst);"
        " that is not counted as latency."
    )


def every_round(found):
    plain = found.plain
    for side, kind in ((plain, "HTTP"), (found.secure, "TLS")):
        for name, each in side.cpu_us.items():
            rate = median(side.requests_per_s[name])
            yield f"CPU µs per request, {kind}, {name}: {spread(each, '{:.1f}')} (at {rate:.0f} requests/s)"
    for name, rounds in plain.latency.items():
        each = " ".join(f"{one.p99_us}" if one.is_quiet() else f"({one.p99_us})" for one in rounds)
        p50 = median(one.p50_us for one in rounds)
        what = f"at {overhead.RATE_PER_S}/s, {name}"
        yield f"p99 µs {what}: {each} (in brackets: not quiet; median of all p50: {p50:.0f})"
        yield f"others' share of a core, %, {what}: {spread([100 * one.foreign for one in rounds], '{:.0f}')}"
    for name, kib in plain.rss_kib.items():
        yield f"RSS after the load, {name}: {kib / 1024:.1f} MiB"
    yield f"start to ready line, ms: {spread(sorted(found.took_ms), '{:.0f}')}"
    for name, each in found.kept.cpu_us.items():
        yield f"CPU µs per answer from memory, {name}: {spread(each, '{:.1f}')}"
    for name, run in found.runs.items():
        yield (
            f"quota, {name}: {run.ok} answered, {run.refused} refused to callers; the portal took {run.taken}, refused"
            f" {run.rejected}, at most {run.worst_window} in a rolling window"
        )
    yield from lanes.every_run(found.beside)
    yield from intake.every_round(found.taken)
