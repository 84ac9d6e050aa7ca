"""One program under measurement, with all its processes: started, pinned, weighed and ended."""

import json
import os
import select
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .machine import TICKS_PER_S, Unsound

READY_S_MAX = 15
DRAIN_S_MAX = 15

# Everything started and not yet stopped.
RUNNING = []


class Server:
    """A process group of its own, with nothing of this shell's environment."""

    def __init__(self, name, command, home, core=None, environment=None):
        self.name = name
        self.log = Path(home) / f"{name}.log"
        command = [str(word) for word in command]
        if core is not None:
            command = ["taskset", "--cpu-list", str(core), *command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=home,
                env={"PATH": os.environ["PATH"], "HOME": str(home), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        RUNNING.append(self)

    def ready_line(self):
        """What `hubkeeper` prints when it serves."""
        readable, _, _ = select.select([self.process.stdout], [], [], READY_S_MAX)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            raise Unsound(f"{self.name} did not become ready; it said:\n{self.said()}")
        return json.loads(line)

    def listening_on(self, port):
        """Waits for a program that says nothing when it serves."""
        give_up = time.monotonic() + READY_S_MAX
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise Unsound(f"{self.name} did not become ready; it said:\n{self.said()}")

    def cpu_s(self):
        """User and system time of all threads and processes, ended children included (proc(5), fields 14 to 17)."""
        return sum(sum(map(int, fields[11:15])) for _, fields in self.processes()) / TICKS_PER_S

    def rss_kib(self):
        """Resident memory of all processes; a page that two of them share counts twice."""
        return sum(resident_kib(pid) for pid, _ in self.processes())

    def processes(self):
        """(pid, the fields of its stat from the third on) of the group."""
        for directory in Path("/proc").iterdir():
            if directory.name.isdigit():
                try:
                    # The name in brackets may hold anything, brackets and spaces too.
                    fields = (directory / "stat").read_text().rpartition(") ")[2].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if int(fields[2]) == self.process.pid:
                    yield int(directory.name), fields

    def said(self):
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(DRAIN_S_MAX)
        except subprocess.TimeoutExpired:
            raise Unsound(f"{self.name} did not end within {DRAIN_S_MAX} s") from None
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process.stdout.close()
            RUNNING.remove(self)


@contextmanager
def ending_all():
    """Ends every program started within, whatever happened."""
    with ExitStack() as stack:
        try:
            yield
        finally:
            for server in RUNNING:
                stack.callback(server.stop)


def resident_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def free_port():
    """A port that nobody has now. Should somebody take it before its user does, that user says so and the run ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
