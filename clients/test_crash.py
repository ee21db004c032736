"""kill -9 of the station at ten moments and of the server at three: nothing is lost or doubled.

The moments are random, one in each tenth (third) of the time an undisturbed load takes, so that
listing, transfer, verification and report are all hit. The seed is printed; PACKHORSE_SEED sets it.
"""

import os
import random
import shutil
import subprocess
import time

import pytest

import disks
from conftest import Job
from manifests import manifest
from product import Server, Station, free_port, running, wait_until
from reports import assert_loaded, listing, parse, report_text, without_times

STATION_KILLS = 10
SERVER_KILLS = 3
# A kill that comes after the end is tried again earlier, at most this often.
ATTEMPTS_MAX = 6


class Bench:
    """A server on fixed ports, a device, and what an undisturbed load of it gives."""

    def __init__(self, place):
        self.server = Server(
            place / "data", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        )
        self.place = place
        self.disk = disks.many_small(place / "disk", 800)
        disks.large_file(self.disk / "large.bin", 48 * disks.MIB)
        self.disk.joinpath("link").symlink_to("large.bin")
        self.disk.joinpath("empty").touch()
        self.count = 0

    def job(self):
        """A new job of a new account, its SIGNATURE on the disk."""
        account = self.server.account()
        bucket = account.bucket()
        answer = account.jobs().create_job(
            JobType="Import", Manifest=manifest(bucket), ValidateOnly=False
        )
        job = Job(account, bucket, answer)
        job.sign(self.disk)
        self.count += 1
        return job, Station(self.server, self.place / f"state-{self.count}")

    def result(self, job):
        """Objects and report rows, without what names the job or the time."""
        text = report_text(job.account, job.id)
        rows = [
            {**row, "Key": row["Key"].removeprefix(job.bucket)}
            for row in without_times(parse(text))
        ]
        objects = listing(job.account.s3(), job.bucket)
        del objects[f"import-log-{job.id}"]
        uploads = job.account.s3().list_multipart_uploads(Bucket=job.bucket).get("Uploads", [])
        assert uploads == [], "a multipart upload was left behind"
        return objects, rows, job.progress(), job.status()["ErrorCount"]


@pytest.fixture(scope="module")
def bench(scratch):
    place = scratch / "crash"
    place.mkdir()
    bench = Bench(place)
    with running(bench.server):
        job, station = bench.job()
        started = time.monotonic()
        station.load(bench.disk, expect=3)
        bench.seconds = time.monotonic() - started
        bench.expected = bench.result(job)
        assert bench.expected[2:] == ("SuccessWithErrors", 1)
        table = assert_loaded(
            job.account, job.bucket, bench.disk, parse(report_text(job.account, job.id))
        )
        assert table["link"]["Code"] == "SymbolicLink"
        yield bench


def moments(count):
    """One random fraction in each of `count` equal slices, shuffled."""
    seed = int(os.environ.get("PACKHORSE_SEED") or random.SystemRandom().randrange(1 << 32))
    generator = random.Random(seed)
    fractions = [(slot + generator.random()) / count for slot in range(count)]
    generator.shuffle(fractions)
    return seed, fractions


SEED, FRACTIONS = moments(STATION_KILLS)


def killed(process, seconds):
    """Kills a process after `seconds`; False when it ended by itself before."""
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True


def killed_load(bench, seconds):
    """A load that was killed after `seconds`, or earlier if it would have ended before."""
    for _ in range(ATTEMPTS_MAX):
        job, station = bench.job()
        if killed(station.start_load(bench.disk), seconds):
            return job, station
        seconds *= 0.8
    pytest.fail("the load always ended before the kill")


@pytest.mark.parametrize("number", range(STATION_KILLS))
def test_a_killed_station_continues_to_the_same_end(bench, number):
    seconds = FRACTIONS[number] * bench.seconds
    job, station = killed_load(bench, seconds)
    print(f"seed {SEED}, killed at {seconds:.3f} s of {bench.seconds:.3f} s: {job.progress()}")
    if number % 2 and job.progress() == "InProgress":
        station.resume(expect=3)
    else:
        again = station.start_load(bench.disk)
        _, errors = again.communicate(timeout=120)
        finished_before = again.returncode == 4 and job.progress() == "SuccessWithErrors"
        assert again.returncode == 3 or finished_before, (again.returncode, errors)
    assert bench.result(job) == bench.expected


def test_a_station_killed_again_and_again_ends_the_same(bench):
    job, station = bench.job()
    generator = random.Random(SEED)
    kills = 0
    for _ in range(5):
        kills += killed(station.start_load(bench.disk), generator.uniform(0.1, 0.5) * bench.seconds)
    assert kills > 0
    station.start_load(bench.disk).communicate(timeout=120)
    assert bench.result(job) == bench.expected


def test_a_station_that_lost_its_state_ends_the_same(bench):
    job, station = killed_load(bench, 0.4 * bench.seconds)
    shutil.rmtree(station.state_dir, ignore_errors=True)
    station.load(bench.disk, expect=3)
    assert bench.result(job) == bench.expected


def test_another_station_takes_over_once_the_lease_has_lapsed(bench):
    """The lease lapses 60 seconds after its last renewal; until then the other is refused."""
    job, station = bench.job()
    loading = station.start_load(bench.disk)
    wait_until(lambda: job.progress() == "InProgress", "the job is claimed")
    loading.kill()
    loading.communicate()
    other = Station(bench.server, bench.place / "other-station", key=bench.server.new_key())
    refused = other.load(bench.disk, expect=4)
    assert "lease" in refused.stderr or "another station" in refused.stderr
    assert job.progress() == "InProgress"

    def taken_over():
        time.sleep(1)
        process = other.start_load(bench.disk)
        _, errors = process.communicate(timeout=120)
        assert process.returncode in (3, 4), errors
        return process.returncode == 3

    wait_until(taken_over, "the other station may load", seconds=90)
    assert bench.result(job) == bench.expected


@pytest.mark.parametrize("number", range(SERVER_KILLS))
def test_a_killed_server_comes_back_and_the_load_ends_the_same(bench, number):
    fraction = (number + random.Random(SEED + number).random()) / SERVER_KILLS
    job, station = bench.job()
    loading = station.start_load(bench.disk)
    time.sleep(fraction * bench.seconds * 0.8)
    bench.server.kill()
    print(f"seed {SEED}, server killed at {fraction:.2f} of the load")
    bench.server.start()
    _, errors = loading.communicate(timeout=120)
    assert "panicked at" not in errors
    if loading.returncode == 1:  # it gave up while the server was away: run it again
        loading = station.start_load(bench.disk)
        _, errors = loading.communicate(timeout=120)
    assert loading.returncode == 3, errors
    assert bench.result(job) == bench.expected


def test_a_server_killed_while_idle_has_lost_nothing(bench):
    job, station = bench.job()
    station.load(bench.disk, expect=3)
    bench.server.kill()
    bench.server.start()
    assert bench.result(job) == bench.expected
