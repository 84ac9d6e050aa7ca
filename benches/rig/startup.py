"""What `hubkeeper up` costs before the first call: time to its ready line, and memory at rest."""

import time

from .peers import hubkeeper

REST_S = 2


def starts(binary, home, upstream_url, environment, count):
    """Milliseconds from the fork to the ready line, each start; then the memory of the last one, at rest, in KiB."""
    took_ms = []
    for number in range(count):
        started = time.monotonic()
        peer = hubkeeper(binary, home, upstream_url, "hubkeeper-start", environment=environment)
        took_ms.append((time.monotonic() - started) * 1000)
        if number == count - 1:
            time.sleep(REST_S)
            rss_kib = peer.server.rss_kib()
        peer.server.stop()
    return took_ms, rss_kib
