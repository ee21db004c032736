"""Devices that are not what they should be: refused, or a row for every file that cannot be had."""

import os
import random
import shutil
import socket
import stat
import threading

import pytest

import disks
from faultproxy import FaultProxy, Hold
from product import FAILED, FILE_ERRORS, REFUSED, Station, finish, wait_until
from reports import assert_loaded, assert_same_bytes, by_file, files_of, listing, rows_of

NO_OVERRIDE = "-dac_override,-dac_read_search"


def verdicts(job):
    """Path -> (Status, Code) of the job's report."""
    table = by_file(rows_of(job.account, job.id))
    return {path: (row["Status"], row["Code"]) for path, row in table.items()}


def stored(job):
    """Keys in the bucket without the report."""
    return set(listing(job.account.s3(), job.bucket)) - {f"import-log-{job.id}"}


# --- SIGNATURE -------------------------------------------------------------------------------


def test_without_signature_a_device_is_refused_and_nothing_changes(
    account, create, station, folder
):
    job = create(account)
    done = station.load(folder, expect=REFUSED)
    assert "SIGNATURE" in done.stderr
    assert job.progress() == "Pending"
    assert stored(job) == set()


def test_without_signature_the_named_job_is_aborted(account, create, station, folder):
    job = create(account)
    station.load(folder, job=job.id, expect=REFUSED)
    assert job.progress() == "MissingSignature"
    assert job.status()["LocationCode"] == "AtAWS"
    assert stored(job) == set()


def test_the_signature_of_another_job_aborts_the_named_one(account, create, station, folder):
    job, neighbour = create(account), create(account)
    station.load(neighbour.sign(folder), job=job.id, expect=REFUSED)
    assert (job.progress(), neighbour.progress()) == ("InvalidSignature", "Pending")
    assert stored(job) == stored(neighbour) == set()


def test_the_signature_of_another_account_is_refused(account, other, create, station, folder):
    job, foreign = create(account), create(other)
    lines = foreign.signature_file.replace(foreign.id, job.id)
    (folder / "SIGNATURE").write_text(lines)
    station.load(folder, expect=REFUSED)
    assert (job.progress(), foreign.progress()) == ("Pending", "Pending")
    assert stored(job) == stored(foreign) == set()


@pytest.mark.parametrize("change", ["value", "version", "method", "cut", "binary", "huge", "empty"])
def test_an_edited_signature_is_refused(account, create, station, folder, change):
    job = create(account)
    text = job.signature_file
    value = text.rsplit(":", 1)[1]
    swapped = value[::-1].lstrip("=")
    changed = {
        "value": text.replace(value, (swapped + "=" * 28)[:28]),
        "version": text.replace("2.0", "3.0"),
        "method": text.replace("HmacSHA1", "None"),
        "cut": text[:40],
        "binary": "\0\udcff" * 40,
        "huge": text + "\n" + "x" * 100_000,
        "empty": "",
    }[change]
    (folder / "SIGNATURE").write_bytes(changed.encode(errors="surrogateescape"))
    station.load(folder, expect=REFUSED)
    assert job.progress() == "Pending"
    station.load(folder, job=job.id, expect=REFUSED)
    assert job.progress() == "InvalidSignature"
    assert stored(job) == set()


@pytest.mark.parametrize("form", ["crlf", "lower", "blanks", "newline", "bom"])
def test_a_signature_as_editors_save_it_is_accepted(account, create, station, folder, form):
    job = create(account)
    text = job.signature_file
    changed = {
        "crlf": text.replace("\n", "\r\n") + "\r\n",
        "lower": text.replace(job.id, job.id.lower()),
        "blanks": text.replace(":", ": "),
        "newline": text + "\n",
        "bom": "\ufeff" + text,
    }[form]
    (folder / "SIGNATURE").write_bytes(changed.encode())
    station.load(folder)
    assert job.progress() == "Complete"
    assert "SIGNATURE" not in stored(job)


def test_a_signature_that_is_a_link_is_not_followed(account, create, station, folder, place):
    job = create(account)
    (place / "elsewhere").write_text(job.signature_file)
    (folder / "SIGNATURE").symlink_to(place / "elsewhere")
    station.load(folder, expect=REFUSED)
    assert job.progress() == "Pending"


# --- job states ------------------------------------------------------------------------------


