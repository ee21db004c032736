"""Object stores that fail: the load waits, tries again, or stops so that it can be continued."""

import os
import shutil
import threading
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

import disks
from conftest import Job
from faultproxy import Answer, FaultProxy, FlipByte, ResetAfter, ResetBefore
from product import FAILED, FILE_ERRORS, Account, Server, Station, run
from reports import assert_same_bytes, by_file, files_of, listing, parse, report_text


@dataclass
class Dock:
    """A server whose object store is somewhere else, behind a proxy."""

    proxy: FaultProxy
    server: Server
    owner: Account
    job: Job
    folder: object
    station: Station

    def rows(self):
        return by_file(
            parse(report_text(self.job.account, self.job.id, endpoint=self.owner.server.s3))
        )

    def assert_everything_stored(self):
        """Every file is there byte for byte, and no upload is left open."""
        s3 = self.owner.s3()
        files = files_of(self.folder)
        rows = self.rows()
        assert set(rows) == set(files)
        for path, file in files.items():
            if path == "SIGNATURE":
                continue
            assert (rows[path]["Status"], rows[path]["Code"]) == ("200", "OK"), rows[path]
            assert_same_bytes(s3, self.job.bucket, path, file)
        assert self.job.progress() == "Complete"
        assert s3.list_multipart_uploads(Bucket=self.job.bucket).get("Uploads", []) == []


@pytest.fixture
def dock(new_server, create, place):
    """A job of 300 small files and a 40 MiB one, ready to be loaded through the proxy."""
    store = new_server()
    with FaultProxy(store.s3) as proxy:
        server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=proxy.url)
        owner = store.account()
        account = server.account(key=(owner.access_key_id, owner.secret_access_key))
        job = create(account, bucket=owner.bucket())
        folder = disks.many_small(place / "disk", 300)
        disks.large_file(folder / "large.bin", 40 * disks.MIB)
        job.sign(folder)
        yield Dock(proxy, server, owner, job, folder, Station(server, place / "state"))


class Every:
    """A plan: each n-th object write of the job gets a fault, at most `limit` times."""

    def __init__(self, step, faults, limit):
        self.step, self.faults, self.left, self.seen = step, faults, limit, 0
        self.lock = threading.Lock()

    def __call__(self, request):
        if request.method not in ("PUT", "POST"):
            return None
        with self.lock:
            self.seen += 1
            if self.left == 0 or self.seen % self.step:
                return None
            self.left -= 1
            return self.faults[self.left % len(self.faults)]


BUSY = Answer(503, "SlowDown")


@pytest.mark.parametrize(
    "faults",
    [
        [BUSY],
        [Answer(500, "InternalError")],
        [ResetBefore()],
        [ResetAfter()],
        [FlipByte()],
        [BUSY, ResetBefore(), ResetAfter(), FlipByte()],
    ],
    ids=["503", "500", "reset-before", "reset-after", "flipped-byte", "mixed"],
)
def test_passing_faults_are_tried_again(dock, faults):
    dock.proxy.plan = plan = Every(9, faults, limit=30)
    dock.station.load(dock.folder)
    assert plan.left == 0, "the faults were not met"
    dock.assert_everything_stored()


def test_a_store_that_is_down_at_the_start_stops_the_load_until_it_is_back(dock):
    dock.proxy.close()
    done = dock.station.load(dock.folder, expect=FAILED, retry_for=2)
    assert "out of reach" in done.stderr and "resume" in done.stderr
    assert dock.job.progress() in ("Pending", "InProgress")
    assert listing(dock.owner.s3(), dock.job.bucket) == {}
    with FaultProxy(dock.owner.server.s3, port=dock.proxy.port):
        dock.station.load(dock.folder)
    dock.assert_everything_stored()


