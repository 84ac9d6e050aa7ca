"""The ways a request takes through hubkeeper, for rigs that want them all."""

from contextlib import contextmanager
from dataclasses import dataclass

from . import cache, peers


@dataclass(frozen=True)
class Way:
    name: str
    secure: bool = False
    # What is asked for, where every request is for the same.
    path: str | None = None


HTTP = Way("http")
ALL = [HTTP, Way("kept", path=cache.PATH), Way("tls", secure=True)]


@contextmanager
def opened(way, binary, home, cores, name, under=()):
    """hubkeeper on the one core, its upstream on the other; who uses it ends hubkeeper."""
    certificates = peers.certificates(home) if way.secure else None
    environment = {"HUBKEEPER__GATEWAY__CA_FILE": certificates.authority} if way.secure else {}
    if way.path:
        environment["HUBKEEPER__CACHE__DEFINITIONS_SECONDS"] = "3600"
    upstream = peers.Upstream(home, cores[1], certificates)
    url = f"https://localhost:{upstream.port}" if way.secure else f"http://127.0.0.1:{upstream.port}"
    yield peers.hubkeeper(binary, home, url, name, cores[0], environment, under)
    upstream.server.stop()
