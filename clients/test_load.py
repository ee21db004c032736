"""Loading devices: every byte, header and report row is held against the disk."""

import shutil

import pytest

import disks
from product import Station, finish
from reports import assert_loaded, by_file, listing, rows_of, without_times

LARGE_BYTES = 300_000_000
SMALL_COUNT = 5_000


@pytest.fixture(scope="module")
def big_disk(scratch):
    """The disk of the main job: 5,000 small files, a file of 300 MB, awkward names."""
    folder = disks.awkward_tree(scratch / "big-disk")
    disks.many_small(folder / "small", SMALL_COUNT)
    disks.large_file(folder / "large" / "300-mb.bin", LARGE_BYTES)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def loaded(server, scratch, big_disk):
    """The big disk, loaded as a folder: account, bucket, job id and rows."""
    from conftest import Job
    from manifests import manifest

    account = server.account()
    bucket = account.bucket()
    answer = account.jobs().create_job(
        JobType="Import", Manifest=manifest(bucket), ValidateOnly=False
    )
    job = Job(account, bucket, answer)
    Station(server, scratch / "state-big").load(job.sign(big_disk))
    return job, rows_of(account, job.id)


def test_every_file_of_a_large_folder_is_stored_byte_for_byte(loaded, big_disk):
    job, rows = loaded
    table = assert_loaded(job.account, job.bucket, big_disk, rows)
    assert len(table) == len(rows) == SMALL_COUNT + len(table.keys() - small_paths(table))
    assert job.progress() == "Complete"
    assert job.account.s3().list_multipart_uploads(Bucket=job.bucket).get("Uploads", []) == []


def small_paths(table):
    return {path for path in table if path.startswith("small/")}


@pytest.mark.parametrize("kind", ["ext4", "ext2", "gpt"])
def test_an_image_gives_the_same_objects_as_the_folder(
    kind, loaded, big_disk, server, place, create
):
    first, expected = loaded
    job = create(server.account())
    device = as_device(job.sign(big_disk), place, kind)
    Station(server, place / "state").load(device)
    rows = rows_of(job.account, job.id)
    assert comparable(rows, job) == comparable(expected, first)
    assert objects(job) == objects(first)


@pytest.mark.parametrize("kind", ["ext3", "mbr", "ext4-1k", "ext4-64bit-off", "ext2-plain"])
def test_other_kinds_of_images_are_read_byte_for_byte(kind, account, server, place, tree, create):
    folder = disks.copy(tree, place / "disk")
    job = create(account)
    Station(server, place / "state").load(as_device(job.sign(folder), place, kind))
    rows = rows_of(account, job.id)
    rows = [row for row in rows if not row["File"].startswith("lost+found")]
    assert_loaded(account, job.bucket, folder, rows)


def as_device(folder, place, kind):
    """A folder as an image: a bare file system, or a disk with one partition."""
    options = {
        "ext4-1k": ("-b", "1024"),
        "ext4-64bit-off": ("-O", "^64bit,^metadata_csum"),
        "ext2-plain": ("-O", "^dir_index,^resize_inode", "-b", "2048"),
    }.get(kind, ())
    file_system = kind.split("-")[0] if kind.startswith("ext") else "ext4"
    image = disks.image(folder, place / "fs.img", file_system, options=options)
    if kind not in ("gpt", "mbr"):
        return image
    disk = disks.partitioned(image, place / "whole.img", {"mbr": "dos"}.get(kind, kind))
    image.unlink()
    return disk


def comparable(rows, job):
    """Rows in order, without what must differ: times, the bucket's name, lost+found."""
    return [
        {**row, "Key": row["Key"].removeprefix(job.bucket)}
        for row in without_times(rows)
        if not row["File"].startswith("lost+found")
    ]


def objects(job):
    found = listing(job.account.s3(), job.bucket)
    return {key: item for key, item in found.items() if not key.startswith("import-log-")}