def test_a_store_that_fails_half_way_stops_the_load_and_a_second_run_finishes_it(dock):
    half = {"left": 150}

    def failing(request):
        if request.method in ("PUT", "POST"):
            half["left"] -= 1
        return BUSY if half["left"] < 0 else None

    dock.proxy.plan = failing
    dock.station.load(dock.folder, expect=FAILED, retry_for=2)
    assert dock.job.progress() == "InProgress"
    before = len(dock.proxy.requests)
    dock.proxy.plan = lambda request: None
    dock.station.load(dock.folder)
    dock.assert_everything_stored()
    again = [r for r in dock.proxy.requests[before:] if r.method == "PUT"]
    assert len(again) < 280, "files that were stored are not sent again"


def test_no_server_at_all_is_a_clear_error(dock):
    dock.server.stop()
    done = dock.station.load(dock.folder, expect=FAILED)
    assert dock.server.api.split("//")[1].strip("/") in done.stderr
    dock.server.start()
    assert dock.job.progress() == "Pending"


def test_a_wrong_station_key_is_refused(dock, place):
    done = run(
        "station",
        "load",
        dock.folder,
        "--server",
        dock.server.api,
        home=place,
        check=False,
        PACKHORSE_STATION_KEY="not-a-key",
        PACKHORSE_STATION__STATE_DIR=place / "other",
    )
    assert done.returncode == FAILED
    assert "station key" in done.stderr
    assert dock.job.progress() == "Pending"


def test_a_bucket_that_vanished_stops_the_load_before_it_starts(
    account, create, station, folder
):
    job = create(account, logBucket=account.bucket())
    account.s3().delete_bucket(Bucket=job.bucket)
    done = station.load(job.sign(folder), expect=FAILED)
    assert "NoSuchBucket" in done.stderr and job.bucket in done.stderr
    assert job.progress() == "InProgress"
    account.bucket(job.bucket)
    station.load(folder)
    assert job.progress() == "Complete"


def test_a_bucket_that_another_account_took_stops_the_load(
    account, other, create, station, folder
):
    job = create(account)
    account.s3().delete_bucket(Bucket=job.bucket)
    other.bucket(job.bucket)
    done = station.load(job.sign(folder), expect=FAILED)
    assert "AccessDenied" in done.stderr and job.bucket in done.stderr
    assert listing(other.s3(), job.bucket) == {}
    with pytest.raises(ClientError, match="AccessDenied"):
        account.s3().list_objects_v2(Bucket=job.bucket)


def test_objects_that_the_store_denies_are_rows(dock):
    """Access denied for some keys only: the job goes on and the report says which."""

    def denying(request):
        writes = request.method == "PUT" and "/d001/" in request.target
        return Answer(403, "AccessDenied") if writes else None

    dock.proxy.plan = denying
    dock.station.load(dock.folder, expect=FILE_ERRORS)
    rows = dock.rows()
    denied = {path for path, row in rows.items() if row["Code"] == "AccessDenied"}
    assert denied == {path for path in rows if path.startswith("d001/")}
    assert len(denied) == dock.job.status()["ErrorCount"] == 100
    assert {row["Status"] for path, row in rows.items() if path in denied} == {"403"}


def test_a_full_disk_under_the_job_database_stops_the_load_cleanly(
    server, account, create, place
):
    """The state directory is a tmpfs of 128 KiB in a mount namespace of its own."""
    folder = disks.many_small(place / "disk", 3000, largest=64)
    job = create(account)
    state = place / "state"
    state.mkdir()
    namespace = ["-m"] if os.geteuid() == 0 else ["-rm"]
    script = f'mount -t tmpfs -o size=128k none "{state}" && exec "$0" "$@"'
    prefix = [shutil.which("unshare"), *namespace, "sh", "-c", script]
    done = Station(server, state, prefix).load(job.sign(folder), expect=FAILED)
    assert "full" in done.stderr.lower() or "no space" in done.stderr.lower(), done.stderr
    assert job.progress() in ("Pending", "InProgress")
    Station(server, place / "roomy").load(folder)
    assert job.progress() == "Complete"
    assert len(listing(account.s3(), job.bucket)) == 3001
