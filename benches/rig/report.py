"""The one table: what was measured, against whom, and whether it meets its target."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison. Readings and ratio as a person reads them; `verdict` is PASS, MISS, UNCLEAR,
    FAILED (a control) or none."""

    what: str
    ours: str
    peer: str
    ratio: str
    target: str
    verdict: str

    def cells(self):
        return [self.what, self.ours, self.peer, self.ratio, self.target, self.verdict]


HEAD = Row("What", "hubkeeper", "peer", "ratio", "target", "")


def at_most(what, ours, peer, limit, show, peer_name):
    """A row whose ratio must not be above the limit; without a limit, for the record only."""
    if peer <= 0:
        # A difference of two noisy readings can fall below zero, and then no ratio says anything.
        return Row(what, show(ours), f"{peer_name} {show(peer)}", "–", f"≤ {limit}", "UNCLEAR")
    ratio = ours / peer
    target, verdict = (f"≤ {limit}", "PASS" if ratio <= limit else "MISS") if limit is not None else ("–", "")
    return Row(what, show(ours), f"{peer_name} {show(peer)}", f"{ratio:.2f}", target, verdict)


def unclear(what, target):
    return Row(what, "–", "–", "–", target, "UNCLEAR")


def at_least(what, ours, peer, limit, show, peer_name):
    ratio = ours / peer if peer else float("inf")
    verdict = "PASS" if ratio >= limit else "MISS"
    return Row(what, show(ours), f"{peer_name} {show(peer)}", f"{ratio:.3f}", f"≥ {limit}", verdict)


def exactly(what, ours, wanted):
    return Row(what, str(ours), "", "–", str(wanted), "PASS" if ours == wanted else "MISS")


def table(rows):
    """Markdown that is also a table to the eye."""
    lines = [HEAD.cells(), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    pad = lambda line: "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([pad(lines[0]), rule, *map(pad, lines[1:])])


def spread(readings, form):
    """Every reading, in the order of the rounds."""
    return " ".join(form.format(reading) for reading in readings)
