"""Fixtures: one server for all tests that only need an account of their own, more on request."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

import disks
from product import BINARY, Account, Server, Station


def pytest_configure(config):
    if not BINARY.exists():
        raise pytest.UsageError(f"{BINARY} is not there: run `make test`, or `cargo build` first")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Tells the fixtures whether the test failed, so that logs of failures are shown."""
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report


@pytest.fixture(scope="session")
def scratch():
    """A folder for the whole run; removed at its end."""
    path = Path(tempfile.mkdtemp(prefix="packhorse-tests-"))
    yield path
    if not os.environ.get("PACKHORSE_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def place(scratch):
    """A folder for one test, with a short path (sockets have room for 107 bytes)."""
    path = Path(tempfile.mkdtemp(dir=scratch, prefix="t"))
    yield path
    if not os.environ.get("PACKHORSE_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def server(scratch):
    """One server; tests on it use accounts of their own."""
    server = Server(scratch / "shared").start()
    yield server
    assert "panicked at" not in server.log_text(), server.log_text()[-8000:]
    server.stop()


@pytest.fixture
def new_server(place, request):
    """Makes servers with their own data directories; stops them after the test."""
    servers = []

    def make(**options):
        server = Server(place / f"server-{len(servers)}", **options)
        servers.append(server)
        return server.start()

    yield make
    failed = getattr(request.node, "failed", True)
    for server in servers:
        if failed:
            print(f"--- {server.log.name}\n{server.log_text()[-4000:]}")
            if server.process is not None:
                server.kill()
        else:
            assert "panicked at" not in server.log_text(), server.log_text()[-8000:]
            server.stop()


@pytest.fixture
def account(server):
    """A fresh account on the shared server."""
    return server.account()


@pytest.fixture
def other(server):
    """Another customer of the same server."""
    return server.account()


@pytest.fixture
def station(server, place):
    """A station with its own state directory."""
    return Station(server, place / "state")


@pytest.fixture(scope="session")
def tree(scratch):
    """The awkward folder; tests that write to it copy it first."""
    return disks.awkward_tree(scratch / "tree")


@pytest.fixture
def folder(place):
    """A disk of three plain files."""
    folder = place / "disk"
    for name in ("a.txt", "b/c.txt", "b/d.bin"):
        disks.write(folder / name, f"content of {name}\n".encode() * 50)
    return folder


class Job:
    """A job, its bucket and its SIGNATURE."""

    def __init__(self, account: Account, bucket, answer):
        self.account, self.bucket = account, bucket
        self.id, self.signature_file = answer["JobId"], answer["SignatureFileContents"]

    def sign(self, folder):
        """Puts SIGNATURE into the root of a folder, as the guide tells customers to."""
        (folder / "SIGNATURE").write_text(self.signature_file)
        return folder

    def status(self):
        """GetStatus."""
        return self.account.jobs().get_status(JobId=self.id)

    def lasting(self):
        """GetStatus without what is new in each answer: the request's id and the links' ends."""
        status = self.status()
        artifacts = [artifact["Description"] for artifact in status.get("ArtifactList", [])]
        return {**status, "ResponseMetadata": None, "ArtifactList": artifacts}

    def progress(self):
        """The ProgressCode."""
        return self.status()["ProgressCode"]


@pytest.fixture
def create():
    """Creates an import job over the wire: `create(account, prefix="x/", …)`."""
    from manifests import manifest

    def create(account, bucket=None, **options):
        bucket = bucket or account.bucket()
        answer = account.jobs().create_job(
            JobType="Import", Manifest=manifest(bucket, **options), ValidateOnly=False
        )
        return Job(account, bucket, answer)

    return create


@pytest.fixture
def held(new_server, create, place):
    """A load that waits in the middle."""
    from holding import held_load

    with held_load(new_server, create, place) as held:
        yield held
