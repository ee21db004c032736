"""Packhorse as the tests meet it: the real executable, its ready line, and unmodified boto3."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("PACKHORSE_BINARY", ROOT / "target" / "debug" / "packhorse"))
READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20

# Exit codes of `packhorse station load`.
COMPLETE, FAILED, FILE_ERRORS, REFUSED = 0, 1, 3, 4


def clean_environment(home, **extra):
    """The environment of a fresh user: nothing of AWS or Packhorse leaks in from outside."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PACKHORSE_"))
    }
    return {**kept, "HOME": str(home), **{name: str(value) for name, value in extra.items()}}


def free_port():
    """A port that is free now; for a server that must come back on the same one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def run(*arguments, home, check=True, timeout=120, **environment):
    """Runs one packhorse command to its end."""
    done = subprocess.run(
        [str(BINARY), *map(str, arguments)],
        env=clean_environment(home, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"packhorse {arguments}: {done.returncode}\n{done.stderr}")
    return done


@dataclass
class Account:
    """A customer: a name, a key pair, and clients that use it."""

    server: "Server"
    name: str
    access_key_id: str
    secret_access_key: str

    def client(self, service, endpoint, **config):
        """An unmodified boto3 client with this account's key."""
        retries = config.pop("retries", {"total_max_attempts": 1})
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(retries=retries, **config),
        )

    def jobs(self, **config):
        """The Import/Export client."""
        return self.client("importexport", self.server.api, **config)

    def s3(self, endpoint=None, **config):
        """The S3 client."""
        style = {"s3": {"addressing_style": "path"}, "max_pool_connections": 32}
        return self.client("s3", endpoint or self.server.s3, **{**style, **config})

    def bucket(self, name=None):
        """Makes a bucket of this account, returns its name."""
        name = name or f"bucket-{uuid.uuid4().hex[:12]}"
        self.s3().create_bucket(Bucket=name)
        return name

    def environment(self):
        """What the command line reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


class Server:
    """`packhorse serve` on a data directory; can be stopped, killed and started again."""

    def __init__(self, data_dir, listen="127.0.0.1:0", s3_listen="127.0.0.1:0", **environment):
        self.data_dir = Path(data_dir)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.listen, self.s3_listen, self.environment = listen, s3_listen, environment
        self.process = None
        self.station_key = None
        self.log = self.data_dir.parent / f"{self.data_dir.name}.log"

    def start(self):
        """Starts it and waits for the ready line."""
        command = [BINARY, "serve", "--data-dir", self.data_dir, "--listen", self.listen]
        if self.s3_listen:
            command += ["--s3-listen", self.s3_listen]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                list(map(str, command)),
                env=clean_environment(self.data_dir.parent, **self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        ready = self._ready_line()
        self.api, self.s3 = ready["api"], ready.get("s3")
        self.ready = ready
        return self

    def _ready_line(self):
        # The line comes from another process: a watchdog ends the wait, not a poll.
        watchdog = threading.Timer(READY_SECONDS_MAX, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise AssertionError(f"no ready line; the log says:\n{self.log_text()[-4000:]}")
        ready = json.loads(line)
        assert ready["event"] == "ready", ready
        return ready

    def log_text(self):
        """What it wrote to standard error."""
        return self.log.read_text(errors="replace")

    def stop(self):
        """SIGTERM: it must finish and exit with 0."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is not None:
            raise AssertionError(
                f"the server died ({process.returncode}):\n{self.log_text()[-4000:]}"
            )
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("the server did not stop on SIGTERM") from None
        finally:
            process.stdout.close()
        assert status == 0, f"status {status} after SIGTERM:\n{self.log_text()[-4000:]}"

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def command(self, *arguments, **options):
        """A packhorse command on this server's data directory."""
        home = self.data_dir.parent
        return run(*arguments, "--data-dir", self.data_dir, home=home, **options)

    def account(self, name=None, key=None):
        """Makes an account; `key` is a pair for one that another store knows already."""
        name = name or f"customer-{uuid.uuid4().hex[:8]}"
        given = ("--access-key-id", key[0], "--secret-access-key", key[1]) if key else ()
        done = self.command("account", "create", name, *given, "--output", "json")
        answer = json.loads(done.stdout)
        return Account(self, name, answer["access_key_id"], answer["secret_access_key"])

    def key(self):
        """A station key, made once."""
        if self.station_key is None:
            self.station_key = self.new_key()
        return self.station_key

    def new_key(self):
        """The key of one more station."""
        name = f"dock-{uuid.uuid4().hex[:6]}"
        done = self.command("station-key", "create", name, "--output", "json")
        return json.loads(done.stdout)["key"]


class Station:
    """`packhorse station load` with a state directory of its own; the key is the server's first
    one unless another is given."""

    def __init__(self, server, state_dir, prefix=(), key=None, **environment):
        self.server, self.state_dir = server, Path(state_dir)
        self.prefix, self.environment = list(prefix), environment
        self.key = key or server.key()

    def start(self, *arguments):
        """Starts `packhorse station …` and returns the process."""
        environment = clean_environment(
            self.state_dir.parent,
            PACKHORSE_STATION_KEY=self.key,
            PACKHORSE_STATION__STATE_DIR=self.state_dir,
            **self.environment,
        )
        return subprocess.Popen(
            [*self.prefix, str(BINARY), "station", *map(str, arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def start_load(self, device, job=None, retry_for=60):
        """Starts a load that gives a store or server `retry_for` seconds to come back."""
        named = ("--job", job) if job else ()
        limit = ("--retry-for", retry_for)
        return self.start("load", device, "--server", self.server.api, *limit, *named)

    def load(self, device, job=None, expect=COMPLETE, timeout=120, retry_for=60):
        """Loads a device to the end and checks the exit code."""
        return finish(self.start_load(device, job, retry_for), expect, timeout)

    def resume(self, expect=COMPLETE, timeout=120):
        """Finishes what a crash interrupted."""
        return finish(self.start("resume", "--server", self.server.api), expect, timeout)


def finish(process, expect=COMPLETE, timeout=120):
    """Waits for a started station; returns its output once the exit code is the expected one."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"the station hangs:\n{stdout}\n{stderr[-4000:]}") from None
    assert "panicked at" not in stderr, stderr
    assert process.returncode == expect, (
        f"exit code {process.returncode}, expected {expect}\n{stdout}\n{stderr[-4000:]}"
    )
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def wait_until(condition, what, seconds=60):
    """Waits for something that another process does, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def running(server):
    """Starts a server and stops it cleanly; an error inside wins over one while stopping."""
    server.start()
    try:
        yield server
    except BaseException:
        if server.process is not None:
            server.kill()
        raise
    server.stop()