def test_the_device_of_a_canceled_job_is_refused(account, create, station, folder):
    job = create(account)
    account.jobs().cancel_job(JobId=job.id)
    before = job.status()
    station.load(job.sign(folder), expect=REFUSED)
    assert job.progress() == before["ProgressCode"] == "Canceled"
    assert stored(job) == set()


def test_a_device_is_loaded_once(account, create, station, folder, place, server):
    job = create(account)
    station.load(job.sign(folder))
    report = rows_of(account, job.id)
    (folder / "later.txt").write_text("added after the load")
    station.load(folder, expect=REFUSED)
    Station(server, place / "another-state").load(folder, expect=REFUSED)
    assert job.progress() == "Complete"
    assert "later.txt" not in stored(job)
    assert rows_of(account, job.id) == report


def test_the_device_of_an_expired_job_is_refused(new_server, create, folder, place):
    server = new_server()
    account = server.account()
    job = create(account)
    server.stop()
    server.environment["PACKHORSE_LIMITS__EXPIRY_DAYS"] = "0"
    server.start()  # jobs are looked through at the start, and every ten minutes after it
    client = account.jobs()
    wait_until(lambda: job.progress() == "Expired", "the job expires")
    Station(server, place / "state").load(job.sign(folder), expect=REFUSED)
    assert job.progress() == "Expired"
    assert stored(job) == set()
    with pytest.raises(client.exceptions.ExpiredJobIdException):
        client.cancel_job(JobId=job.id)


# --- entries ---------------------------------------------------------------------------------


