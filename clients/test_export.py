"""Exports: buckets become files on a disk, each compared with what the store says of it."""

import json
import subprocess

import pytest

import disks
from conftest import Job
from exports import (
    MIB, MISFITS, PLAIN_KEYS, assert_exported, content, create, fill, large, manifest, rows,
)
from product import COMPLETE, FAILED, FILE_ERRORS, REFUSED, Station, finish, run, wait_until
from reports import listing


@pytest.fixture
def bucket(account):
    """A bucket of awkward keys and one large object in parts."""
    bucket = account.bucket()
    s3 = account.s3()
    fill(s3, bucket, PLAIN_KEYS + MISFITS)
    fill(s3, bucket, ["empty"], size=0)
    large(s3, bucket, "large.bin", 21 * MIB + 5, 5 * MIB + 1)
    return bucket


def objects_of(s3, bucket):
    """Key -> bytes of everything in a bucket."""
    return {
        key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in listing(s3, bucket)
    }


def test_a_folder_gets_every_object_and_the_sidecar_says_where(account, bucket, station, place):
    job = create(account, [bucket])
    disk = place / "disk"
    disk.mkdir()
    station.load(job.sign(disk))
    objects = objects_of(account.s3(), bucket)
    known = assert_exported(disk, objects)
    for key in PLAIN_KEYS:
        assert known[key]["path"] == f"{bucket}/{key}"
        assert dict(known[key]["headers"])["cache-control"] == "max-age=7"
    assert {key for key in known if known[key].get("misfit")} == set(MISFITS)
    assert known[MISFITS[0]]["path"].startswith("EXPORT-RECOVERY/0000/")
    assert known["large.bin"]["verified"] == "parts"
    assert known["plain.txt"]["verified"] == "md5"
    assert job.progress() == "Complete"
    table = {row["Key"]: row for row in rows(job)}
    assert set(table) == {f"{bucket}/{key}" for key in objects}
    assert {(row["Status"], row["Code"]) for row in table.values()} == {("200", "OK")}
    assert table[f"{bucket}/plain.txt"]["File"] == f"{bucket}/plain.txt"
    assert (disk / "SIGNATURE").exists() and not (disk / "PACKHORSE/unfinished").exists()
    verified = json.loads(run("device", "verify", disk, "--output", "json", home=place).stdout)
    assert (verified["good"], verified["bad"], verified["unlisted"]) == (len(objects), 0, 0)
    # One bit, weeks later.
    path = disk / bucket / "plain.txt"
    path.write_bytes(b"X" + path.read_bytes()[1:])
    (disk / bucket / "with blank.txt").unlink()
    found = run("device", "verify", disk, home=place, check=False)
    assert found.returncode == FILE_ERRORS
    assert "plain.txt" in found.stdout and "with blank.txt" in found.stdout
    assert run("device", "verify", place / "nothing", home=place, check=False).returncode == 1
    assert run("device", "verify", place, home=place, check=False).returncode == REFUSED


@pytest.mark.parametrize("file_system", ["EXT4", "EXT2", "FAT32", "NTFS"])
def test_an_image_is_formatted_and_foreign_tools_find_it_clean(
    account, bucket, station, place, file_system
):
    job = create(account, [bucket], file_system=file_system)
    image, signature = place / "disk.img", place / "SIGNATURE"
    image.touch()
    disks.os.truncate(image, 96 * MIB)
    signature.write_text(job.signature_file)
    finish(station.start("load", image, "--server", station.server.api,
                         "--signature-file", signature))
    objects = objects_of(account.s3(), bucket)
    verified = json.loads(run("device", "verify", image, "--output", "json", home=place).stdout)
    assert (verified["good"], verified["bad"]) == (len(objects), 0)
    out = place / "out"
    out.mkdir()
    if file_system.startswith("EXT"):
        disks.tool("e2fsck", "-fn", image)
        disks.debugfs(image, f"rdump / {out}")
        assert_exported(out, objects)
        assert (out / "SIGNATURE").read_text() == job.signature_file
    elif file_system == "FAT32":
        disks.tool("fsck.fat", "-n", image)
        subprocess.run(
            ["mcopy", "-s", "-n", "-i", image, "::/", out],
            env={**disks.ENVIRONMENT, "LC_ALL": "C.UTF-8"}, check=True,
        )
        assert_exported(out, objects)
    else:
        disks.tool("ntfsinfo", "-m", image)
        path = records_of_ntfs(image)["plain.txt"]["path"]
        got = subprocess.run(["ntfscat", image, path], env=disks.ENVIRONMENT, capture_output=True)
        assert got.stdout == objects["plain.txt"], got.stderr
    assert not list(station.state_dir.glob("jobs/*/staging"))


