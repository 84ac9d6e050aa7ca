"""What the readings come to: the rows of the table, and the page around it that lets a reader doubt them."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from . import audited, cache, fullness, intake, lanes, overhead, packing, quota, room, waiting
from .report import Row, at_least, at_most, exactly, spread, table, unclear

# Others' use of the proxies' core above which a reader is warned.
FOREIGN_SHARE_MAX = 0.10

GOVERNED = {
    "starter": quota.BURST_STARTER,
    "professional": quota.BURST_PROFESSIONAL,
    "governed": quota.BURST_PROFESSIONAL,
}


@dataclass(frozen=True)
class Secure:
    """TLS to the upstream, and starts that have it to set up."""

    overhead: overhead.Overhead
    took_ms: list
    rest_kib: int


@dataclass(frozen=True)
class Readings:
    """What each part measured; nothing of one whose control failed."""

    plain: overhead.Overhead | None = None
    secure: Secure | None = None
    # Name → quota.Run.
    runs: dict | None = None
    # Rows of the forecast, made by its own rig.
    foretold: list | None = None
    kept: cache.Readings | None = None
    waited: waiting.Waiting | None = None
    packed: packing.Readings | None = None
    beside: lanes.Readings | None = None
    taken: intake.Readings | None = None
    full: fullness.Readings | None = None
    verified: audited.Readings | None = None
    watched: room.Readings | None = None


@dataclass(frozen=True)
class Part:
    """A part of the table: what it is about, and its rows from what was measured."""

    title: str
    rows: Callable


# In the order of the table.
PARTS = {
    "plain": Part("through the gateway over HTTP", lambda plain, _: plain_rows(plain)),
    "secure": Part("TLS to the upstream, and starts", lambda secure, _: secure_rows(secure)),
    "runs": Part("quota", lambda runs, effort: [*quota_rows(runs, effort.quota_s), *law_rows(runs)]),
    "waited": Part("waiting calls", lambda waited, _: waiting_rows(waited)),
    "beside": Part("beside a flood", lambda beside, _: lanes.rows(beside)),
    "foretold": Part("forecast", lambda foretold, _: foretold),
    "kept": Part("answers from memory", lambda kept, _: cache.rows(kept)),
    "packed": Part("packing", lambda packed, _: packing.rows(packed)),
    "taken": Part("webhook intake", lambda taken, _: intake.rows(taken)),
    "full": Part("a full store", lambda full, _: fullness.rows(full)),
    "verified": Part("the audit log", lambda found, _: audited.rows(found)),
    "watched": Part("the incident room", lambda watched, _: room.rows(watched)),
}


def page(effort, found, failed, facts):
    """`failed` says of a part by its name which of its controls failed, and so why there is nothing of it."""
    rows = []
    for name, part in PARTS.items():
        rows += [control_failed(part)] if name in failed else part.rows(getattr(found, name), effort)
    lines = ["# Benchmarks", "", table(rows), ""]
    if effort.name != "full":
        lines += [f"**A {effort.name} run: its rounds are too short for these numbers to mean much.**", ""]
    if failed:
        lines += ["## Controls that failed", "", *(f"- {PARTS[name].title}: {why}" for name, why in failed.items()), ""]
    foreign = [share for side in sides(found).values() for share in side.foreign]
    if foreign and median(foreign) > FOREIGN_SHARE_MAX:
        lines += ["**The machine was busy with other work: trust no number of this run.**", ""]
    lines += [*method(effort, foreign, found.plain), "", "## Every round", ""]
    lines += [f"- {reading}" for reading in every_round(found)]
    lines += ["", "## Machine", "", *(f"- {fact}" for fact in facts), ""]
    return "\n".join(lines)


def sides(found):
    """The CPU rounds that there are."""
    both = {"HTTP": found.plain, "TLS": found.secure and found.secure.overhead}
    return {kind: side for kind, side in both.items() if side}


def control_failed(part):
    return Row(f"{part.title}: a control failed (below)", "–", "–", "–", "–", "FAILED")


US = "{:.1f} µs".format


def plain_rows(plain):
    mib = lambda kib: f"{kib / 1024:.1f} MiB"  # noqa: E731
    cpu = {name: median(each) for name, each in plain.cpu_us.items()}
    what = "CPU per request, HTTP"
    yield at_most(what, cpu["hubkeeper"], cpu["nginx"], 1.25, US, "nginx")
    yield at_most(what, cpu["hubkeeper"], cpu["Node http-proxy"], 0.35, US, "Node http-proxy")
    yield at_most(what, cpu["hubkeeper"], cpu["haproxy"], None, US, "haproxy")
    what = f"added p99 at {overhead.RATE_PER_S}/s"
    ours, nginx = (overhead.added_p99_us(plain, name) for name in ("hubkeeper", "nginx"))
    yield unclear(what, "≤ 2") if ours is None or nginx is None else at_most(what, ours, nginx, 2, US, "nginx")
    ours, nginx = plain.rss_kib["hubkeeper"], plain.rss_kib["nginx"]
    yield at_most("memory after the load (RSS)", ours, nginx, 1.5, mib, "nginx")


def secure_rows(secure):
    cpu = {name: median(each) for name, each in secure.overhead.cpu_us.items()}
    yield at_most("CPU per request, TLS to upstream", cpu["hubkeeper"], cpu["nginx"], 1.25, US, "nginx")
    yield at_most("start to ready line", median(secure.took_ms), 150, 1, "{:.0f} ms".format, "limit")
    yield at_most("memory at rest (RSS)", secure.rest_kib / 1024, 30, 1, "{:.1f} MiB".format, "limit")


def quota_rows(runs, seconds):
    starter, professional = runs["starter"], runs["professional"]
    what = f"calls in {seconds} s, limit {quota.BURST_STARTER}"
    ideal = quota.allowed(quota.BURST_STARTER, seconds)
    yield at_least(what, starter.ok, ideal, 0.97, str, "the rolling limit's")
    what = f"calls in {seconds} s, limit {quota.BURST_PROFESSIONAL}"
    yield at_least(what, professional.ok, runs["sdk"].ok, 2, str, "Node SDK's limiter")


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
    if not foreign:
        return
    quiet = [each for rounds in plain.latency.values() for each in rounds if each.is_quiet()] if plain else []
    late_us = max((each.late_p99_us for each in quiet), default=0)
    yield (
        f"Others used {median(foreign):.1%} of the proxies' core in the median CPU round, {max(foreign):.1%} at most,"
        f" interrupts included. In quiet rounds the load generator sent up to {late_us} µs late (p99 of the worst);"
        " that is not counted as latency."
    )


def every_round(found):
    for kind, side in sides(found).items():
        for name, each in side.cpu_us.items():
            rate = median(side.requests_per_s[name])
            yield f"CPU µs per request, {kind}, {name}: {spread(each, '{:.1f}')} (at {rate:.0f} requests/s)"
    if found.plain:
        yield from every_latency(found.plain)
    if found.secure:
        yield f"start to ready line, ms: {spread(sorted(found.secure.took_ms), '{:.0f}')}"
    if found.kept:
        for name, each in found.kept.cpu_us.items():
            yield f"CPU µs per answer from memory, {name}: {spread(each, '{:.1f}')}"
    for name, run in (found.runs or {}).items():
        yield (
            f"quota, {name}: {run.ok} answered, {run.refused} refused to callers; the portal took {run.taken}, refused"
            f" {run.rejected}, at most {run.worst_window} in a rolling window"
        )
    if found.beside:
        yield from lanes.every_run(found.beside)
    if found.taken:
        yield from intake.every_round(found.taken)


def every_latency(plain):
    for name, rounds in plain.latency.items():
        each = " ".join(f"{one.p99_us}" if one.is_quiet() else f"({one.p99_us})" for one in rounds)
        p50 = median(one.p50_us for one in rounds)
        what = f"at {overhead.RATE_PER_S}/s, {name}"
        yield f"p99 µs {what}: {each} (in brackets: not quiet; median of all p50: {p50:.0f})"
        yield f"others' share of a core, %, {what}: {spread([100 * one.foreign for one in rounds], '{:.0f}')}"
    for name, kib in plain.rss_kib.items():
        yield f"RSS after the load, {name}: {kib / 1024:.1f} MiB"
