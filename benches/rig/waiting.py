"""What a caller costs who waits: memory of the gateway with 10,000 connections, each with a call that waits for its slot,
over what it had with none. The upstream takes the first call and never answers, so that all others wait."""

import asyncio
import json
import urllib.request
from dataclasses import dataclass

from .machine import Unsound
from .peers import PATH, TOKEN, hubkeeper

CALLERS = 10_000
AT_ONCE = 100
QUEUED_S_MAX = 60

# What HubSpot's Node SDK sends, each caller for another record and with associations: identical calls would share one,
# and what a batch can carry would wait a hundred at a time.
HEAD = (
    "GET {path}{record}?properties=email,firstname&associations=deals HTTP/1.1\r\nHost: 127.0.0.1:8400\r\n"
    "Authorization: Bearer {token}\r\nUser-Agent: hubspot-api-client-nodejs; 13.0.0\r\n"
    "Accept: application/json, */*;q=0.8\r\nContent-Type: application/json\r\nAccept-Encoding: gzip,deflate\r\n"
    "Connection: keep-alive\r\n\r\n"
)

# With 190 slots in 10 s the last of them is told to expect nine minutes.
SETTINGS = {
    "HUBKEEPER__LIMITS__PLAN": "enterprise",
    "HUBKEEPER__GATEWAY__DEADLINE_MS": "900000",
    "HUBKEEPER__GATEWAY__ATTEMPT_TIMEOUT_MS": "600000",
}


@dataclass(frozen=True)
class Waiting:
    callers: int
    idle_kib: int
    connected_kib: int
    waiting_kib: int

    def added_mib(self):
        return (self.waiting_kib - self.idle_kib) / 1024


def measure(binary, home):
    return asyncio.run(measured(binary, home))


async def measured(binary, home):
    upstream = await asyncio.start_server(never_answers, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    gateway = hubkeeper(binary, home, url, "hubkeeper-waiting", environment=SETTINGS)
    callers = []
    try:
        idle_kib = gateway.server.rss_kib()
        while len(callers) < CALLERS:
            callers += await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(AT_ONCE))
            )
        await asyncio.sleep(1)
        connected_kib = gateway.server.rss_kib()
        for record, (_, caller) in enumerate(callers):
            caller.write(HEAD.format(path=PATH, record=record, token=TOKEN).encode())
        for _ in range(QUEUED_S_MAX):
            await asyncio.sleep(1)
            waiting = await asyncio.to_thread(queued, gateway.admin)
            if waiting == CALLERS - 1:
                return Waiting(CALLERS, idle_kib, connected_kib, gateway.server.rss_kib())
        raise Unsound(f"{waiting} of {CALLERS - 1} callers wait")
    finally:
        for _, caller in callers:
            caller.transport.abort()
        upstream.close()


async def never_answers(reader, _writer):
    while await reader.read(65536):
        pass


def queued(admin):
    with urllib.request.urlopen(f"{admin}/api/v1/traffic", timeout=10) as answer:
        return sum(connection["waiting"] for connection in json.load(answer)["connections"])