def test_an_encrypted_image_opens_with_the_password_alone(account, bucket, station, place):
    log_bucket = account.bucket()
    text = manifest(log_bucket, [bucket], pinCode=None, trueCryptPassword="geheim \u00e9")
    job = create(account, [bucket], text=text)
    image, signature, password = place / "disk.img", place / "SIGNATURE", place / "password"
    image.touch()
    disks.os.truncate(image, 96 * MIB)
    signature.write_text(job.signature_file)
    password.write_text("geheim \u00e9")
    load = ("load", image, "--server", station.server.api, "--signature-file", signature)
    finish(station.start(*load))
    job.bucket = log_bucket
    assert job.progress() == "Complete" and {row["Code"] for row in rows(job)} == {"OK"}
    disks.tool("cryptsetup", "--disable-locks", "open", "--test-passphrase", "--key-file", password,
               image)
    dump = disks.tool("cryptsetup", "--disable-locks", "luksDump", image)
    assert b"plain.txt" not in image.read_bytes(), dump
    verify = ("device", "verify", image, "--output", "json")
    locked = run(*verify, home=place, check=False)
    assert locked.returncode == REFUSED and "encrypted" in locked.stderr
    verified = json.loads(run(*verify, "--unlock-from", password, home=place).stdout)
    assert (verified["good"], verified["bad"]) == (len(listing(account.s3(), bucket)), 0)
    assert not list(station.state_dir.rglob("plain.img"))
    assert not list(station.state_dir.rglob("volume-key"))
    # What is written into a mounted disk cannot be encrypted.
    job = create(account, [bucket], text=text)
    (place / "disk").mkdir()
    refused = station.load(job.sign(place / "disk"), expect=FAILED)
    assert "cannot be encrypted" in refused.stderr and not (place / "disk" / bucket).exists()


def records_of_ntfs(image):
    """The sidecar of an NTFS image, as ntfscat reads it."""
    got = subprocess.run(
        ["ntfscat", image, "PACKHORSE/objects.jsonl"], env=disks.ENVIRONMENT,
        capture_output=True, check=True,
    )
    found = [json.loads(line) for line in got.stdout.decode().split("\n") if line]
    return {record["key"]: record for record in found}


def test_operations_select_in_order_and_the_same_object_travels_once(account, station, place):
    bucket = account.bucket()
    fill(account.s3(), bucket, [f"{letter}/{n}" for letter in "abc" for n in range(5)])
    job = create(account, [
        {"exportBucket": bucket, "prefix": "b/", "beginMarker": "b/1", "endMarker": "b/3"},
        {"exportBucket": bucket, "prefix": "image", "endMarker": "foo"},
        {"exportBucket": bucket, "prefix": "b/"},
        {"exportBucket": bucket, "prefix": "a/0", "targetDirectory": "some/where"},
    ])
    disk = place / "disk"
    disk.mkdir()
    station.load(job.sign(disk))
    table = [(row["Key"].split("/", 1)[1], row["Code"]) for row in rows(job)]
    assert table == [
        ("b/2", "OK"), ("b/3", "OK"),
        ("b/0", "OK"), ("b/1", "OK"), ("b/2", "AlreadyExported"), ("b/3", "AlreadyExported"),
        ("b/4", "OK"), ("a/0", "OK"),
    ]
    assert (disk / "some/where/a/0").read_bytes() == content("a/0")


def test_a_full_disk_ends_cleanly_and_its_next_manifest_goes_on(
    server, account, station, place
):
    bucket = account.bucket()
    keys = [f"k{n:02}" for n in range(12)]
    fill(account.s3(), bucket, keys, size=3 * MIB)
    job, done, devices, first = create(account, [bucket]), [], 0, []
    text = place / "export.yaml"
    text.write_text(job.status()["CurrentManifest"].replace("(redacted)", "1234"))
    planned = run(
        "job", "plan", text, "--disk-size", "32MiB", "--s3-endpoint", server.s3, "--output", "json",
        home=place, **account.environment(),
    )
    plan = json.loads(planned.stdout)
    while job:
        devices += 1
        assert devices < 6
        image, signature = place / f"disk{devices}.img", place / "SIGNATURE"
        image.touch()
        disks.os.truncate(image, 32 * MIB)
        signature.write_text(job.signature_file)
        ended = finish(station.start("load", image, "--server", station.server.api,
                                     "--signature-file", signature, "--output", "json"))
        answer = json.loads(ended.stdout)
        assert job.progress() == "Complete"
        table = rows(job)
        stored = [row["Key"].split("/")[1] for row in table if row["Code"] == "OK"]
        done, first = done + stored, first + stored[:1]
        disks.tool("e2fsck", "-fn", image)
        if "next_manifest_key" not in answer:
            break
        assert table[-1]["Code"] == "DeviceFull"
        body = account.s3().get_object(Bucket=job.bucket, Key=answer["next_manifest_key"])["Body"]
        text = body.read().decode()
        assert f'beginMarker: "{done[-1]}"' in text and "1234" not in text
        job = create(account, [bucket], text=text.replace("(redacted)", "1234"))
    assert done == keys and devices > 1
    assert [disk["first_key"] for disk in plan] == first
    assert sum(disk["objects"] for disk in plan) == len(keys)