def test_links_and_special_files_are_rows_and_are_not_followed(
    account, create, station, folder, place
):
    job = create(account)
    disks.write(place / "secret.txt", b"outside the device")
    (folder / "loop").symlink_to(".")
    (folder / "b" / "up").symlink_to("..")
    (folder / "outside").symlink_to(place / "secret.txt")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    special = {"fifo", "socket"}
    if os.geteuid() == 0:
        os.mknod(folder / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        special.add("null")
    station.load(job.sign(folder), expect=FILE_ERRORS)
    found = verdicts(job)
    for name in ("loop", "b/up", "outside", "dangling"):
        assert found.pop(name) == ("400", "SymbolicLink")
    for name in special:
        assert found.pop(name) == ("400", "SpecialFile")
    assert set(found) == {"SIGNATURE", "a.txt", "b/c.txt", "b/d.bin"}
    assert stored(job) == {"a.txt", "b/c.txt", "b/d.bin"}
    assert job.status()["ErrorCount"] == 4 + len(special)


def test_links_and_device_nodes_in_an_image_are_rows(account, create, station, folder, place):
    job = create(account)
    image = disks.image(job.sign(folder), place / "disk.img")
    disks.debugfs(
        image,
        "mknod null c 1 3",
        "mknod disk b 8 0",
        "mknod fifo p",
        "symlink link a.txt",
        f"symlink long {'x/' * 100}",
    )
    station.load(image, expect=FILE_ERRORS)
    found = verdicts(job)
    for name in ("null", "disk", "fifo"):
        assert found[name] == ("400", "SpecialFile")
    for name in ("link", "long"):
        assert found[name] == ("400", "SymbolicLink")
    assert stored(job) == {"a.txt", "b/c.txt", "b/d.bin"}


def test_unreadable_entries_are_rows(server, account, create, folder, place):
    """As root everything can be read, so the station runs without that capability."""
    job = create(account)
    (folder / "a.txt").chmod(0)
    disks.write(folder / "closed" / "inside.txt", b"x")
    (folder / "closed").chmod(0)
    prefix = []
    if os.geteuid() == 0:
        prefix = [
            shutil.which("setpriv"),
            f"--bounding-set={NO_OVERRIDE}",
            f"--inh-caps={NO_OVERRIDE}",
        ]
    Station(server, place / "state", prefix).load(job.sign(folder), expect=FILE_ERRORS)
    found = verdicts(job)
    assert found["a.txt"] == found["closed"] == ("403", "FileAccessDenied")
    assert stored(job) == {"b/c.txt", "b/d.bin"}
    (folder / "closed").chmod(0o700)


def test_names_that_are_no_keys_are_rows(account, create, station, place):
    folder = place / "disk"
    folder.mkdir()
    os.close(os.open(os.fsencode(folder) + b"/latin-\xe9.txt", os.O_CREAT | os.O_WRONLY))
    os.makedirs(os.fsencode(folder) + b"/dir-\xff")
    os.close(os.open(os.fsencode(folder) + b"/dir-\xff/x", os.O_CREAT | os.O_WRONLY))
    disks.write(folder / "good", b"good")
    job = create(account)
    station.load(job.sign(folder), expect=FILE_ERRORS)
    found = verdicts(job)
    assert found["latin-\\xe9.txt"] == found["dir-\\xff/x"] == ("400", "InvalidName")
    assert stored(job) == {"good"}


def test_control_characters_in_names_are_kept(account, create, station, place):
    folder = place / "disk"
    names = ["new\nline", "tab\there", "return\rhere", "bell\x07", "escape\x1b[31m", "delete\x7f"]
    for name in names:
        disks.write(folder / name, name.encode())
    job = create(account)
    station.load(job.sign(folder))
    assert_loaded(account, job.bucket, folder, rows_of(account, job.id))


def test_keys_may_have_1024_bytes_and_not_one_more(account, create, station, place):
    folder = place / "disk"
    parent = "/".join(["d" * 200] * 4)  # 803 bytes
    disks.write(folder / parent / ("k" * 217), b"1,021 bytes, 1,024 with the prefix")
    disks.write(folder / parent / ("l" * 218), b"one too many")
    disks.write(folder / parent / ("\u00e9" * 109), b"218 bytes in 109 characters")
    job = create(account, prefix="p-/")
    station.load(job.sign(folder), expect=FILE_ERRORS)
    found = verdicts(job)
    assert found[f"{parent}/{'k' * 217}"] == ("200", "OK")
    assert found[f"{parent}/{'l' * 218}"] == ("400", "KeyTooLong")
    assert found[f"{parent}/{chr(233) * 109}"] == ("400", "KeyTooLong")
    assert {len(key.encode()) for key in stored(job)} == {1024}


@pytest.fixture
def slow_dock(new_server, create, place):
    """A load of a 200 MiB file whose first part the store holds back until `gate` opens.

    The station may hold 64 MiB in memory, so most of the file is not read yet.
    """
    store = new_server()
    gate = threading.Event()

    def plan(request):
        part = request.method == "PUT" and "moving.bin" in request.target
        return Hold(gate) if part else None

    with FaultProxy(store.s3, plan) as proxy:
        server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=proxy.url)
        owner = store.account()
        account = server.account(key=(owner.access_key_id, owner.secret_access_key))
        job = create(account, bucket=owner.bucket())
        folder = disks.many_small(place / "disk", 5)
        moving = disks.large_file(folder / "moving.bin", 200 * disks.MIB)
        station = Station(server, place / "state", PACKHORSE_STATION__MEMORY_BYTES=64 * disks.MIB)
        loading = station.start_load(job.sign(folder))
        try:
            wait_until(
                lambda: any(
                    r.method == "PUT" and "moving.bin" in r.target for r in list(proxy.requests)
                ),
                "a part is on its way",
            )
            yield job, owner, moving, gate, loading
        finally:
            gate.set()
            if loading.poll() is None:
                loading.kill()
                loading.communicate()


@pytest.mark.parametrize("change", ["grows", "shrinks", "rewritten"])
def test_a_file_that_changes_while_it_is_read_is_a_failed_row(slow_dock, change):
    job, owner, moving, gate, loading = slow_dock
    if change == "grows":
        with open(moving, "ab") as file:
            file.write(b"more")
    elif change == "shrinks":
        os.truncate(moving, 100 * disks.MIB)
    else:
        with open(moving, "r+b") as file:
            file.seek(199 * disks.MIB)
            file.write(b"changed")
    gate.set()
    finish(loading, FILE_ERRORS)
    row = by_file(rows_of_store(job, owner))["moving.bin"]
    assert (row["Status"], row["Code"]) == ("409", "FileChanged")
    assert "moving.bin" not in listing(owner.s3(), job.bucket)
    assert owner.s3().list_multipart_uploads(Bucket=job.bucket).get("Uploads", []) == []
    assert job.status()["ErrorCount"] == 1


def test_a_file_that_is_replaced_while_it_is_read_is_stored_as_it_was_listed(slow_dock, place):
    job, owner, moving, gate, loading = slow_dock
    moving.rename(place / "original")
    moving.write_bytes(b"another file of that name")
    gate.set()
    finish(loading)
    row = by_file(rows_of_store(job, owner))["moving.bin"]
    assert (row["Status"], row["Code"]) == ("200", "OK")
    assert_same_bytes(owner.s3(), job.bucket, "moving.bin", place / "original")


