"""Encrypted devices: opened with the customer's password, and waiting for it when it is wrong."""

import json

import pytest

import disks
import encrypted
from manifests import manifest
from product import REFUSED, Station, finish, run
from reports import assert_loaded, rows_of

PASSWORD = "correct horse πß"


@pytest.fixture
def small(place):
    """A disk of files of a few sizes."""
    folder = place / "small"
    for number, size in enumerate((0, 1, 4096, 300_001)):
        disks.write(folder / f"d{number}" / f"{size}.bin", bytes(range(256)) * (size // 256 + 1))
    return folder


def update(job, **options):
    """UpdateJob with another manifest."""
    text = manifest(job.bucket, **options)
    job.account.jobs().update_job(
        JobId=job.id, JobType="Import", Manifest=text, ValidateOnly=False
    )


def loaded(job, folder):
    """Everything of the folder is in the bucket."""
    assert job.progress() == "Complete"
    assert_loaded(job.account, job.bucket, folder, rows_of(job.account, job.id))


def scan(place, device, *arguments):
    """The volumes that `station scan` finds."""
    done = run(
        "station", "scan", device, "--output", "json", *arguments, home=place, check=False
    )
    return json.loads(done.stdout)[0]


def test_a_wrong_password_is_mended_by_update_job(account, create, server, station, small, place):
    job = create(account)
    plain = disks.image(job.sign(small), place / "plain.img")
    device = encrypted.luks1(plain, place / "luks.img", PASSWORD)
    # Without the job's name nobody knows whose password would open it.
    done = station.load(device, expect=REFUSED)
    assert "LUKS1" in done.stderr and "--job" in done.stderr
    assert job.status()["LocationCode"] == "NotReceived"
    done = station.load(device, job=job.id, expect=REFUSED)
    assert "no password was given" in done.stderr
    status = job.status()
    assert (status["LocationCode"], status["ProgressCode"]) == ("AtAWS", "Pending")
    assert "encrypted" in status["ProgressMessage"] and "LUKS1" in status["ProgressMessage"]
    update(job, trueCryptPassword="not this one")
    assert "encrypted" not in job.status()["ProgressMessage"]
    done = station.load(device, job=job.id, expect=REFUSED)
    assert "does not open it" in done.stderr and "not this one" not in done.stderr
    assert "does not open it" in job.status()["ProgressMessage"]
    update(job, trueCryptPassword=PASSWORD)
    station.load(device, job=job.id)
    loaded(job, small)
    for secret in (PASSWORD, "not this one"):
        assert secret not in server.log_text()


def test_the_customer_unlocks_a_job_that_asks(account, create, station, small, place, server):
    job = create(account, packhorse={"unlock": "ask"})
    plain = disks.image(job.sign(small), place / "plain.img")
    device = encrypted.veracrypt(plain, place / "volume.hc", PASSWORD)
    # Trying everything takes minutes; that it is locked is known before.
    hasty = Station(server, place / "state", PACKHORSE_STATION__UNLOCK_SECONDS=0)
    hasty.load(device, job=job.id, expect=REFUSED)
    assert job.progress() == "Pending"
    (place / "password").write_text(PASSWORD + "\n")
    arguments = ("job", "unlock", job.id, "--unlock-from", place / "password")
    environment = {**account.environment(), "PACKHORSE_ENDPOINT": server.api}
    done = run(*arguments, home=place, **environment)
    assert job.id in done.stdout and PASSWORD not in done.stdout
    station.load(device, job=job.id)
    loaded(job, small)
    # It is over, and takes no more passwords.
    done = run(*arguments, home=place, check=False, **environment)
    assert done.returncode != 0 and "Complete" in done.stderr
    assert PASSWORD not in server.log_text()


def test_the_container_of_the_job_is_loaded_in_place_of_its_disk(
    account, create, station, small, place
):
    job = create(account, trueCryptPassword=PASSWORD)
    plain = disks.image(small, place / "plain.img", kind="ext4")
    carrier = place / "carrier"
    carrier.mkdir()
    job.sign(carrier)
    encrypted.veracrypt(plain, carrier / f"{job.id}.tc", PASSWORD, encrypted.TRUECRYPT)
    (carrier / "README").write_text("not loaded")
    device = disks.partitioned(disks.image(carrier, place / "carrier.img"), place / "disk.img")
    station.load(device)
    assert job.progress() == "Complete"
    keys = {row["File"] for row in rows_of(account, job.id)}
    assert "d3/300001.bin" in keys and "README" not in keys
    found = account.s3().get_object(Bucket=job.bucket, Key="d3/300001.bin")["Body"].read()
    assert found == (small / "d3" / "300001.bin").read_bytes()


def test_the_operator_opens_a_device_that_the_customer_said_nothing_of(
    account, create, station, small, place, server
):
    job = create(account)
    plain = disks.image(job.sign(small), place / "plain.img")
    device = encrypted.luks2(plain, place / "luks2.img", PASSWORD)
    (place / "password").write_text(PASSWORD)
    unlock = ("--unlock-from", place / "password")
    [volume] = scan(place, device, *unlock)["volumes"]
    assert (volume["encryption"], volume["job"]) == ("LUKS2", job.id)
    assert "LUKS2" in scan(place, device)["error"]
    listed = run("station", "ls", device, *unlock, home=place)
    assert "SIGNATURE" in listed.stdout
    (place / "wrong").write_text("wrong")
    listed = run("station", "ls", device, "--unlock-from", place / "wrong", home=place, check=False)
    assert listed.returncode != 0 and "does not open it" in listed.stderr
    # Its SIGNATURE is readable once it is open: the job need not be named.
    finish(station.start("load", device, "--server", server.api, *unlock))
    loaded(job, small)
