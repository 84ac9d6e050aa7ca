"""A long audit log verified: every hash and every signature, by the program that an auditor runs.

    cd benches && python3 -m rig.audited BINARY [ENTRIES]    the rig by itself
"""

import json
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from statistics import median

from .fullness import FILL
from .machine import Unsound
from .report import Row

ENTRIES = 500_000
ROUNDS = 3
PER_S_MIN = 500_000


@dataclass
class Readings:
    entries: int
    # Seconds from the program's start to its end, each round.
    took_s: list
    # The same rows looked at in SQLite, without a hash.
    read_s: list


def measure(binary, home, entries, progress):
    progress(f"an audit log of {entries:,} entries")
    data = home / "audited"
    data.mkdir()
    database = data / "hubkeeper.db"
    key = subprocess.run([FILL, "audit", f"sqlite:{database}", str(entries)], check=True, capture_output=True, text=True)
    (data / "audit.key").write_text(key.stdout)
    (data / "audit.key").chmod(0o600)
    found = Readings(entries, [], [])
    for _ in range(ROUNDS):
        began = time.monotonic()
        ended, told = verify(binary, data)
        found.took_s.append(time.monotonic() - began)
        if ended != 0 or told.get("entries") != entries:
            raise Unsound(f"a log of {entries} entries was not found whole: {told}")
        found.read_s.append(looked_at(database))
    tampered(binary, data, entries // 2)
    return found


def verify(binary, data):
    said = subprocess.run([binary, "audit", "verify", "--data", data, "--json"], capture_output=True, text=True)
    if not said.stdout.startswith("{"):
        raise Unsound(f"the log was not verified: {said.stderr}")
    return said.returncode, json.loads(said.stdout)


def looked_at(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        began = time.monotonic()
        connection.execute("SELECT sum(length(actor) + length(subject) + length(detail) + length(hash)) FROM audit").fetchone()
        return time.monotonic() - began


def tampered(binary, data, seq):
    """The control: one letter of one entry, by somebody who may do anything to the file."""
    with sqlite3.connect(data / "hubkeeper.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE audit SET actor = 'Reports' WHERE seq = ?", (seq,))
    ended, told = verify(binary, data)
    if ended != 1 or told.get("entry") != seq:
        raise Unsound(f"entry {seq} was changed, and the log was found {told}")


def rows(found):
    per_s, read = (found.entries / median(each) for each in (found.took_s, found.read_s))
    verdict = "PASS" if per_s >= PER_S_MIN else "MISS"
    told = (f"{per_s:,.0f}/s", f"SQLite looks at {read:,.0f}/s", f"{per_s / read:.2f}", f"≥ {PER_S_MIN:,}/s")
    yield Row(f"audit entries verified, of {found.entries:,}", *told, verdict)


if __name__ == "__main__":
    import sys
    import tempfile
    from pathlib import Path

    entries = int(sys.argv[2]) if len(sys.argv) > 2 else ENTRIES
    with tempfile.TemporaryDirectory(prefix="hubkeeper-audited-") as directory:
        tried = measure(Path(sys.argv[1]).resolve(), Path(directory), entries, print)
    for row in rows(tried):
        print(row)