def rows_of_store(job, owner):
    """Rows of a job whose report lies in another server's store."""
    from reports import parse, report_text

    return parse(report_text(job.account, job.id, endpoint=owner.server.s3))


# --- images ----------------------------------------------------------------------------------


def only_what_is_on_the_disk(job, folder):
    """Whatever a damaged image gave, each object equals the file of that name."""
    files = files_of(folder)
    for key in stored(job):
        assert_same_bytes(job.account.s3(), job.bucket, key, files[key])


def test_a_truncated_image_never_gives_wrong_objects(server, account, create, tree, place):
    folder = disks.copy(tree, place / "disk")
    for percent in (5, 40, 75):
        job = create(account)
        image = disks.image(job.sign(folder), place / "disk.img")
        os.truncate(image, image.stat().st_size * percent // 100)
        process = Station(server, place / f"state{percent}").start_load(image, job.id)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (FAILED, FILE_ERRORS, REFUSED), (percent, errors)
        assert "panicked at" not in errors
        assert job.progress() in (
            "DeviceError",
            "UnsupportedFileFormat",
            "MissingSignature",
            "SuccessWithErrors",
        ), percent
        only_what_is_on_the_disk(job, folder)


def test_an_image_without_a_file_system_is_refused(account, create, station, place):
    job = create(account)
    image = place / "random.img"
    image.write_bytes(random.Random(5).randbytes(4 * disks.MIB))
    done = station.load(image, expect=REFUSED)
    assert "random bytes" in done.stderr
    assert job.progress() == "Pending"
    station.load(image, job=job.id, expect=REFUSED)
    assert job.progress() == "UnsupportedFileFormat"


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 8192, b"hello\n" * 1000])
def test_a_file_that_is_no_image_is_refused(account, create, station, place, content):
    job = create(account)
    path = place / "thing"
    path.write_bytes(content)
    station.load(path, expect=REFUSED)
    assert job.progress() == "Pending"


def test_a_device_that_is_not_there_is_an_error(account, create, station, place):
    job = create(account)
    done = station.load(place / "nothing-here", expect=FAILED)
    assert "nothing-here" in done.stderr
    assert job.progress() == "Pending"


def test_a_corrupted_directory_is_a_row_and_the_rest_is_loaded(account, create, station, place):
    folder = disks.many_small(place / "disk", 300)
    disks.write(folder / "safe.txt", b"safe")
    job = create(account)
    image = disks.image(job.sign(folder), place / "disk.img")
    block_size = 4096 if b"4096" in disks.tool("dumpe2fs", "-h", image).encode() else 1024
    with open(image, "r+b") as disk:
        for block in disks.block_numbers(image, "/d001"):
            disk.seek(block * block_size)
            disk.write(b"\xff" * block_size)
    station.load(image, expect=FILE_ERRORS)
    found = verdicts(job)
    assert found["d001"] == ("500", "DamagedEntry")
    assert stored(job) == {key for key in files_of(folder) if key[:4] in ("d000", "d002", "safe")}
    only_what_is_on_the_disk(job, folder)


def test_flipped_bits_never_give_a_panic_or_a_hang(server, account, create, place):
    """Twelve images with damaged metadata; the seed names a failing one."""
    folder = disks.many_small(place / "disk", 120)
    disks.write(folder / "deep" / "er" / "file.bin", b"x" * 70_000)
    job = create(account)
    whole = disks.image(job.sign(folder), place / "whole.img", size_mib=16)
    for seed in range(12):
        generator = random.Random(seed)
        damaged = place / "damaged.img"
        shutil.copyfile(whole, damaged)
        with open(damaged, "r+b") as disk:
            for _ in range(60):
                disk.seek(generator.randrange(1024, 600 * 1024))
                disk.write(generator.randbytes(1))
        process = Station(server, place / f"state{seed}").start_load(damaged)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, FAILED, FILE_ERRORS, REFUSED), (seed, errors)
        assert "panicked at" not in errors, (seed, errors)
        if job.progress() != "Pending":
            job = create(account)
            whole = disks.image(job.sign(folder), place / "whole.img", size_mib=16)
