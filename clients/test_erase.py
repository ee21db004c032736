"""Devices that go back empty, and the papers that say so."""

import json

import pytest

import disks
from product import COMPLETE, REFUSED, finish


@pytest.fixture
def image(place, folder):
    """A disk that a job can be loaded from."""

    def make(job):
        return disks.image(job.sign(folder), place / f"{job.id}.img")

    return make


def erase(station, server, device, job, *arguments, expect=COMPLETE):
    """`station erase`."""
    process = station.start(
        "erase", device, "--job", job.id, "--server", server.api, *arguments
    )
    return finish(process, expect)


def happened(server):
    """The events of erasing devices, oldest first, as the database has them."""
    rows = [json.loads(line) for line in server.command("admin", "export").stdout.splitlines()]
    events = [row["row"] for row in rows if row.get("table") == "events"]
    return [(event["what"], event["detail"]) for event in events if "rase" in event["what"]]


def test_only_a_loaded_device_is_erased_and_only_when_somebody_wants_it(
    account, create, server, station, image, place
):
    job = create(account)
    device = image(job)
    before = device.read_bytes()
    early = erase(station, server, device, job, "--yes", expect=REFUSED)
    assert "Pending" in early.stderr
    station.load(device)
    unasked = erase(station, server, device, job, expect=REFUSED)
    assert "eraseDevice" in unasked.stderr
    sanitize = erase(station, server, device, job, "--yes", "--method", "sanitize", expect=REFUSED)
    assert "nvme sanitize" in sanitize.stderr
    assert device.read_bytes() == before
    paper = place / "certificate.json"
    done = erase(
        station, server, device, job, "--yes", "--certificate", paper, "--operator", "Jo",
        "--output", "json",
    )
    assert device.read_bytes() == bytes(len(before))
    certificate = json.loads(paper.read_text())
    assert certificate == json.loads(done.stdout)
    assert certificate["result"] == "erased" and certificate["job_id"] == job.id
    assert certificate["nist_sp_800_88"] == "Clear" and certificate["operator"] == "Jo"
    assert certificate["device"]["size"] == len(before)
    assert certificate["verification"] == {"kind": "full", "bytes": len(before)}
    kept = erase(station, server, device, job, "--yes", "--certificate", paper, expect=1)
    assert "exists already" in kept.stderr
    assert job.progress() == "Complete"
    details = dict(happened(server))
    assert details["Erase"].endswith(str(device))
    assert json.loads(details["Erased"]) == certificate


def test_what_the_customer_asked_for_is_not_done_to_another_device(
    account, create, server, station, image, place
):
    job, other = create(account, eraseDevice=True), create(account)
    station.load(image(job))
    unsigned = place / "blank.img"
    unsigned.write_bytes(b"x" * 100_000)
    for device in (image(other), unsigned):
        before = device.read_bytes()
        refused = erase(station, server, device, job, expect=REFUSED)
        assert job.id in refused.stderr and "--yes" in refused.stderr, refused.stderr
        assert device.read_bytes() == before


def test_a_customer_who_asks_for_it_need_not_be_asked(account, create, server, station, image):
    job = create(account, eraseDevice=True)
    device = image(job)
    station.load(device)
    done = erase(station, server, device, job, "--method", "discard", "--verify", "sample")
    assert "erased" in done.stdout and "sample" in done.stdout
    assert not any(device.read_bytes())
    folder = erase(station, server, device.parent, job, "--yes", expect=REFUSED)
    assert "neither a disk nor an image" in folder.stderr
    unknown = station.start("erase", device, "--job", "ZZZZZZZZ", "--server", server.api, "--yes")
    assert "no such job" in finish(unknown, expect=REFUSED).stderr
