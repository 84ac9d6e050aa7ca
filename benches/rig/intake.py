"""Webhook intake, the whole path: HTTP, signature, parsing, dedupe and the disk before the 200. Beside it, on the same disk and
in the same run, what a database takes when nobody asks it for any of that.

    cd benches && python3 -m rig.intake BINARY [SECONDS]    the rig by itself

The deliveries are made and signed beforehand, so that the load generator has nothing to do but send. Each side has the
whole machine for its turn.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sqlite3
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .load import LOAD
from .machine import Unsound
from .report import Row, at_least
from .server import Server, free_port

IN_FLIGHT = 16
EVENTS_PER_DELIVERY = 100
# A flood as large as it has to be taken: a hundred thousand events occur in a second.
EVENTS_PER_MS = 100
# One event as HubSpot words it; what is compared with stores as many bytes.
EVENT = (
    '{{"eventId":{id},"subscriptionId":1,"portalId":62515,"appId":54321,"occurredAt":{at},"subscriptionType":'
    '"contact.propertyChange","attemptNumber":0,"objectId":{id},"propertyName":"lifecyclestage","propertyValue":"customer",'
    '"changeSource":"CRM"}}'
)
SECRET = "11111111-2222-3333-4444-555555555555"
PUBLIC = "https://hooks.example.com"
TARGET = "/webhooks/hubspot"

# How many a second are made ready; a run that uses them all up is as long as it took.
SINGLES_PER_S = 60_000
BATCHES_PER_S = 4_000

DISK_WRITES = 2_000
ACK_TIMES_DISK = 8
ACK_MS_MAX = 25
EVENTS_PER_S_MIN = 100_000


@dataclass
class Readings:
    disk_p50_us: float = 0
    # Accepted a second, each round.
    ours: list = field(default_factory=list)
    ours_p99_us: list = field(default_factory=list)
    ours_max_us: list = field(default_factory=list)
    ours_batched: list = field(default_factory=list)
    ours_on_postgres: list = field(default_factory=list)
    postgres: list = field(default_factory=list)
    redis: list = field(default_factory=list)
    sqlite_rows: list = field(default_factory=list)
    forged: dict = field(default_factory=dict)


def measure(binary, home, rounds, seconds, progress):
    found = Readings()
    found.disk_p50_us = disk(home)
    found.forged = forgeries(binary, home)
    for number in range(1, rounds + 1):
        progress(f"webhook intake, round {number} of {rounds}")
        single = intake(binary, home, f"singles{number}", deliveries(home, 1, SINGLES_PER_S * seconds), seconds)
        found.ours.append(single["rate"])
        found.ours_p99_us.append(single["p99_us"])
        found.ours_max_us.append(single["max_us"])
        batch = deliveries(home, EVENTS_PER_DELIVERY, BATCHES_PER_S * seconds)
        batched = intake(binary, home, f"batches{number}", batch, seconds)
        found.ours_batched.append(batched["rate"] * EVENTS_PER_DELIVERY)
        found.sqlite_rows.append(sqlite_full(home, seconds))
        found.redis.append(redis(home, seconds))
        with postgres(home, number) as server:
            found.postgres.append(server.single_inserts(seconds))
            ready = deliveries(home, 1, SINGLES_PER_S * seconds)
            found.ours_on_postgres.append(intake(binary, home, f"pg{number}", ready, seconds, server.url)["rate"])
    return found


def disk(home):
    """The median of small appended writes, each brought to the disk (fdatasync)."""
    path = home / "fdatasync"
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    took = []
    for _ in range(DISK_WRITES):
        os.write(handle, b"x" * 4096)
        began = time.perf_counter()
        os.fdatasync(handle)
        took.append(time.perf_counter() - began)
    os.close(handle)
    path.unlink()
    return median(took) * 1e6


def deliveries(home, events, count, secret=SECRET):
    """A file of signed requests, no event twice."""
    file = home / f"deliveries-{events}"
    at = int(time.time() * 1000)
    head = f"POST {TARGET} HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Type: application/json\r\nX-HubSpot-Request-Timestamp: {at}\r\n"
    begin, end = f"POST{PUBLIC}{TARGET}".encode(), str(at).encode()
    # Nanoseconds: no run's events are another's.
    first, last = time.time_ns(), events * count
    with file.open("wb") as out:
        for number in range(count):
            places = range(number * events, (number + 1) * events)
            one = (EVENT.format(id=first + place, at=at - (last - place) // EVENTS_PER_MS) for place in places)
            body = ("[" + ",".join(one) + "]").encode()
            mac = hmac.digest(secret.encode(), begin + body + end, hashlib.sha256)
            signature = base64.b64encode(mac).decode()
            request = f"{head}X-HubSpot-Signature-v3: {signature}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            out.write(len(request).to_bytes(4, "little") + request)
    return file


def up(binary, home, name, url=None, under=()):
    data = home / name
    data.mkdir()
    environment = {"HUBKEEPER__WEBHOOKS__PUBLIC_URL": PUBLIC, "HUBSPOT_CLIENT_SECRET": SECRET}
    environment |= {"HUBKEEPER__STORE__URL": url} if url else {}
    listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:9"]
    return Server(name, [*under, binary, "up", *listen, "--data", data], home, environment=environment)


def send(port, file, seconds):
    command = [LOAD, "--address", f"127.0.0.1:{port}", "--requests", file, "--connections", IN_FLIGHT, "--seconds", seconds]
    said = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if said.returncode:
        raise Unsound(f"the load generator failed: {said.stderr}")
    return json.loads(said.stdout)


def intake(binary, home, name, file, seconds, url=None):
    server = up(binary, home, name, url)
    try:
        port = int(server.ready_line()["gateway"].rpartition(":")[2])
        run = send(port, file, seconds)
        accepted = run["statuses"].get("200", 0)
        if accepted != run["sent"] or run["broken"] or run["unanswered"]:
            raise Unsound(f"genuine deliveries were not all taken: {run}; it said:\n{server.said()}")
    finally:
        server.stop()
        file.unlink()
    kept = count(home / name) if url is None else accepted
    if kept != accepted:
        raise Unsound(f"{accepted} deliveries were acknowledged and {kept} are on the disk")
    return run | {"rate": accepted / (run["took_us"] / 1e6)}


def count(data):
    with sqlite3.connect(f"file:{data / 'hubkeeper.db'}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT count(*) FROM deliveries").fetchone()[0]


def forgeries(binary, home):
    """The control: what somebody else signed is not taken."""
    file = deliveries(home, 1, 100, secret="another")
    server = up(binary, home, "forged")
    try:
        run = send(int(server.ready_line()["gateway"].rpartition(":")[2]), file, 5)
    finally:
        server.stop()
        file.unlink()
    if run["statuses"].get("200", 0) or count(home / "forged"):
        raise Unsound(f"forged deliveries were taken: {run}")
    return run["statuses"]


def sqlite_full(home, seconds):
    """Rows a second, a hundred in each commit, made within SQLite itself: nothing but the database works."""
    path = home / "raw.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
    connection.execute("CREATE TABLE events (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
    insert = """INSERT INTO events WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 100)
                SELECT ?1 * 100 + i, ?2 FROM n"""
    body = b"x" * len(EVENT.format(id=time.time_ns(), at=0))
    commits, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        connection.execute(insert, (commits, body))
        commits += 1
    connection.close()
    for left in home.glob("raw.db*"):
        left.unlink()
    return commits * EVENTS_PER_DELIVERY / took


def redis(home, seconds):
    """SETs a second by 16 clients, each on the disk before it is answered."""
    # What an earlier round left would be loaded first, and it refuses everything meanwhile.
    port, directory = free_port(), tempfile.mkdtemp(dir=home)
    options = ["--port", port, "--dir", directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
    server = Server("redis", ["redis-server", *options], home).listening_on(port)
    try:
        size = len(EVENT.format(id=time.time_ns(), at=0))
        # It counts requests and not seconds: enough for some seconds on any disk.
        command = ["redis-benchmark", "-p", port, "-c", IN_FLIGHT, "-n", 20_000 * seconds, "-d", size, "-r", 10_000_000]
        command += ["-t", "set", "--csv"]
        said = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    finally:
        server.stop()
    return float(re.search(r'"SET","([\d.]+)"', said)[1])


class Postgres:
    def __init__(self, socket, home):
        self.socket, self.home = socket, home
        self.url = f"postgres://hubkeeper@{str(socket).replace('/', '%2F')}/postgres"

    def client(self, program, *words):
        command = [program, "-h", self.socket, "-U", "hubkeeper", *words, "postgres"]
        return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout

    def single_inserts(self, seconds):
        """Transactions a second of 16 clients that insert one row each and do nothing else."""
        body = "x" * len(EVENT.format(id=time.time_ns(), at=0))
        self.client("psql", "-q", "-c", "CREATE TABLE bare (id BIGSERIAL PRIMARY KEY, body TEXT NOT NULL)", "-d")
        script = self.home / "insert.sql"
        script.write_text(f"INSERT INTO bare (body) VALUES ('{body}');\n")
        said = self.client("pgbench", "-n", "-M", "prepared", "-c", IN_FLIGHT, "-j", 2, "-T", seconds, "-f", script)
        return float(re.search(r"tps = ([\d.]+)", said)[1])


@contextmanager
def postgres(home, number):
    """A server with its packaged defaults, as whoever may run one."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise Unsound("PostgreSQL is not installed; scripts/setup bench does that")
    directory = home / f"postgres{number}"
    directory.mkdir(mode=0o755)
    prefix = []
    if os.geteuid() == 0:
        subprocess.run(["chown", "postgres", directory], check=True)
        home.chmod(0o755)
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    made = [*prefix, programs[-1] / "initdb", "--auth=trust", "--username=hubkeeper", "--pgdata", directory / "data"]
    subprocess.run([str(word) for word in made], check=True, capture_output=True, cwd="/")
    serve = [*prefix, programs[-1] / "postgres", "-c", "listen_addresses=", "-D", directory / "data", "-k", directory]
    server = Server(f"postgres{number}", serve, home)
    try:
        waits = Postgres(directory, home)
        give_up = time.monotonic() + 30
        while subprocess.run(["pg_isready", "-q", "-h", directory], check=False).returncode:
            if time.monotonic() > give_up:
                raise Unsound(f"PostgreSQL does not start: {server.said()}")
            time.sleep(0.1)
        yield waits
    finally:
        # SIGTERM would wait for every client; this asks for a quick end.
        server.process.send_signal(2)
        server.process.wait(30)
        server.stop()


