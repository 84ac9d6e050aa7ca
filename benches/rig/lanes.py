"""What a flood of bulk calls does to interactive ones, in real time: latency of one interactive call a second with the
portal to itself, and then beside three programs with HubSpot's Node SDK and 200 raw callers that ask as often as they
may. With lanes off the same must hurt, or there was no flood. Several runs go side by side, each with its own portal,
for one run has too few calls to tell 5 % of a latency that is drawn from 20..60 ms."""

import http.client
import json
import os
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median, quantiles

from .load import load
from .machine import ROOT, Unsound
from .peers import hubkeeper
from .quota import BURST_PROFESSIONAL, LIST, WINDOW_S
from .report import Row, at_least, at_most, exactly
from .server import Server

RUNS = 3
RATE_PER_S = 1
SDKS, AT_ONCE = 3, 100
RAW_CALLERS = 200
# Three Node programs for each run start, and none of them is measured meanwhile.
STARTING_S = 8
# With lanes off the last calls are answered when the flood is over.
ANSWERED_S_MAX = 60
SAMPLE_S = 0.25

# Each call shall be a call. What names no lane is bulk: the raw callers are.
SETTINGS = {
    "HUBKEEPER__CACHE__ENABLED": "false",
    "HUBKEEPER__GATEWAY__PACKING": "false",
    "HUBKEEPER__LANES__DEFAULT": "bulk",
}
# Times the unloaded median that the control's must be, or the flood was none.
HURT_MIN = 5


@dataclass
class Run:
    unloaded_ms: list
    loaded_ms: list
    # What the gateway itself says it held the loaded calls back for.
    held_ms: list
    # Calls in the rolling window, as the portal counts them, while the flood lasts and from its first full window on.
    windows: list
    worst_window: int
    # 429s: what the portal refused, and what callers of any kind got.
    rejected: int
    refused: int
    bulk_ok: int


@dataclass
class Readings:
    runs: list
    control: Run


def measure(binary, home, unloaded_s, loaded_s):
    with ThreadPoolExecutor(RUNS + 1) as pool:
        names = [(f"lanes-{number}", True) for number in range(RUNS)] + [("lanes-off", False)]
        runs = [pool.submit(beside_a_flood, binary, home, *each, unloaded_s, loaded_s) for each in names]
        *runs, control = [run.result() for run in runs]
    hurt = median(control.loaded_ms) / median(control.unloaded_ms)
    if hurt < HURT_MIN:
        raise Unsound(f"with lanes off an interactive call takes {hurt:.1f} times as long: that was no flood")
    return Readings(runs, control)


def beside_a_flood(binary, home, name, lanes, unloaded_s, loaded_s):
    flags = ["--listen", "127.0.0.1:0", "--plan", "professional", "--latency-ms", "20..60", "--contacts", 200]
    # Else every run would draw the same latencies.
    flags += ["--seed", 1 + sum(name.encode())]
    portal = Server(f"sim-{name}", [binary, "sim", *flags], home)
    ready = portal.ready_line()
    url, token = ready["sim"], ready["token"]
    switched = SETTINGS | {"HUBKEEPER__LANES__ENABLED": str(lanes).lower()}
    gateway = hubkeeper(binary, home, url, f"gateway-{name}", environment=switched)
    records = known(url, token)
    try:
        unloaded = interactive(gateway.port, token, records[:unloaded_s])
        flood = Flood(gateway.port, token, records[0], name, loaded_s)
        loaded = interactive(gateway.port, token, records[unloaded_s : unloaded_s + loaded_s], flood.start_at, True)
        windows = flood.end(lambda: counted(url)[0]["used"])
        answers = loaded()
        budget, _ = counted(url)
    finally:
        gateway.server.stop()
        portal.stop()
    bad = [status for _, status, _ in [*unloaded, *answers] if status not in (200, 429)]
    if bad or flood.failed:
        raise Unsound(f"{name}: neither 200 nor 429: interactive {bad}, bulk {flood.failed}")
    refused = flood.refused + sum(status == 429 for _, status, _ in [*unloaded, *answers])
    return Run(
        [took for took, _, _ in unloaded],
        [took for took, _, _ in answers],
        [held for _, _, held in answers],
        windows,
        budget["worst_window"],
        budget["rejected"],
        refused,
        flood.ok,
    )


