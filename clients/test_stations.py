"""A station with more than one process, device or signal: the load under way is never harmed."""

import os
import signal

import pytest

import disks
from conftest import Job
from holding import HELD
from manifests import manifest
from product import FAILED, REFUSED, Station, finish, wait_until
from reports import assert_same_bytes, by_file, files_of, listing, parse, report_text, rows_of

@pytest.mark.parametrize("how", ["load", "resume"])
def test_a_second_process_leaves_the_first_one_to_its_work(held, how):
    if how == "load":
        second = held.station.load(held.folder, expect=FAILED)
    else:
        second = held.station.resume(expect=FAILED)
    assert "another process" in second.stderr, second.stderr
    assert held.loading.poll() is None, "the first process was disturbed"
    held.finish()


def test_a_second_signal_ends_a_load_at_once_and_resume_goes_on(held):
    held.loading.send_signal(signal.SIGINT)
    said = held.loading.stderr.readline()
    while "stopping" not in said:
        assert said, "the first signal is not answered"
        said = held.loading.stderr.readline()
    held.loading.send_signal(signal.SIGINT)
    finish(held.loading, expect=FAILED, timeout=20)
    assert held.job.progress() == "InProgress"
    held.gate.set()
    held.station.resume()
    assert held.job.progress() == "Complete"


def killed_load(held):
    """The load is interrupted for good; what it needs to go on is remembered."""
    held.loading.kill()
    held.loading.communicate()
    held.gate.set()


def test_a_stranger_does_not_take_the_place_of_the_device_to_resume(held, place):
    killed_load(held)
    stranger = disks.many_small(place / "stranger", 3, seed=9)
    forged = held.job.signature_file.replace("signature:", "signature:A", 1)
    (stranger / "SIGNATURE").write_text(forged)
    held.station.load(stranger, expect=REFUSED)
    assert held.job.progress() == "InProgress"
    resumed = held.station.resume()
    assert str(held.folder) in resumed.stderr
    assert held.job.progress() == "Complete"
    rows = parse(report_text(held.job.account, held.job.id, endpoint=held.owner.server.s3))
    assert set(by_file(rows)) == set(files_of(held.folder))


def test_a_job_that_ended_elsewhere_is_forgotten(held):
    killed_load(held)
    record = held.station.state_dir / "jobs" / held.job.id / "load.json"
    kept = record.read_bytes()
    held.station.resume()
    assert not record.exists()
    # As if the process had died between the desk's last word and forgetting.
    record.write_bytes(kept)
    again = held.station.resume(expect=REFUSED)
    assert "the job is Complete" in again.stderr
    assert not record.exists()
    assert "nothing to resume" in held.station.resume().stderr


def test_a_device_with_signature_on_paper_must_be_the_same_one_to_resume(held, place):
    held.finish()
    job = job_on_paper(held)
    paper = place / "paper"
    paper.write_text(job.signature_file)
    disk = disks.many_small(place / "unsigned", 4, seed=5)
    disks.write(disk / HELD, b"kept waiting\n")
    held.gate.clear()
    loading = held.station.start(
        "load", disk, "--server", held.server.api, "--signature-file", paper
    )
    record = held.station.state_dir / "jobs" / job.id / "load.json"
    wait_until(lambda: job.progress() == "InProgress" and record.exists(), "the job is claimed")
    loading.kill()
    loading.communicate()
    held.gate.set()
    disk.rename(place / "away")
    disks.many_small(disk, 4, seed=6)
    refused = held.station.resume(expect=REFUSED)
    assert "device" in refused.stderr
    assert job.progress() == "InProgress"
    disk.rename(place / "other")
    (place / "away").rename(disk)
    held.station.resume()
    assert job.progress() == "Complete"


def job_on_paper(held):
    """One more job of the same customer."""
    answer = held.job.account.jobs().create_job(
        JobType="Import", Manifest=manifest(held.owner.bucket()), ValidateOnly=False
    )
    return Job(held.job.account, None, answer)


