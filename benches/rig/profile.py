"""Which branches the program takes, for the compiler: leads a binary that counts them through the work that has to be fast, and
through a little of everything else. `scripts/release profile` builds such a binary and keeps what it counted.

    cd benches && python3 -m rig.profile BINARY
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import intake, machine, ways
from .load import wrk
from .machine import ROOT, Unsound
from .server import Server, ending_all

CONNECTIONS = 32
ROUND_S = 5
INTAKE_S = 3
DEMO_S = 15


def main(binary):
    binary = Path(binary).resolve()
    with tempfile.TemporaryDirectory(prefix="hubkeeper-profile-") as home, ending_all():
        home, cores = Path(home), machine.cores()
        for way in ways.ALL:
            with ways.opened(way, binary, home, cores, way.name) as peer:
                wrk(peer.port, CONNECTIONS, ROUND_S, cores[1], way.path)
                peer.server.stop()
        webhooks(binary, home)
        demo(binary, home)
    # What it finds in ourselves is not the question.
    scanned = subprocess.run([binary, "scan", ROOT / "crates"], check=False, capture_output=True).returncode
    if scanned not in (0, 1):
        raise Unsound(f"scan ended with {scanned}")


def webhooks(binary, home):
    for name, events, a_second in [("single", 1, 20_000), ("hundred", intake.EVENTS_PER_DELIVERY, 1_000)]:
        intake.intake(binary, home, name, intake.deliveries(home, events, a_second * INTAKE_S), INTAKE_S)
    with intake.postgres(home, 1) as server:
        intake.intake(binary, home, "postgres", intake.deliveries(home, 1, 20_000 * INTAKE_S), INTAKE_S, server.url)


def demo(binary, home):
    listen = [word for part in ("", "admin-", "sim-") for word in (f"--{part}listen", "127.0.0.1:0")]
    server = Server("demo", [binary, "demo", *listen], home)
    time.sleep(DEMO_S)
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