class Flood:
    """Everything that asks in lane bulk, from `start_at` on for so many seconds."""

    def __init__(self, port, token, record, name, seconds):
        self.start_at, self.seconds = time.time() + STARTING_S, seconds
        environment = {"PATH": os.environ["PATH"], "GATEWAY_URL": f"http://127.0.0.1:{port}", "ACCESS_TOKEN": token}
        environment |= {"RECORD": record, "START_AT_MS": str(self.start_at * 1000)}
        script = str(ROOT / "benches/node/flood.mjs")
        self.sdks = [
            subprocess.Popen(
                ["node", script, f"{name}-{sdk}", str(AT_ONCE), str(seconds)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
            for sdk in range(SDKS)
        ]
        self.pool = ThreadPoolExecutor(1)
        self.raw = self.pool.submit(self.ask_raw, port, token)

    def ask_raw(self, port, token):
        time.sleep(max(0, self.start_at - time.time()))
        return load(port, RAW_CALLERS, self.seconds, path=LIST, token=token, grace_s=0)

    def end(self, used):
        """Waits it out. Gives what `used` said from the first window that lies in the flood on."""
        try:
            time.sleep(max(0, self.start_at + WINDOW_S - time.time()))
            windows = []
            # The last half second is the callers' leaving.
            while time.time() < self.start_at + self.seconds - 0.5:
                windows.append(used())
                time.sleep(SAMPLE_S)
            raw = self.raw.result()
            told = [json.loads(sdk.communicate(timeout=STARTING_S)[0]) for sdk in self.sdks]
        finally:
            for sdk in self.sdks:
                sdk.kill()
                sdk.wait()
            self.pool.shutdown()
        statuses = raw["statuses"]
        self.ok = statuses.get("200", 0) + sum(each["ok"] for each in told)
        self.refused = statuses.get("429", 0) + sum(each["refused"] for each in told)
        others = {status: count for status, count in statuses.items() if status not in ("200", "429")}
        self.failed = [others] * bool(others) + [raw] * bool(raw["broken"]) + [each for each in told if each["failed"]]
        if min(each["ok"] for each in told) == 0:
            raise Unsound(f"an SDK got no answer: {told}")
        return windows


def interactive(port, token, records, start_at=None, later=False):
    """One call a second whether or not the one before is answered: (ms, status, ms held back) of each. `later` gives
    a function that waits for them."""
    start_at = start_at or time.time()
    answers = [None] * len(records)

    def ask(index):
        time.sleep(max(0, start_at + index / RATE_PER_S - time.time()))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=len(records) + ANSWERED_S_MAX)
        headers = {"Authorization": f"Bearer {token}", "X-Hubkeeper-Lane": "interactive"}
        began = time.perf_counter()
        connection.request("GET", f"/crm/v3/objects/contacts/{records[index]}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        took_ms = (time.perf_counter() - began) * 1000
        answers[index] = took_ms, answer.status, float(answer.headers.get("X-Hubkeeper-Wait-Ms", 0))
        connection.close()

    threads = [threading.Thread(target=ask, args=(index,), daemon=True) for index in range(len(records))]
    for thread in threads:
        thread.start()

    def wait():
        for thread in threads:
            thread.join()
        if None in answers:
            raise Unsound(f"{answers.count(None)} interactive calls got no answer")
        return answers

    return wait if later else wait()


def known(url, token):
    """Numbers of a hundred records, asked of the portal itself."""
    request = urllib.request.Request(
        f"{url}/crm/v3/objects/contacts?limit=100", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return [record["id"] for record in json.load(answer)["results"]]


def counted(url):
    with urllib.request.urlopen(f"{url}/_sim/stats", timeout=5) as answer:
        stats = json.load(answer)
    return stats["budgets"]["burst"], stats["statuses"]


def p90(readings):
    return quantiles(readings, n=10, method="inclusive")[8]


def rows(found):
    ms = "{:.1f} ms".format
    unloaded = [each for run in found.runs for each in run.unloaded_ms]
    loaded = [each for run in found.runs for each in run.loaded_ms]
    what = "interactive beside a bulk flood"
    yield at_most(f"{what}, p50", median(loaded), median(unloaded), 1.05, ms, "unloaded")
    yield at_most(f"{what}, p90", p90(loaded), p90(unloaded), 1.1, ms, "unloaded")
    yield at_most(f"{what}, max", max(loaded), median(unloaded), 4, ms, "unloaded p50")
    used = min(sum(run.windows) / len(run.windows) for run in found.runs)
    what = "calls in a rolling window of the flood, mean of the worst run"
    yield at_least(what, used, BURST_PROFESSIONAL, 0.95, "{:.1f}".format, "limit")
    refusals = sum(run.rejected + run.refused for run in found.runs)
    yield exactly("429s beside the flood, portal's and callers'", refusals, 0)
    off, alone = median(found.control.loaded_ms), median(found.control.unloaded_ms)
    what = "interactive p50 with lanes off (control)"
    yield Row(what, ms(off), f"unloaded {ms(alone)}", f"{off / alone:.0f}", f"≥ {HURT_MIN}", "PASS")


def every_run(found):
    for name, run in [*((f"lanes {number + 1}", run) for number, run in enumerate(found.runs)), ("off", found.control)]:
        yield (
            f"lanes, {name}: interactive ms p50 {median(run.loaded_ms):.1f}, p90 {p90(run.loaded_ms):.1f}, max"
            f" {max(run.loaded_ms):.1f} (unloaded {median(run.unloaded_ms):.1f}, {p90(run.unloaded_ms):.1f},"
            f" {max(run.unloaded_ms):.1f}); held back by the gateway p50 {median(run.held_ms):.0f}, max"
            f" {max(run.held_ms):.0f}; {run.bulk_ok} bulk calls; {min(run.windows)} to {max(run.windows)} calls in a"
            f" rolling window; 429s: portal {run.rejected}, callers {run.refused}"
        )
