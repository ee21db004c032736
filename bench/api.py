"""Signed GetStatus and CreateJob per second, beside what the database itself can commit.

One `packhorse serve` (release build) is pinned to one core; the load generator (bench/load.rs) and the
object store, another `packhorse serve`, have the others. CreateJob asks that store about the bucket, in
seven requests that are part of what is measured. It is measured against the raw commit rate
(bench/commits.rs): the server's own SQLite inserts one row of a job's size a transaction, on the same
core and disk, asked by as many tasks and with the same durability (write-ahead log, every commit
synced). Both are measured in turns of a second or two, since a disk
that others use is not the same from one minute to the next.

Also compares how long the refusal of an unknown key and of a wrong signature takes, and watches the
server's memory. Prints tables; writes bench/out/api.json and bench/out/api.md.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("PACKHORSE_BINARY", str(ROOT / "target" / "release" / "packhorse"))
sys.path.insert(0, str(ROOT / "clients"))

from manifests import manifest  # noqa: E402 - the path is set above
from product import BINARY, Server, running  # noqa: E402

EXAMPLES = ROOT / "target" / "release" / "examples"
LOAD, COMMITS = EXAMPLES / "load", EXAMPLES / "commits"
OUT = ROOT / "bench" / "out"
CONNECTIONS = (1, 8, 64)
TURNS = 6
# Enough that no account comes near a quota in a run: the quota counts an account's jobs of a day.
ACCOUNTS = 40


@contextlib.contextmanager
def pinned(core):
    """What is started inside runs on one core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Raw:
    """A database of its own that takes one row of a job's size in each durable transaction."""

    def __init__(self, folder):
        self.folder = folder
        # The first run makes the database.
        self.per_second(1, 0.1, sorted(os.sched_getaffinity(0))[0])

    def per_second(self, connections, seconds, core):
        """Transactions a second."""
        command = [str(COMMITS), str(self.folder), str(connections), str(seconds)]
        with pinned(core):
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)["per_second"]