def test_headers_metadata_and_class_are_those_of_the_manifest(server, account, create, tree, place):
    folder = disks.copy(tree, place / "disk")
    job = create(
        account,
        prefix="photos/",
        acl="public-read",
        cacheControl="max-age=3600",
        contentDisposition="attachment",
        contentLanguage="es",
        expires="Mon, 01 Dec 2031 16:00:00 GMT",
        contentTypes={"JPG": "image/x-upper", "dat": "application/x-tests"},
        defaultContentType="application/x-unknown",
        setContentEncodingForGzFiles=True,
        diskTimestampMetadataKey="disk-time",
        staticMetadata={"department": "archive"},
        storageClass="REDUCED_REDUNDANCY",
    )
    Station(server, place / "state").load(job.sign(folder))
    rows = by_file(rows_of(account, job.id))
    assert_loaded(account, job.bucket, folder, list(rows.values()), prefix="photos/")
    s3 = account.s3()
    expected_types = {
        "photo.JPG": "image/x-upper",
        "page.html": "text/html",
        "page2.html.gz": "text/html",
        "names/no-extension": "application/x-unknown",
        "sixteen-mib-and-one.bin": None,
    }
    for path, content_type in expected_types.items():
        head = s3.head_object(Bucket=job.bucket, Key=f"photos/{path}")
        assert head["ContentType"] == rows[path]["Content-Type"]
        if content_type:
            assert head["ContentType"] == content_type
        assert head["CacheControl"] == "max-age=3600"
        assert head["ContentDisposition"] == "attachment"
        assert head["ContentLanguage"] == "es"
        assert head["ExpiresString"] == "Mon, 01 Dec 2031 16:00:00 GMT"
        assert head["StorageClass"] == "REDUCED_REDUNDANCY"
        assert head["Metadata"]["department"] == "archive"
        assert head["Metadata"]["disk-time"]
        assert head.get("ContentEncoding") == ("gzip" if path.endswith(".gz") else None)
        grants = s3.get_object_acl(Bucket=job.bucket, Key=f"photos/{path}")["Grants"]
        public = [g["Permission"] for g in grants if g["Grantee"].get("URI", "").endswith("AllUsers")]
        assert public == ["READ"]


def test_prefix_substitutions_and_ignore_make_the_keys(server, account, create, place):
    folder = place / "disk"
    for name in ("a$COLON$b.txt", "keep/x.psd.txt", "drop/y.psd", "backup/z", "k/backup/z", "gone"):
        disks.write(folder / name, name.encode())
    job = create(
        account,
        prefix="my$COLON$",
        substitutions={"$COLON$": ":", "my:gone": ""},
        ignore=["\\.psd$", "^backup/"],
    )
    Station(server, place / "state").load(job.sign(folder), expect=3)
    rows = by_file(rows_of(account, job.id))
    keys = set(listing(account.s3(), job.bucket)) - {f"import-log-{job.id}"}
    assert keys == {"my:a:b.txt", "my:keep/x.psd.txt", "my:k/backup/z"}
    verdicts = {path: (row["Status"], row["Code"]) for path, row in rows.items()}
    assert verdicts["drop/y.psd"] == verdicts["backup/z"] == ("103", "Ignored")
    assert verdicts["gone"] == ("400", "InvalidSubstitution")
    assert job.status()["ErrorCount"] == 1


def test_two_files_of_one_key_are_one_object_and_one_failed_row(server, account, create, place):
    folder = place / "disk"
    disks.write(folder / "a-1", b"first")
    disks.write(folder / "a_1", b"second")
    job = create(account, substitutions={"_": "-"})
    Station(server, place / "state").load(job.sign(folder), expect=3)
    rows = by_file(rows_of(account, job.id))
    assert (rows["a-1"]["Code"], rows["a_1"]["Code"]) == ("OK", "KeyCollision")
    body = account.s3().get_object(Bucket=job.bucket, Key="a-1")["Body"].read()
    assert body == b"first"


def test_the_report_goes_to_the_log_bucket(server, account, create, place, folder):
    log_bucket = account.bucket()
    job = create(account, logBucket=log_bucket, logPrefix="2026/logs-")
    Station(server, place / "state").load(job.sign(folder))
    status = job.status()
    assert (status["LogBucket"], status["LogKey"]) == (log_bucket, f"2026/logs-import-log-{job.id}")
    assert set(listing(account.s3(), log_bucket)) == {f"2026/logs-import-log-{job.id}"}
    assert_loaded(account, job.bucket, folder, rows_of(account, job.id))


def test_junk_is_skipped_on_request_only(server, account, create, place):
    folder = place / "disk"
    disks.write(folder / "$RECYCLE.BIN" / "old", b"junk")
    disks.write(folder / "file", b"data")
    for skip, keys in ((True, {"file"}), (False, {"file", "$RECYCLE.BIN/old"})):
        job = create(account, packhorse={"skipJunk": skip})
        Station(server, place / f"state-{skip}").load(job.sign(folder))
        assert set(listing(account.s3(), job.bucket)) == keys | {f"import-log-{job.id}"}


def test_an_empty_disk_is_a_complete_job(server, account, create, place):
    folder = place / "disk"
    folder.mkdir()
    job = create(account)
    Station(server, place / "state").load(job.sign(folder))
    assert job.progress() == "Complete"
    assert list(by_file(rows_of(account, job.id))) == ["SIGNATURE"]


def test_several_devices_load_at_once(server, account, create, place):
    jobs = []
    for number in range(3):
        folder = disks.many_small(place / f"disk{number}", 200, seed=number)
        job = create(account)
        process = Station(server, place / f"state{number}").start_load(job.sign(folder))
        jobs.append((job, folder, process))
    for job, folder, process in jobs:
        finish(process)
        assert_loaded(account, job.bucket, folder, rows_of(account, job.id))
