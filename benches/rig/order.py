"""Which functions a start and a request run, for the linker to put side by side: prints `crates/app/order.txt`.

    scripts/release names
    cd benches && python3 -m rig.order ../target/release/hubkeeper > ../crates/app/order.txt

Names end with a hash of the types they were made for, the crate's version and the compiler. Left open, one name would bring every
function that was made from it, three quarters of which never run. So the list is made anew when a release is; what it is
worth, "memory after the load" of `make bench` tells.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import instructions, machine, ways
from .load import wrk
from .server import ending_all

WARM_UP_S = 2
ROUND_S = 4


def names(callgrind):
    """Of functions that ran, the first time each is told."""
    found = re.findall(r"^c?fn=\(\d+\) (?:\S*:)?([A-Za-z_][\w.$]*)(?:'\d+)?$", callgrind.read_text(errors="replace"), re.M)
    return list(dict.fromkeys(found))


def traced(way, binary, home, cores, from_start=False):
    name = f"{'start' if from_start else 'load'}-{way.name}"
    under = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={home}/{name}.callgrind"]
    under += [f"--instr-atstart={'yes' if from_start else 'no'}"]
    with ways.opened(way, binary, home, cores, name, under) as peer:
        wrk(peer.port, instructions.CONNECTIONS, WARM_UP_S, cores[1], way.path)
        if not from_start:
            instructions.tell(peer.server, "--instr=on")
            wrk(peer.port, instructions.CONNECTIONS, ROUND_S, cores[1], way.path)
            instructions.tell(peer.server, "--instr=off")
        instructions.end(peer)
    return names(peer.server.log.with_suffix(".callgrind"))


def own_names(binary):
    """What the program itself defines, which the C library's functions are not."""
    said = subprocess.run(["nm", "--defined-only", str(binary)], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in said.splitlines()}


def main(binary):
    binary = Path(binary).resolve()
    with tempfile.TemporaryDirectory(prefix="hubkeeper-order-") as home, ending_all():
        home, cores = Path(home), machine.cores()
        found = [name for way in ways.ALL for name in traced(way, binary, home, cores)]
        found += traced(ways.HTTP, binary, home, cores, from_start=True)
    ours = own_names(binary)
    print("\n".join(name for name in dict.fromkeys(found) if name in ours))


if __name__ == "__main__":
    main(*sys.argv[1:])
