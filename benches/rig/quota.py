"""How much of a portal's limit its programs get to use, and that nobody ever goes over it: in real time, as counted by
the simulated portal and never by us. These runs wait nearly always, so they go side by side."""

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from statistics import mean

from .load import load
from .machine import ROOT, Unsound
from .peers import hubkeeper
from .server import Server

WINDOW_S = 10
# Calls of one private app in any window: a Free or Starter portal's, and a Professional or Enterprise portal's
# (HubSpot's API usage guidelines, "Rate limits").
BURST_STARTER = 100
BURST_PROFESSIONAL = 190

CALLERS = 50
LIST = "/crm/v3/objects/contacts?limit=1"


@dataclass
class Run:
    """Callers' answers and the portal's count of one run."""

    ok: int
    refused: int
    # The portal's own: calls it took and refused, and the most it took in any rolling window.
    taken: int
    rejected: int
    worst_window: int
    # Seconds after the start, one for each good answer, in order.
    ok_after_s: list


class Portal:
    """A simulated portal."""

    def __init__(self, binary, home, name, burst, latency_ms):
        flags = ["--listen", "127.0.0.1:0", "--burst", burst, "--latency-ms", latency_ms, "--contacts", 10]
        self.server = Server(f"sim-{name}", [binary, "sim", *flags], home)
        ready = self.server.ready_line()
        self.url, self.token = ready["sim"], ready["token"]

    def counted(self):
        with urllib.request.urlopen(f"{self.url}/_sim/stats", timeout=5) as answer:
            stats = json.load(answer)
        return stats["budgets"]["burst"], stats["statuses"]


def through_gateway(binary, home, name, *, burst, latency_ms, callers, seconds, rate=None, governor=True):
    """Callers that ask again as soon as they are answered, through `hubkeeper up`, from a cold start."""
    portal = Portal(binary, home, name, burst, latency_ms)
    # All ask the same, and each shall be asked for.
    switched = {"HUBKEEPER__CACHE__ENABLED": "false"}
    switched |= {} if governor else {"HUBKEEPER__GATEWAY__GOVERNOR": "false"}
    gateway = hubkeeper(binary, home, portal.url, f"gateway-{name}", environment=switched)
    answers = home / f"{name}.csv"
    try:
        told = load(
            gateway.port, callers, seconds, path=LIST, token=portal.token, rate=rate, grace_s=0, answers=answers
        )
        budget, statuses = portal.counted()
    finally:
        gateway.server.stop()
        portal.server.stop()
    lines = [line.split(",") for line in answers.read_text().splitlines()]
    ok, refused = told["statuses"].get("200", 0), told["statuses"].get("429", 0)
    if told["broken"] or ok + refused + told["unanswered"] != told["sent"]:
        raise Unsound(f"{name}: callers got answers that are neither 200 nor 429: {told}")
    # At the end of a run each caller may have one call under way; the gateway asks once whose a new token is.
    if not ok <= statuses.get("200", 0) <= ok + callers + 1:
        raise Unsound(f"{name}: callers count {ok} good answers, the portal {statuses}")
    ok_after_s = [int(after) / 1e6 for after, status in lines if status == "200"]
    return Run(ok, refused, budget["allowed"], budget["rejected"], budget["worst_window"], ok_after_s)


def with_sdk(binary, home, name, *, burst, latency_ms, callers, seconds):
    """The same callers in HubSpot's Node SDK, straight at such a portal."""
    portal = Portal(binary, home, name, burst, latency_ms)
    environment = {"PATH": os.environ["PATH"], "SIM_URL": portal.url, "ACCESS_TOKEN": portal.token}
    command = ["node", str(ROOT / "benches/node/sdk.mjs"), str(callers), str(seconds)]
    try:
        told = subprocess.run(command, check=True, env=environment, cwd=home, stdout=subprocess.PIPE)
        budget, statuses = portal.counted()
    finally:
        portal.server.stop()
    counts = json.loads(told.stdout)
    if counts["failed"] or not counts["ok"] <= statuses.get("200", 0) <= counts["ok"] + callers:
        raise Unsound(f"{name}: the SDK counts {counts}, the portal {statuses}")
    return Run(counts["ok"], counts["refused"], budget["allowed"], budget["rejected"], budget["worst_window"], [])


def allowed(burst, seconds):
    """What a rolling limit lets through: a full window at once, and one more each time a window has passed."""
    return burst * (seconds // WINDOW_S)


def slots_used(run, burst):
    """The share of a window's slots that carried a call, over the whole run: how soon the same number of calls as the
    limit came again, against the window. Counting calls to an end would round to whole windows."""
    after = run.ok_after_s
    windows = (len(after) - 1) // burst
    if windows < 1:
        raise Unsound(f"{len(after)} calls are too few to see a window of {burst} come again")
    later = after[windows * burst :]
    cycles_s = [(again - once) / windows for once, again in zip(after, later)]
    return WINDOW_S / mean(cycles_s)
