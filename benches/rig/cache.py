"""What an answer from memory costs, beside nginx's cache; and how many requests a herd makes."""

import asyncio
import json
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from . import machine, peers
from .load import wrk
from .machine import Unsound
from .report import Row, at_most, exactly
from .server import Server

# A definition, which is kept for minutes as it comes; nginx is told to.
PATH = "/crm/v3/properties/contacts"
CONNECTIONS = 32
WARM_UP_S = 1
# Requests to the upstream in a whole run of hits: the first one, one refresh, and the gateway's question who the token is.
MISSES_MAX = 3

HERD = 1000
# So short that a run need not wait for minutes, and so large a limit that it plays no part.
HERD_TTL_S = 2
HERD_BURST = 10_000


@dataclass
class Readings:
    cpu_us: dict = field(default_factory=lambda: defaultdict(list))
    # Requests to HubSpot by a herd on one expired key, with the cache and without.
    herd: int = 0
    herd_control: int = 0


def nginx_cache(home, core, upstream, under=()):
    port = peers.free_port()
    http = f"""
      proxy_cache_path {home}/nginx-cache keys_zone=answers:1m inactive=1h;
      upstream hubspot {{ server 127.0.0.1:{upstream.port}; keepalive 64; }}
      server {{
        listen 127.0.0.1:{port};
        location / {{
          proxy_pass http://hubspot; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_cache answers; proxy_cache_valid 200 1h; proxy_cache_key "$http_authorization$request_uri";
        }}
      }}"""
    return peers.Peer("nginx", peers.nginx("nginx-cache", http, home, core, under).listening_on(port), port)


def hits(found, binary, home, cores, rounds, seconds):
    """CPU per request when every answer comes from memory; peers take turns."""
    proxy, around = cores
    upstream = peers.Upstream(home, around)
    url = f"http://127.0.0.1:{upstream.port}"
    them = [
        nginx_cache(home, proxy, upstream),
        peers.hubkeeper(binary, home, url, "hubkeeper-cache", proxy, {"HUBKEEPER__CACHE__DEFINITIONS_SECONDS": "3600"}),
    ]
    for peer in them:
        wrk(peer.port, CONNECTIONS, WARM_UP_S, around, path=PATH)
    for _ in range(rounds):
        for peer in them:
            counted, cpu = upstream.requests(), peer.server.cpu_s()
            run = wrk(peer.port, CONNECTIONS, seconds, around, path=PATH)
            spent = peer.server.cpu_s() - cpu
            if upstream.requests() - counted > MISSES_MAX:
                raise Unsound(f"{peer.name}: the answers did not come from its cache")
            found.cpu_us[peer.name].append(spent / run.requests * 1e6)
    for peer in them:
        peer.server.stop()
    upstream.server.stop()


def herds(found, binary, home):
    found.herd = herd(binary, home, "herd", {"HUBKEEPER__CACHE__DEFINITIONS_SECONDS": str(HERD_TTL_S)})
    found.herd_control = herd(binary, home, "herd-control", {"HUBKEEPER__CACHE__ENABLED": "false"})
    if found.herd_control < HERD:
        raise Unsound(f"without a cache a herd of {HERD} made {found.herd_control} requests: the rig cannot fail")


def herd(binary, home, name, environment):
    """Requests that the simulated portal counts while a herd reads one key whose time is up."""
    flags = ["--listen", "127.0.0.1:0", "--burst", HERD_BURST, "--latency-ms", "50..50"]
    portal = Server(f"sim-{name}", [binary, "sim", *flags], home)
    ready = portal.ready_line()
    gateway = peers.hubkeeper(binary, home, ready["sim"], name, environment=environment)
    try:
        return asyncio.run(stampede(gateway.port, ready["sim"], ready["token"]))
    finally:
        gateway.server.stop()
        portal.stop()


async def stampede(port, sim, token):
    question = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(HERD)]
    await ask(*streams[0], question)
    # By then the gateway has also asked whose the token is.
    await asyncio.sleep(HERD_TTL_S + 1)
    before = taken(sim)
    statuses = await asyncio.gather(*(ask(*stream, question) for stream in streams))
    for _, writer in streams:
        writer.close()
    if set(statuses) != {200}:
        raise Unsound(f"the herd got answers that are not 200: {sorted(set(statuses))}")
    return taken(sim) - before


async def ask(reader, writer, question):
    writer.write(question)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split()[1])


def taken(sim):
    with urllib.request.urlopen(f"{sim}/_sim/stats", timeout=5) as answer:
        return json.load(answer)["statuses"].get("200", 0)


def rows(found):
    cpu = {name: median(each) for name, each in found.cpu_us.items()}
    what = "CPU per answer from memory"
    yield at_most(what, cpu["hubkeeper"], cpu["nginx"], 0.65, "{:.1f} µs".format, "nginx proxy_cache")
    yield exactly(f"requests of {HERD} readers of one expired key", found.herd, 1)
    yield Row("the same without a cache (control)", str(found.herd_control), "", "–", f"≥ {HERD}", "PASS")


if __name__ == "__main__":
    import sys
    import tempfile
    from pathlib import Path

    from .server import ending_all

    tried, binary = Readings(), Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory, ending_all():
        hits(tried, binary, Path(directory), machine.cores(), 3, 2)
        herds(tried, binary, Path(directory))
    for row in rows(tried):
        print(row)
    print(dict(tried.cpu_us))