def load(server, keys, action, connections, seconds, others):
    """One run of the generator."""
    address = urlsplit(server.api).netloc
    command = [str(LOAD), address, action, str(connections), str(seconds)]
    cores = ",".join(map(str, others))
    done = subprocess.run(
        ["taskset", "-c", cores, *command],
        input=json.dumps(keys),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    wanted = "403" if action in ("unknown-key", "wrong-signature") else "200"
    if set(result["statuses"]) != {wanted}:
        raise SystemExit(f"error: {action} was answered with {result['statuses']}")
    return result


def in_turns(server, keys, connections, seconds, core, others, raw):
    """CreateJob and raw commits in alternation; the load's figures, and the raw rate."""
    loads, raws = [], []
    for _ in range(TURNS):
        raws.append(raw.per_second(connections, seconds / TURNS, core))
        loads.append(load(server, keys, "create-job", connections, seconds / TURNS, others))
    sums = {name: sum(run[name] for run in loads) for name in ("requests", "seconds")}
    return {
        **sums,
        "per_second": sums["requests"] / sums["seconds"],
        "p50_us": statistics.median(run["p50_us"] for run in loads),
        "p99_us": max(run["p99_us"] for run in loads),
        "raw_per_second": statistics.mean(raws),
    }


def resident_mib(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


def customers(server, store, count):
    """Accounts with a bucket and a job each; the store knows them too."""
    keys = []
    for _ in range(count):
        there = store.account()
        bucket = there.bucket()
        account = server.account(key=(there.access_key_id, there.secret_access_key))
        answer = account.jobs().create_job(
            JobType="Import", Manifest=manifest(bucket), ValidateOnly=False
        )
        keys.append(
            {
                "id": account.access_key_id,
                "secret": account.secret_access_key,
                "bucket": bucket,
                "job": answer["JobId"],
            }
        )
    return keys


def measure(server, store, work, options, core, others):
    """All runs; returns the record."""
    keys, raw = customers(server, store, ACCOUNTS), Raw(work)
    record = {"GetStatus": {}, "CreateJob": {}, "memory": []}
    seconds = options.seconds
    for connections in CONNECTIONS:
        result = load(server, keys, "get-status", connections, seconds, others)
        record["GetStatus"][connections] = result
        print(f"GetStatus on {connections} connections: {result['per_second']:.0f}/s", flush=True)
    for connections in CONNECTIONS:
        result = in_turns(server, keys, connections, seconds, core, others, raw)
        record["CreateJob"][connections] = result
        print(f"CreateJob on {connections} connections: {result['per_second']:.0f}/s", flush=True)
    for action in ("unknown-key", "wrong-signature", "wrong-signature", "unknown-key"):
        result = load(server, keys, action, 1, seconds / 2, others)
        record.setdefault(action, []).append(result["p50_us"])
    sent, round_seconds = 0, max(seconds, 5)
    record["memory"].append((0, resident_mib(server)))
    while sent < options.requests:
        sent += load(server, keys, "get-status", 64, round_seconds, others)["requests"]
        record["memory"].append((sent, resident_mib(server)))
        print(f"{sent} requests: {record['memory'][-1][1]:.1f} MiB", flush=True)
    return record


def tables(record):
    """Markdown."""
    lines = [
        "| | connections | per second | p50 ms | p99 ms | raw commits per second | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("GetStatus", "CreateJob"):
        for connections, row in record[name].items():
            raw = row.get("raw_per_second")
            share = f"{raw:.0f} | {row['per_second'] / raw:.2f}" if raw else "|"
            lines.append(
                f"| {name} | {connections} | {row['per_second']:.0f} | {row['p50_us'] / 1000:.2f} "
                f"| {row['p99_us'] / 1000:.2f} | {share} |"
            )
    refusals = {
        action: statistics.mean(record[action]) for action in ("unknown-key", "wrong-signature")
    }
    unknown, wrong = refusals["unknown-key"], refusals["wrong-signature"]
    first, last = record["memory"][0], record["memory"][-1]
    peak = max(size for _, size in record["memory"])
    return "\n".join(
        [
            *lines,
            "",
            f"Refusing an unknown key takes {unknown:.0f} us, a wrong signature {wrong:.0f} us "
            f"(medians): ratio {unknown / wrong:.3f}.",
            f"Memory: {first[1]:.1f} MiB before and {last[1]:.1f} MiB after {last[0]:,} requests, "
            f"{peak:.1f} MiB at most.",
        ]
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each measurement")
    parser.add_argument("--requests", type=int, default=1_000_000, help="to watch the memory over")
    parser.add_argument("--work", type=Path, help="folder for database and store (default: /tmp)")
    return parser.parse_args()


def main():
    options = arguments()
    for program in (BINARY, LOAD, COMMITS):
        if not program.exists():
            raise SystemExit(f"error: {program} is missing\nhint: make bench-api builds it")
    cores = sorted(os.sched_getaffinity(0))
    core, others = cores[0], cores[1:] or cores
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packhorse-bench-", dir=options.work) as work:
        limits = {"PACKHORSE_LIMITS__JOBS_PER_DAY": 1_000_000, "RUST_LOG": "warn"}
        with contextlib.ExitStack() as stack:
            with pinned(others[0]):
                store = stack.enter_context(running(Server(Path(work) / "store", RUST_LOG="warn")))
            limits["PACKHORSE_OBJECT_STORE__ENDPOINT"] = store.s3
            server = Server(Path(work) / "data", s3_listen=None, **limits)
            with pinned(core):
                stack.enter_context(running(server))
            record = measure(server, store, work, options, core, others)
    record["machine"] = f"{len(cores)} cores, {platform.machine()}, Linux {platform.release()}"
    (OUT / "api.json").write_text(json.dumps(record, indent=1) + "\n")
    text = tables(record)
    (OUT / "api.md").write_text(text + "\n")
    print(f"\n{text}\n\nwritten to {OUT}")


if __name__ == "__main__":
    main()