def test_a_state_folder_that_cannot_be_used_leaves_the_job_alone(
    account, create, server, folder, place
):
    job = create(account)
    (place / "state").write_text("a file where a folder must be")
    done = Station(server, place / "state").load(job.sign(folder), expect=FAILED)
    assert str(place / "state") in done.stderr and "--state-dir" in done.stderr
    assert job.progress() == "Pending"


def test_an_owner_without_a_key_can_be_helped_and_the_load_goes_on(
    new_server, create, place, folder
):
    server = new_server()
    account = server.account("alice")
    job = create(account)
    job.sign(folder)
    server.command("account", "disable", "alice")
    station = Station(server, place / "state")
    done = station.load(folder, expect=REFUSED)
    assert "account enable" in done.stderr
    server.command("account", "enable", "alice")
    station.load(folder)


def two_file_systems(place, first, second):
    """A disk with two Linux partitions."""
    images = [disks.image(folder, place / f"{folder.name}.img") for folder in (first, second)]
    path, start, script = place / "two.img", 2048, "label: gpt\n"
    with open(path, "wb") as disk:
        for image in images:
            disk.seek(start * 512)
            disk.write(image.read_bytes())
            sectors = os.path.getsize(image) // 512
            script += f"start={start}, size={sectors}, type=linux\n"
            start += sectors + (-sectors % 2048)
        disk.truncate(start * 512 + disks.MIB)
    disks.tool("sfdisk", "--quiet", path, input=script)
    return path


def test_the_volumes_of_a_disk_keep_apart(account, create, station, place, folder):
    job = create(account)
    second = disks.copy(folder, place / "second")
    (second / "a.txt").write_text("another a\n")
    job.sign(folder)
    station.load(two_file_systems(place, folder, second))
    assert job.progress() == "Complete"
    s3 = account.s3()
    for volume, source in (("volume1", folder), ("volume2", second)):
        assert_same_bytes(s3, job.bucket, f"{volume}/a.txt", source / "a.txt")
        assert_same_bytes(s3, job.bucket, f"{volume}/b/d.bin", source / "b" / "d.bin")
    objects = set(listing(s3, job.bucket)) - {f"import-log-{job.id}"}
    assert len(objects) == 6
    rows = by_file(rows_of(account, job.id))
    assert rows["volume1/SIGNATURE"]["Code"] == "Ignored", rows["volume1/SIGNATURE"]


def test_one_volume_of_a_disk_can_be_chosen(account, create, station, place, folder):
    job = create(account, packhorse={"volume": 2})
    second = disks.copy(folder, place / "second")
    (second / "a.txt").write_text("another a\n")
    job.sign(folder)
    disk = two_file_systems(place, folder, second)
    station.load(disk)
    assert job.progress() == "Complete"
    s3 = account.s3()
    assert_same_bytes(s3, job.bucket, "a.txt", second / "a.txt")
    assert len(set(listing(s3, job.bucket)) - {f"import-log-{job.id}"}) == 3


def test_the_volume_that_the_operator_names_goes_before_the_manifest(
    account, create, server, station, place, folder
):
    job = create(account, packhorse={"volume": 2})
    second = disks.copy(folder, place / "second")
    (second / "a.txt").write_text("another a\n")
    job.sign(folder)
    disk = two_file_systems(place, folder, second)
    loading = station.start("load", disk, "--server", server.api, "--volume", 1)
    finish(loading)
    s3 = account.s3()
    assert_same_bytes(s3, job.bucket, "a.txt", folder / "a.txt")
    assert len(set(listing(s3, job.bucket)) - {f"import-log-{job.id}"}) == 3


def test_a_station_that_insists_on_serial_numbers_refuses_what_shows_none(
    account, create, server, place, folder
):
    job = create(account)
    device = disks.image(job.sign(folder), place / "disk.img")
    strict = Station(server, place / "strict", PACKHORSE_STATION__DEVICE_ID="require")
    refused = strict.load(device, expect=REFUSED)
    assert "no serial number" in refused.stderr and "warn" in refused.stderr
    assert job.progress() == "Pending"
    Station(server, place / "mild", PACKHORSE_STATION__DEVICE_ID="warn").load(device)
    assert job.progress() == "Complete"
