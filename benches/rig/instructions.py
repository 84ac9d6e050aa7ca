"""How many instructions of its own a proxy executes for a request, and where: a count that other programs on the machine
do not change. It says nothing of the kernel's part, which is the larger one; that two proxies make the same system calls
is a matter for strace.

    scripts/release names
    cd benches && python3 -m rig.instructions ../target/release/hubkeeper [http|tls|memory|intake]... [--top N]

Each proxy runs in valgrind, some fifty times slower than it is. What it did for itself meanwhile counts too; it is little.
`intake` is a webhook delivery of one event, with all of hubkeeper's threads and no peer. Valgrind has no SHA instructions: there
SHA-256 weighs far more than it does.
"""

import re
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import cache, intake, machine, peers
from .load import wrk
from .machine import Unsound
from .server import ending_all

CONNECTIONS = 32
WARM_UP_S = 2
ROUND_S = 6
MISSES_MAX = 3
# Deliveries made ready for a round: more than any machine takes in it.
DELIVERIES = 20_000


@dataclass
class Counted:
    requests: int
    instructions: int
    # Name → instructions, the largest first.
    functions: dict

    def each(self):
        return self.instructions / self.requests


def valgrind(home, name):
    """Counting begins when it is told to."""
    return ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={home}/{name}.callgrind"]


def count(peer, upstream, cores, path=None):
    """One load after a warm-up. Of an answer from memory (`path`) the upstream must hear nothing."""
    wrk(peer.port, CONNECTIONS, WARM_UP_S, cores[1], path)
    before = upstream.requests()
    tell(peer.server, "--instr=on")
    run = wrk(peer.port, CONNECTIONS, ROUND_S, cores[1], path)
    after = upstream.requests()
    tell(peer.server, "--instr=off")
    end(peer)
    asked = after - before
    if path is not None and asked > MISSES_MAX:
        raise Unsound(f"{peer.name}: the answers did not come from its cache")
    if path is None and not 0 <= asked - run.requests <= CONNECTIONS:
        raise Unsound(f"{peer.name}: wrk counted {run.requests} requests, the upstream {asked}")
    return read(peer.server, run.requests if path else asked)


def tell(server, word):
    command = ["callgrind_control", word, str(server.process.pid)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def end(peer):
    """Under valgrind nginx may sleep on over the word to end; whoever knocks wakes it."""
    peer.server.process.terminate()
    try:
        socket.create_connection(("127.0.0.1", peer.port), timeout=1).close()
    except OSError:
        pass  # it has ended
    peer.server.stop()


def read(server, requests):
    command = ["callgrind_annotate", "--auto=no", "--threshold=100", str(server.log.with_suffix(".callgrind"))]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    total = int(re.search(r"^\s*([\d,]+).*PROGRAM TOTALS", said, re.M)[1].replace(",", ""))
    functions = {}
    for number, name in re.findall(r"^\s*([\d,]+) \([ \d.]+%\)\s+(\S.*)$", said, re.M):
        name = re.sub(r"^\S*?:(?=\S)|\s*\[[^\]]*\]$", "", name)
        if name != "PROGRAM TOTALS":
            functions[name] = functions.get(name, 0) + int(number.replace(",", ""))
    return Counted(requests, total, dict(sorted(functions.items(), key=lambda each: -each[1])))


def http(binary, home, cores):
    upstream = peers.Upstream(home, cores[1])
    url = f"http://127.0.0.1:{upstream.port}"
    yield lambda: count(peers.nginx_proxy(home, cores[0], upstream, under=valgrind(home, "nginx")), upstream, cores)
    under = valgrind(home, "hubkeeper")
    yield lambda: count(peers.hubkeeper(binary, home, url, core=cores[0], under=under), upstream, cores)


def tls(binary, home, cores):
    certificates = peers.certificates(home)
    upstream = peers.Upstream(home, cores[1], certificates)
    trust = {"HUBKEEPER__GATEWAY__CA_FILE": certificates.authority}
    under = valgrind(home, "nginx-tls")
    yield lambda: count(peers.nginx_proxy(home, cores[0], upstream, certificates, under), upstream, cores)
    url, under = f"https://localhost:{upstream.port}", valgrind(home, "hubkeeper-tls")
    yield lambda: count(peers.hubkeeper(binary, home, url, "hubkeeper-tls", cores[0], trust, under), upstream, cores)


def memory(binary, home, cores):
    upstream = peers.Upstream(home, cores[1])
    under = valgrind(home, "nginx-cache")
    yield lambda: count(cache.nginx_cache(home, cores[0], upstream, under), upstream, cores, cache.PATH)
    kept = {"HUBKEEPER__CACHE__DEFINITIONS_SECONDS": "3600"}
    url, under = f"http://127.0.0.1:{upstream.port}", valgrind(home, "hubkeeper-cache")
    ours = lambda: peers.hubkeeper(binary, home, url, "hubkeeper-cache", cores[0], kept, under)  # noqa: E731
    yield lambda: count(ours(), upstream, cores, cache.PATH)


def deliveries(binary, home):
    name = "hubkeeper-intake"
    server = intake.up(binary, home, name, under=valgrind(home, name))
    port = int(server.ready_line()["gateway"].rpartition(":")[2])
    intake.send(port, intake.deliveries(home, 1, DELIVERIES), WARM_UP_S)
    ready = intake.deliveries(home, 1, DELIVERIES)
    tell(server, "--instr=on")
    run = intake.send(port, ready, ROUND_S)
    tell(server, "--instr=off")
    server.stop()
    taken = run["statuses"].get("200", 0)
    if taken != run["sent"]:
        raise Unsound(f"genuine deliveries were not all taken: {run}")
    return read(server, taken)


def main(binary, *words):
    top = int(words[words.index("--top") + 1]) if "--top" in words else 0
    ways = {"http": http, "tls": tls, "memory": memory}
    named = [word for word in words if word in ways or word == "intake"]
    if "intake" in named or not named:
        with tempfile.TemporaryDirectory(prefix="hubkeeper-instructions-") as home, ending_all():
            ours = deliveries(Path(binary).resolve(), Path(home))
        print(f"intake: hubkeeper {ours.each():.0f} instructions a delivery (n {ours.requests})")
        show(ours, top)
    for name in [word for word in named if word in ways] or ([] if named else ways):
        with tempfile.TemporaryDirectory(prefix="hubkeeper-instructions-") as home, ending_all():
            nginx, ours = (counting() for counting in ways[name](Path(binary).resolve(), Path(home), machine.cores()))
        print(
            f"{name}: hubkeeper {ours.each():.0f} instructions a request (n {ours.requests}),"
            f" nginx {nginx.each():.0f} (n {nginx.requests}): {ours.each() / nginx.each():.2f}"
        )
        show(ours, top)


def show(ours, top):
    for function, instructions in list(ours.functions.items())[:top]:
        print(f"  {instructions / ours.requests:8.1f}  {function}")


if __name__ == "__main__":
    main(*sys.argv[1:])
