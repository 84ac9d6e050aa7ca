"""Which functions a start and a request run, for the linker to put side by side: prints `crates/app/order.txt`.

    cargo build --profile profiling --package app
    cd benches && python3 -m rig.order ../target/profiling/hubkeeper > ../crates/app/order.txt

To be run again when much of the path of a request has other names. What the list is worth, "memory after the load" of
`make bench` tells.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import cache, instructions, machine, peers
from .load import wrk
from .server import ending_all

# Names end with a hash that changes with the compiler and with whatever the function is made of; it is left open.
HASH = re.compile(r"17h[0-9a-f]{16}E(\.llvm\.\d+)?$")
ANY = "17h*"
WARM_UP_S = 2
ROUND_S = 4


def names(callgrind):
    """Of functions that ran, the first time each is told."""
    found = re.findall(r"^c?fn=\(\d+\) (?:\S*:)?([A-Za-z_][\w.$]*)(?:'\d+)?$", callgrind.read_text(errors="replace"), re.M)
    return list(dict.fromkeys(found))


def traced(binary, home, cores, secure=False, path=None, from_start=False):
    kind = ["start" if from_start else "load", "tls" if secure else "http", "kept" if path else "asked"]
    name = "-".join(kind)
    certificates = peers.certificates(home) if secure else None
    upstream = peers.Upstream(home, cores[1], certificates)
    environment = {"HUBKEEPER__GATEWAY__CA_FILE": certificates.authority} if secure else {}
    if path:
        environment["HUBKEEPER__CACHE__DEFINITIONS_SECONDS"] = "3600"
    under = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={home}/{name}.callgrind"]
    under += [f"--instr-atstart={'yes' if from_start else 'no'}"]
    url = f"https://localhost:{upstream.port}" if secure else f"http://127.0.0.1:{upstream.port}"
    peer = peers.hubkeeper(binary, home, url, name, cores[0], environment, under)
    wrk(peer.port, instructions.CONNECTIONS, WARM_UP_S, cores[1], path)
    if not from_start:
        instructions.tell(peer, "--instr=on")
        wrk(peer.port, instructions.CONNECTIONS, ROUND_S, cores[1], path)
        instructions.tell(peer, "--instr=off")
    instructions.end(peer)
    upstream.server.stop()
    return names(peer.server.log.with_suffix(".callgrind"))


def open_names(binary):
    """What the program itself defines, which the C library's functions are not."""
    said = subprocess.run(["nm", "--defined-only", str(binary)], check=True, capture_output=True, text=True).stdout
    return {HASH.sub(ANY, line.split()[-1]) for line in said.splitlines()}


def main(binary):
    binary = Path(binary).resolve()
    with tempfile.TemporaryDirectory(prefix="hubkeeper-order-") as home, ending_all():
        home, cores = Path(home), machine.cores()
        found = traced(binary, home, cores)
        found += traced(binary, home, cores, path=cache.PATH)
        found += traced(binary, home, cores, secure=True)
        found += traced(binary, home, cores, from_start=True)
    ours = open_names(binary)
    print("\n".join(name for name in dict.fromkeys(HASH.sub(ANY, name) for name in found) if name in ours))


if __name__ == "__main__":
    main(*sys.argv[1:])