def rows(found):
    per_s = "{:,.0f}/s".format
    ours, batched, on_postgres = median(found.ours), median(found.ours_batched), median(found.ours_on_postgres)
    bare = median(found.postgres)
    yield at_least("webhooks taken, one event each, 16 at once", ours, bare, 1.0, per_s, "bare PostgreSQL inserts")
    yield at_least("the same", ours, median(found.redis), 0.85, per_s, "Redis SET, fsync always")
    raw = median(found.sqlite_rows)
    yield at_least("webhook events, 100 a delivery", batched, raw, 0.4, per_s, "raw SQLite rows, 100 a commit")
    verdict = "PASS" if batched >= EVENTS_PER_S_MIN else "MISS"
    yield Row("the same, by itself", per_s(batched), "", "–", f"≥ {EVENTS_PER_S_MIN:,}/s", verdict)
    yield at_least("webhooks taken with PostgreSQL as store", on_postgres, bare, 0.8, per_s, "bare PostgreSQL inserts")
    p99 = median(found.ours_p99_us)
    ratio, verdict = p99 / found.disk_p50_us, "PASS" if p99 <= ACK_TIMES_DISK * found.disk_p50_us else "MISS"
    disk_said = f"fdatasync p50 {found.disk_p50_us:.0f} µs"
    yield Row("acknowledged within, p99", f"{p99:.0f} µs", disk_said, f"{ratio:.1f}", f"≤ {ACK_TIMES_DISK}", verdict)
    worst = max(found.ours_max_us) / 1e3
    verdict = "PASS" if worst <= ACK_MS_MAX else "MISS"
    yield Row("acknowledged within, the slowest", f"{worst:.1f} ms", "", "–", f"≤ {ACK_MS_MAX} ms", verdict)
    yield Row("forged deliveries taken (control)", "0", f"statuses {found.forged}", "–", "0", "PASS")


def every_round(found):
    sides = {
        "webhooks taken/s, one event each": found.ours,
        "webhook events taken/s, 100 a delivery": found.ours_batched,
        "webhooks taken/s, PostgreSQL as store": found.ours_on_postgres,
        "bare PostgreSQL inserts/s": found.postgres,
        "Redis SET/s, fsync always": found.redis,
        "raw SQLite rows/s, 100 a commit": found.sqlite_rows,
        "acknowledged, p99 µs": found.ours_p99_us,
        "acknowledged, slowest µs": found.ours_max_us,
    }
    for name, each in sides.items():
        yield f"{name}: {' '.join(f'{one:.0f}' for one in each)}"


if __name__ == "__main__":
    import sys
    import tempfile

    from .server import ending_all

    binary, lasting = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory(prefix="hubkeeper-intake-") as directory, ending_all():
        tried = measure(binary, Path(directory), 1, lasting, print)
    for row in rows(tried):
        print(row)
    for line in every_round(tried):
        print(line)
