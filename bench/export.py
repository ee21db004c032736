"""Exports the same buckets with Packhorse, s5cmd, rclone and aws s3 sync onto the same disk.

The peers take turns, each run into an empty folder. The store is Packhorse's embedded one for all, since
an export needs a store that keeps bytes. Measured for each run: wall time, CPU seconds of the client
(user + system, with children) and its peak memory. Packhorse's time is that of the whole job:
CreateJob, writing SIGNATURE, `station load` with the comparison of every byte, the files' sync to the
disk, sidecar, ledger and report. The others copy; of them only rclone compares what it wrote.

Prints medians and ratios; writes bench/out/export-*.json and bench/out/export.md.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

from run import OUT, medians, names, rotated, table  # the path of clients/ is set there

import exports  # noqa: E402 - found there
import s5cmd
import workload
from peers import measured
from product import BINARY, Server, clean_environment, running

BUCKET = "bench-export"
AWS = Path(sys.prefix) / "clients" / "awscli-1" / "bin" / "aws"
S5CMD = Path(s5cmd.__file__).parent / "bin" / "s5cmd"
RCLONE = Path(sys.executable).parent / "rclone"
PEERS = ("packhorse", "s5cmd", "rclone", "aws")


class Exporters:
    """The programs, with one store and one bucket."""

    def __init__(self, server, work):
        self.server, self.work = server, work
        self.account = server.account()
        self.station_key = server.key()
        self.environment = clean_environment(
            work, AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1", RCLONE_CONFIG="",
            **self.account.environment(),
        )

    def fill(self, bucket, folder):
        """Puts the folder's files into the bucket."""
        self.account.s3().create_bucket(Bucket=bucket)
        command = [S5CMD, "--endpoint-url", self.server.s3, "--log", "error"]
        measured([*command, "cp", f"{folder}/", f"s3://{bucket}/"], self.environment)

    def packhorse(self, bucket, folder):
        state = tempfile.mkdtemp(dir=self.work)
        environment = clean_environment(
            self.work, PACKHORSE_STATION_KEY=self.station_key, PACKHORSE_STATION__STATE_DIR=state
        )
        started = time.monotonic()
        job = exports.create(self.account, [{"exportBucket": bucket, "targetDirectory": "o"}])
        job.sign(folder)
        command = [BINARY, "station", "load", folder, "--server", self.server.api]
        return measured(command, environment, started)

    def s5cmd(self, bucket, folder):
        """Its defaults (256 workers) and parts of 16 MiB, 8 of an object at once."""
        options = ["--endpoint-url", self.server.s3, "--log", "error"]
        copy = ["cp", "--concurrency", "8", "--part-size", "16", f"s3://{bucket}/*", f"{folder}/o/"]
        return measured([S5CMD, *options, *copy], self.environment)

    def rclone(self, bucket, folder):
        remote = (
            f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{self.server.s3}',"
            f"force_path_style=true,no_check_bucket=true:{bucket}"
        )
        options = ["--transfers=64", "--checkers=64", "--ignore-times", "--stats=0"]
        command = [RCLONE, "copy", remote, folder / "o", *options, "--log-level=ERROR"]
        return measured(command, self.environment)

    def aws(self, bucket, folder):
        options = ["--endpoint-url", self.server.s3, "--only-show-errors"]
        command = [AWS, "s3", "sync", f"s3://{bucket}", folder / "o", *options]
        return measured(command, self.environment)


def held(folder):
    """How many files there are, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def section(work, name, sizes, options):
    """One bucket: filled, exported in rotation, summed up."""
    print(f"filling {name}: {len(sizes):,} objects, {sum(sizes) / (1 << 30):.2f} GiB", flush=True)
    results = {peer: [] for peer in options.peers}
    with running(Server(work / f"server-{name}")) as server:
        exporters = Exporters(server, work)
        source = work / "source"
        source.mkdir()
        workload.tree(source, sizes)
        bucket = f"{BUCKET}-{name}"
        exporters.fill(bucket, source)
        shutil.rmtree(source)
        for number in range(options.runs):
            for peer in rotated(options.peers, number):
                folder = Path(tempfile.mkdtemp(prefix="disk-", dir=work))
                result = getattr(exporters, peer)(bucket, folder)
                got, expected = held(folder / "o"), (len(sizes), sum(sizes))
                if got != expected:
                    raise SystemExit(f"error: {peer} left {got} files and bytes, not {expected}")
                shutil.rmtree(folder)
                os.sync()
                results[peer].append(result)
                figures = ", ".join(f"{key} {value:.2f}" for key, value in result.items())
                print(f"run {number + 1}/{options.runs} {peer}: {figures}", flush=True)
    shutil.rmtree(work / f"server-{name}", ignore_errors=True)
    record = {
        "objects": len(sizes),
        "bytes": sum(sizes),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
        "options": {key: str(value) for key, value in vars(options).items()},
        "runs": results,
        "medians": medians(results),
    }
    (OUT / f"export-{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    title = f"{name}: {len(sizes):,} objects, {sum(sizes) / (1 << 30):.2f} GiB"
    return table(record["medians"], title)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--only", type=names, default=("small", "large", "mixed"))
    parser.add_argument("--peers", type=names, default=PEERS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--small-count", type=int, default=10_000)
    parser.add_argument("--large-count", type=int, default=2)
    parser.add_argument("--large-bytes", type=int, default=1 << 30, help="of each")
    parser.add_argument("--mixed-count", type=int, default=3_000)
    parser.add_argument("--mixed-bytes", type=int, default=1 << 30, help="of all")
    parser.add_argument("--work", type=Path, help="folder for store and disks (default: /tmp)")
    return parser.parse_args()


def main():
    options = arguments()
    needed = {"packhorse": BINARY, "s5cmd": S5CMD, "rclone": RCLONE, "aws": AWS}
    for program in (needed[peer] for peer in options.peers):
        if not program.exists():
            raise SystemExit(f"error: {program} is missing\nhint: make bench-export installs it")
    OUT.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="packhorse-bench-", dir=options.work))
    sizes = {
        "small": lambda: workload.small(options.small_count),
        "large": lambda: workload.large(options.large_count, options.large_bytes),
        "mixed": lambda: workload.mixed(options.mixed_count, options.mixed_bytes),
    }
    try:
        text = "\n\n".join(section(work, name, sizes[name](), options) for name in options.only)
        (OUT / "export.md").write_text(text + "\n")
        print(f"\n{text}\n\nwritten to {OUT}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
