"""How long `hubkeeper scan` takes for a gibibyte of source.

    cd benches && python3 -m rig.scan BINARY [MIB] [ROUNDS]

The tree is made anew from a seed: programs in nine languages that speak of HubSpot as much as real ones do (one file in
twenty), with credentials hidden in known places. The scan has to find each of these, in every round; that is the control. The
tree lies in the page cache when the clock runs: what is measured is the scan and not the disk.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from .machine import Unsound

MIB = 1024 * 1024
SEED = 2026
TARGET_S_PER_GIB = 10.0

LINES = {
    "js": ["const {a} = await {b}.map(({c}) => {c}.{d} + {n});", "if ({a}.{b} !== undefined) {{ return {c}({d}); }}"],
    "ts": ["export function {a}({b}: string, {c}: number): {d}[] {{", "  return this.{a}.filter((it) => it.{b} > {n});"],
    "py": ["def {a}({b}, {c}=None):", "    {a} = [{b}.{c} for {b} in {d} if {b} is not None and len({b}) > {n}]"],
    "php": ["$this->{a} = array_map(fn(${b}) => ${b}->{c}(), ${d});", "public function {a}(string ${b}): ?{c} {{"],
    "rb": ["  def {a}({b})", "    {a}.select {{ |{b}| {b}.{c} > {n} }}.map(&:{d})"],
    "go": ["func ({a} *{b}) {c}(ctx context.Context, {d} string) error {{", "\tif err := {a}.{b}({c}, {n}); err != nil {{ return err }}"],
    "java": ["    private final Map<String, {a}> {b} = new HashMap<>();", "        return {a}.stream().filter({b} -> {b}.{c}() > {n}).toList();"],
    "cs": ["    public async Task<{a}> {b}({c} {d}, CancellationToken token)", "        var {a} = {b}.Where({c} => {c}.{d} > {n}).ToList();"],
    "json": ['    {{"{a}": "{b}", "{c}": {n}, "{d}": [true, null]}},', '    "{a}": {{"{b}": "{c} {d}"}},'],
}
WORDS = (
    "contact company deal ticket order invoice client token access request response handler queue worker batch record "
    "property value index cursor page limit retry timeout logger config session user account portal event webhook signature"
).split()
HUBSPOT = [
    "// calls HubSpot: https://api.hubapi.com/crm/v3/objects/contacts?limit=100",
    "const hubspot = require('@hubspot/api-client');",
    "from hubspot import HubSpot",
    "hubspot.crm.contacts.basicApi.getPage(limit, after)",
]
FILE_BYTES = (2_000, 30_000)
ONE_OF_HUBSPOT = 20
SECRETS = 100


def make(root, mebibytes):
    """Files under `root`; how many hold a credential."""
    chance = random.Random(SEED)
    left, number, planted = mebibytes * MIB, 0, 0
    # Lines are made once and shuffled: making a gibibyte of them each by itself takes longer than looking at it.
    stock = {kind: [line(chance, shapes) for _ in range(4_000)] for kind, shapes in LINES.items()}
    kinds = list(LINES)
    files_expected = left / (sum(FILE_BYTES) / 2)
    every = max(1, int(files_expected / SECRETS / 1.2))
    while left > 0:
        kind = kinds[number % len(kinds)]
        text, size = [], chance.randint(*FILE_BYTES)
        if number % ONE_OF_HUBSPOT == 0:
            text.append(chance.choice(HUBSPOT))
        length = 0
        while length < size:
            text.append(chance.choice(stock[kind]))
            length += len(text[-1]) + 1
        if number % every == 0 and planted < SECRETS:
            text.insert(len(text) // 2, f'ACCESS_TOKEN = "{token(chance)}"')
            planted += 1
        directory = root / f"service{number % 50}" / f"part{number // 50 % 40}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"file{number}.{kind}").write_text("\n".join(text) + "\n")
        left -= length
        number += 1
    return number, planted


def line(chance, shapes):
    names = {name: chance.choice(WORDS) + chance.choice(["", "Id", "List", "_id", "s"]) for name in "abcd"}
    return chance.choice(shapes).format(n=chance.randint(0, 9_999), **names)


def token(chance):
    digits = "".join(chance.choice("0123456789abcdef") for _ in range(32))
    return f"pat-na1-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def scan(binary, root):
    """Seconds, and how many files have a finding of a token."""
    started = time.monotonic()
    ran = subprocess.run([binary, "scan", root, "--json"], capture_output=True, check=False)
    took = time.monotonic() - started
    if ran.returncode not in (0, 1):
        raise Unsound(f"scan ended with {ran.returncode}: {ran.stderr[-500:]}")
    report = json.loads(ran.stdout)
    found = {finding["path"] for finding in report["findings"] if finding["rule"].startswith("secret.")}
    return took, len(found), report["looked_at"]


def main():
    binary = sys.argv[1]
    mebibytes = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    root = Path(tempfile.mkdtemp(prefix="hubkeeper-scan-"))
    try:
        files, planted = make(root, mebibytes)
        print(f"{files} files, {mebibytes} MiB, {planted} credentials, {os.cpu_count()} cores", file=sys.stderr)
        times = []
        for number in range(rounds + 1):
            took, found, looked_at = scan(binary, root)
            if found != planted:
                raise Unsound(f"{found} of {planted} credentials were found")
            # The first round fills the page cache.
            if number > 0:
                times.append(took)
        bytes_read = looked_at["bytes"]
        per_gib = median(times) * 1024 * MIB / bytes_read
        print(json.dumps({
            "rig": "scan", "seed": SEED, "files": files, "bytes": bytes_read, "rounds": rounds,
            "seconds": [round(took, 2) for took in times], "seconds_per_gib": round(per_gib, 2),
            "target": TARGET_S_PER_GIB, "meets": per_gib <= TARGET_S_PER_GIB,
        }))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
