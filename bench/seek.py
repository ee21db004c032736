"""What reading in physical order saves a spinning disk: traced reads and a model of its head.

An ext4 image is aged: filled, then file after file removed and written again in other sizes, by
debugfs, without root. It is read twice under strace: by `packhorse station load` into the embedded
store, and by debugfs `rdump`, which walks the tree and reads each file as it comes, as copying
programs do. Every pread of the image is a step of the head in a model of a 7200 rpm disk.
"""

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("PACKHORSE_BINARY", str(ROOT / "target" / "release" / "packhorse"))
sys.path.insert(0, str(ROOT / "clients"))

from manifests import manifest  # noqa: E402 - the path is set above
from product import BINARY, Server, clean_environment  # noqa: E402

MIB = 1 << 20
PAGE = 4096

# The disk: half a turn at 7200 rpm, a head that needs 0.8 ms to the next track and 8 ms more across
# the disk (by the square root of the way), 200 MB/s. A gap that passes below the head in less time
# than a seek is waited for.
HALF_TURN_S = 60 / 7200 / 2
TRACK_S = 0.0008
ACROSS_S = 0.008
BYTES_PER_SECOND = 200e6
READ_AHEAD = 128 * 1024  # of the kernel, in each direction of a read that goes on

PREAD = re.compile(
    r"(?P<at>[\d.]+) pread64\(\d+<(?P<path>[^>]*)>, .*, (?P<length>\d+), (?P<offset>\d+)\) += \d+"
)


class Disk:
    """The time that reads take, in the order in which they come. What was read once is remembered."""

    def __init__(self, size):
        self.size, self.head, self.cached = size, 0, set()
        self.seeks, self.seconds, self.bytes = 0, 0.0, 0

    def read(self, offset, length):
        """One read; only pages that were not read before move the head."""
        page, end = offset // PAGE, -(-(offset + length) // PAGE)
        while page < end:
            if page in self.cached:
                page += 1
                continue
            first = page
            while page < end and page not in self.cached:
                page += 1
            ahead = min(page + READ_AHEAD // PAGE, self.size // PAGE)
            self.fetch(first, ahead)

    def fetch(self, first, end):
        """Moves the head and reads pages."""
        self.cached.update(range(first, end))
        way = first * PAGE - self.head
        seek = HALF_TURN_S + TRACK_S + ACROSS_S * (abs(way) / self.size) ** 0.5
        if 0 <= way < seek * BYTES_PER_SECOND:
            self.seconds += way / BYTES_PER_SECOND
        else:
            self.seconds += seek
            self.seeks += 1
        self.seconds += (end - first) * PAGE / BYTES_PER_SECOND
        self.bytes += (end - first) * PAGE
        self.head = end * PAGE

    def figures(self):
        """For the table."""
        return {
            "seeks": self.seeks,
            "seconds": round(self.seconds, 2),
            "mb_per_s": round(self.bytes / self.seconds / 1e6, 1),
        }


def aged(folder, mebibytes, rounds, seed, median):
    """Makes the image: files come and go until free space is in pieces all over it."""
    dice = random.Random(seed)
    image, tree, names = folder / "disk.img", folder / "tree", []
    budget = mebibytes * MIB * 3 // 4
    while budget > 0:
        size = min(int(dice.lognormvariate(math.log(median), 2)), 24 * MIB)
        name = f"d{len(names) % 40:02}/f{len(names):05}"
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(dice.randbytes(size))
        names.append((name, size))
        budget -= size
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(image), f"{mebibytes}M"], check=True
    )
    source = folder / "source"
    source.write_bytes(dice.randbytes(24 * MIB))
    for number in range(rounds):
        gone = dice.sample(range(len(names)), len(names) // 3)
        commands = [f"rm {names[index][0]}" for index in gone]
        for index in gone:
            size = min(int(dice.lognormvariate(math.log(median), 2)), 24 * MIB)
            piece = folder / f"new-{index}"
            piece.write_bytes(source.read_bytes()[:size])
            name = f"d{dice.randrange(40):02}/r{number}-{index:05}"
            names[index] = (name, size)
            commands.append(f"write {piece} {name}")
        script = folder / "commands"
        script.write_text("\n".join(commands) + "\n")
        subprocess.run(
            ["debugfs", "-w", "-f", str(script), str(image)], check=True, capture_output=True
        )
        for piece in folder.glob("new-*"):
            piece.unlink()
    return image


def traced(trace, image, command, environment=None):
    """Runs a command under strace; gives its reads of the image, those of all threads in order."""
    strace = ["strace", "-ff", "-ttt", "-y", "-qq", "-s", "0", "-e", "trace=pread64", "-o", trace]
    subprocess.run(
        list(map(str, [*strace, *command])), check=True, capture_output=True, env=environment
    )
    reads = []
    for thread in trace.parent.glob(f"{trace.name}.*"):
        for line in thread.read_text(errors="replace").splitlines():
            found = PREAD.match(line)
            if found and found["path"] == str(image):
                reads.append((float(found["at"]), int(found["offset"]), int(found["length"])))
    return [(offset, length) for _, offset, length in sorted(reads)]


def load(image, folder):
    """The command that loads the image, and what must be closed after it."""
    server = Server(folder / "server").start()
    account = server.account()
    bucket = account.bucket()
    job = account.jobs().create_job(
        JobType="Import", ValidateOnly=False, Manifest=manifest(bucket)
    )
    signature = folder / "SIGNATURE"
    signature.write_text(job["SignatureFileContents"])
    command = [
        BINARY, "station", "load", image, "--server", server.api, "--signature-file", signature,
        "--state-dir", folder / "state", "--output", "json",
    ]
    return server, command, clean_environment(folder, PACKHORSE_STATION_KEY=server.key())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mebibytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--median", type=int, default=60_000, help="bytes of a file, log-normal")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packhorse-seek-") as name:
        folder = Path(name)
        image = aged(folder, options.mebibytes, options.rounds, options.seed, options.median)
        size = image.stat().st_size
        dump = folder / "dump"
        dump.mkdir()
        walk = traced(folder / "walk.trace", image, ["debugfs", "-R", f"rdump / {dump}", image])
        if not walk:
            raise SystemExit("error: strace shows no read of the image")
        server, command, environment = load(image, folder)
        try:
            ours = traced(folder / "ours.trace", image, command, environment)
        finally:
            server.stop()
        results = {}
        for who, reads in (("walk order", walk), ("packhorse", ours)):
            disk = Disk(size)
            for offset, length in reads:
                disk.read(offset, length)
            results[who] = {"reads": len(reads), **disk.figures()}
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