def test_a_split_export_is_a_job_for_each_disk_and_nothing_is_exported_twice(
    server, account, station, place
):
    bucket, log_bucket, client = account.bucket(), account.bucket(), account.jobs()
    keys = [f"k{n}" for n in range(5)]
    fill(account.s3(), bucket, keys, size=8 * MIB)
    text, signature = place / "export.yaml", place / "SIGNATURE"
    create_jobs = ("job", "create", text, "--type", "export", "--endpoint", server.api,
                   "--s3-endpoint", server.s3, "--signature-file", signature, "--output", "json")

    def split(into):
        text.write_text(manifest(log_bucket, [bucket], packhorse={"split": into}))
        return run(*create_jobs, home=place, check=False, **account.environment())

    refused = split("1 x 32MiB")
    assert refused.returncode == REFUSED and "needs 2 devices" in refused.stderr
    with pytest.raises(client.exceptions.InvalidManifestFieldException) as fault:
        client.create_job(JobType="Export", Manifest=text.read_text(), ValidateOnly=False)
    assert "packhorse.split" in str(fault.value) and "job create" in str(fault.value)
    assert client.list_jobs()["Jobs"] == []
    jobs = json.loads(split("3 x 32MiB").stdout)["jobs"]
    assert [job["disk"] for job in jobs] == [1, 2] and len(client.list_jobs()["Jobs"]) == 2
    done = []
    for job in jobs:
        image = place / f"disk{job['disk']}.img"
        image.touch()
        disks.os.truncate(image, 32 * MIB)
        ended = finish(station.start("load", image, "--server", server.api, "--signature-file",
                                     job["written"], "--output", "json"))
        assert "next_manifest_key" not in json.loads(ended.stdout)
        table = rows(Job(account, log_bucket, {
            "JobId": job["job_id"], "SignatureFileContents": job["signature_file_contents"],
        }))
        assert {row["Code"] for row in table} == {"OK"} and len(table) == job["objects"]
        done += [row["Key"].split("/")[1] for row in table]
    assert done == keys


def test_what_is_on_the_disk_stays_and_what_is_gone_is_a_row(account, station, place):
    bucket = account.bucket()
    s3 = account.s3()
    fill(s3, bucket, ["mine", "same", "other"])
    job = create(account, [bucket])
    disk = place / "disk"
    (disk / bucket).mkdir(parents=True)
    (disk / bucket / "mine").write_bytes(b"the customer's own")
    (disk / bucket / "same").write_bytes(content("same"))
    (place / "elsewhere").mkdir()
    station.load(job.sign(disk), expect=FILE_ERRORS)
    codes = {row["Key"].split("/")[1]: row["Code"] for row in rows(job)}
    assert codes == {"mine": "FileExists", "other": "OK", "same": "OK"}
    assert (disk / bucket / "mine").read_bytes() == b"the customer's own"
    assert (job.progress(), job.status()["ErrorCount"]) == ("SuccessWithErrors", 1)
    # A link on the disk leads nowhere.
    trap = place / "trap"
    trap.mkdir()
    (trap / bucket).symlink_to(place / "elsewhere")
    job = create(account, [bucket])
    station.load(job.sign(trap), expect=FILE_ERRORS)
    assert {row["Code"] for row in rows(job)} == {"FileExists"}
    assert not list((place / "elsewhere").iterdir())


def size_of(path):
    """The size of a file that may be renamed any moment."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_kill_9_at_any_time_ends_as_an_undisturbed_export(account, server, place):
    bucket = account.bucket()
    s3 = account.s3()
    keys = [f"small/{n:04}" for n in range(300)]
    fill(s3, bucket, keys[:300])
    large(s3, bucket, "zlarge.bin", 160 * MIB, 16 * MIB)
    job = create(account, [bucket])
    disk = place / "disk"
    disk.mkdir()
    job.sign(disk)
    station = Station(server, place / "state")
    for done in (1, 150, 301):
        process = station.start("load", disk, "--server", server.api)
        part = disk / "PACKHORSE/unfinished/301"
        if done <= 300:
            wait_until(
                lambda: process.poll() is not None
                or len(list((disk / bucket / "small").glob("*"))) >= done, "files",
            )
        else:
            wait_until(
                lambda: process.poll() is not None
                or size_of(part) > 130 * MIB, "a place that is noted",
            )
        process.kill()
        process.communicate()
    station.resume()
    objects = {key: content(key) for key in keys}
    objects["zlarge.bin"] = content("zlarge.bin", 160 * MIB)
    assert_exported(disk, objects)
    assert [row["Code"] for row in rows(job)] == ["OK"] * 301
    assert job.progress() == "Complete"
