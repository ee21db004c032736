"""Every option of an import manifest, proved by what the store says of the objects; and `device
check`, which must foretell all of it. Against the embedded store and against moto, which knows
regions."""

import json
import os
import pty
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

import disks
from faultproxy import Answer, FaultProxy
from manifests import manifest
from product import BINARY, FAILED, FILE_ERRORS, Account, Server, Station, clean_environment, run
from reports import by_file, listing, parse, report_text

EVERYTHING = {
    "acl": "public-read",
    "cacheControl": "max-age=3600",
    "contentDisposition": "attachment",
    "contentLanguage": "es",
    "expires": "Mon, 01 Dec 2031 16:00:00 GMT",
    "contentTypes": {"JPG": "image/x-upper", "dat": "application/x-tests", "html": "text/x-mine"},
    "defaultContentType": "application/x-unknown",
    "setContentEncodingForGzFiles": True,
    "diskTimestampMetadataKey": "disk-time",
    "staticMetadata": {"department": "archive", "note": "a: b; c"},
    "storageClass": "REDUCED_REDUNDANCY",
    "packhorse": {"preserveMetadata": True},
}
MODIFIED_NS = 1_234_567_890_123_456_789
GZIP = bytes([0x1F, 0x8B, 8]) + b"0" * 20
# Path: content type and encoding.
FILES = {
    "photo.JPG": (b"jpg", "image/x-upper", None),
    "photo.jpg": (b"jpg", "image/jpeg", None),
    "x.dat": (b"dat", "application/x-tests", None),
    "text1.html.gz": (GZIP, "text/x-mine", "gzip"),
    "deep/text2.html": (GZIP, "text/x-mine", "gzip"),
    "text3.html": (b"<p>", "text/x-mine", None),
    "text.gzip": (GZIP, "application/x-unknown", "gzip"),
    "notgz.gz": (b"plain", "application/gzip", None),
    "README": (b"readme", "application/x-unknown", None),
    "empty": (b"", "application/x-unknown", None),
    "caf\u00e9 + plus.txt": (b"txt", "text/plain", None),
    "large.html": (GZIP + b"x" * (17 * disks.MIB), "text/x-mine", "gzip"),
}


@dataclass
class Dock:
    """A server, its customer, and where the customer's objects are."""

    server: Server
    account: Account
    s3: object
    endpoint: str

    def bucket(self, name, region=None):
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region else {}
        self.s3.create_bucket(Bucket=name, **place)
        return name


@pytest.fixture(scope="module")
def moto():
    """An S3 server that is not ours."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def on_moto(new_server, moto):
    """A server whose object store is moto."""
    server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=moto)
    account = server.account(key=("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYKEY"))
    return Dock(server, account, account.s3(moto), moto)


@pytest.fixture(params=["embedded", "moto"])
def dock(request, server):
    """A dock on each store."""
    if request.param == "moto":
        return request.getfixturevalue("on_moto")
    account = server.account()
    return Dock(server, account, account.s3(), server.s3)


def disk(folder):
    """The files, all of one time and mode."""
    for name, (content, *_) in FILES.items():
        disks.write(folder / name, content)
        (folder / name).chmod(0o640)
        os.utime(folder / name, ns=(MODIFIED_NS, MODIFIED_NS))
    return folder


def check(device, text, place, *arguments, **options):
    """`device check` with this manifest; its answer and exit code."""
    path = place / "manifest.yaml"
    path.write_text(text)
    command = ("device", "check", device, "--manifest", path, "--output", "json", *arguments)
    done = run(*command, home=place, check=False, **options)
    return json.loads(done.stdout), done.returncode


def test_every_option_is_a_header_of_the_stored_object(dock, create, place):
    bucket = dock.bucket(f"options-{place.name.replace('_', '-').lower()}")
    job = create(dock.account, bucket=bucket, prefix="p/", **EVERYTHING)
    folder = job.sign(disk(place / "disk"))
    text = manifest(bucket, prefix="p/", **EVERYTHING)
    foretold, status = check(folder, text, place, "--sample", "50")
    assert status == 0, foretold
    Station(dock.server, place / "state").load(folder)
    rows = by_file(parse(report_text(dock.account, job.id, endpoint=dock.endpoint)))
    predicted = {sample["file"]: sample for sample in foretold["sample"]}
    assert set(predicted) == set(FILES)
    for path, (content, content_type, encoding) in FILES.items():
        key = f"p/{path}"
        head = dock.s3.head_object(Bucket=bucket, Key=key)
        assert head["ContentType"] == rows[path]["Content-Type"] == content_type, path
        assert head.get("ContentEncoding") == encoding, path
        assert head["ContentLength"] == len(content)
        assert head["CacheControl"] == "max-age=3600"
        assert head["ContentDisposition"] == "attachment"
        assert head["ContentLanguage"] == "es"
        assert head["ExpiresString"] == "Mon, 01 Dec 2031 16:00:00 GMT"
        assert head["StorageClass"] == "REDUCED_REDUNDANCY"
        assert head["Metadata"] == {
            "department": "archive",
            "note": "a: b; c",
            "disk-time": "1234567890123",
            "mtime": "1234567890.123456789",
            "mode": "640",
            "uid": str(os.getuid()),
            "gid": str(os.getgid()),
        }
        grants = dock.s3.get_object_acl(Bucket=bucket, Key=key)["Grants"]
        everybody = [g for g in grants if g["Grantee"].get("URI", "").endswith("AllUsers")]
        assert [g["Permission"] for g in everybody] == ["READ"], path
        sample = predicted[path]
        assert sample["key"] == f"{bucket}/{key}"
        assert sample["headers"].pop("content-type") == content_type
        assert sample["headers"].pop("content-encoding", None) == encoding
        assert sample["headers"] == {
            "cache-control": "max-age=3600",
            "content-disposition": "attachment",
            "content-language": "es",
            "expires": "Mon, 01 Dec 2031 16:00:00 GMT",
            "x-amz-acl": "public-read",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            **{f"x-amz-meta-{name}": value for name, value in head["Metadata"].items()},
        }


def test_a_trial_of_the_buckets_leaves_no_trace_on_another_store(on_moto, create, place):
    bucket = on_moto.bucket("traces")
    create(on_moto.account, bucket=bucket, **EVERYTHING)
    assert listing(on_moto.s3, bucket) == {}
    assert on_moto.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


REFUSABLE = {
    b"x-amz-acl": ("acl: public-read", "AccessControlListNotSupported", {"acl": "public-read"}),
    b"x-amz-storage-class": (
        "storageClass: REDUCED_REDUNDANCY", "InvalidStorageClass",
        {"storageClass": "REDUCED_REDUNDANCY"},
    ),
    b"x-amz-server-side-encryption": (
        "serverSideEncryption: aws:kms", "ServerSideEncryptionConfigurationNotFoundError",
        {"packhorse": {"serverSideEncryption": "aws:kms"}},
    ),
}


def test_a_store_that_refuses_what_a_manifest_asks_for_is_known_before_there_is_a_job(
    account, new_server, create, place
):
    store, refused = account.server, []

    def plan(request):
        is_refused = refused and refused[0] in request.headers
        return Answer(400, REFUSABLE[refused[0]][1]) if is_refused else None

    with FaultProxy(store.s3, plan) as proxy:
        server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=proxy.url)
        owner = server.account(key=(account.access_key_id, account.secret_access_key))
        client, bucket = owner.jobs(), account.bucket()
        create(owner, bucket=bucket, **EVERYTHING)
        begun = [r.headers for r in proxy.requests if r.method == "POST" and "uploads" in r.target]
        asked = begun[0]
        assert asked[b"cache-control"] == b"max-age=3600" and asked[b"x-amz-acl"] == b"public-read"
        assert asked[b"x-amz-storage-class"] == b"REDUCED_REDUNDANCY"
        assert asked[b"x-amz-meta-department"] == b"archive"
        for header, (named, code, options) in REFUSABLE.items():
            refused[:] = [header]
            with pytest.raises(client.exceptions.InvalidManifestFieldException) as fault:
                client.create_job(
                    JobType="Import", Manifest=manifest(bucket, **options), ValidateOnly=False
                )
            assert named in str(fault.value) and code in str(fault.value)
            assert bucket in str(fault.value)
        assert len(client.list_jobs()["Jobs"]) == 1
        # A store that changed its mind is learnt before the first byte.
        refused.clear()
        job = create(owner, bucket=bucket, acl="public-read")
        refused[:] = [b"x-amz-acl"]
        folder = job.sign(disks.many_small(place / "disk", 3))
        done = Station(server, place / "state").load(folder, expect=FAILED)
        assert "AccessControlListNotSupported" in done.stderr
        assert job.progress() != "Complete" and listing(account.s3(), bucket) == {}


def test_buckets_of_two_regions_do_not_make_a_job(on_moto):
    here, there = on_moto.bucket("here"), on_moto.bucket("there", "eu-west-1")
    client = on_moto.account.jobs()
    with pytest.raises(client.exceptions.MultipleRegionsException) as fault:
        client.create_job(
            JobType="Import", Manifest=manifest(here, logBucket=there), ValidateOnly=False
        )
    assert "here is in us-east-1, there is in eu-west-1" in str(fault.value)
    with pytest.raises(client.exceptions.NoSuchBucketException):
        client.create_job(JobType="Import", Manifest=manifest("not-there"), ValidateOnly=False)
    assert client.list_jobs()["Jobs"] == []


@pytest.mark.parametrize("kind", ["folder", "image"])
def test_a_check_foretells_the_report_of_the_load(account, create, station, place, kind):
    options = {
        "substitutions": {"_": "-", "gone": ""},
        "ignore": ["\\.psd$", "^backup/", "^never/"],
        "prefix": "x" * 800,
    }
    folder = disks.awkward_tree(place / "disk")
    for name in ("a_1", "a-1", "b/x.psd", "backup/y.psd", "backup/z"):
        disks.write(folder / name, name.encode())
    disks.write(folder / ("n" * 250) / "too-long", b"1")
    (folder / "link").symlink_to("a-1")
    os.mkfifo(folder / "pipe")
    disks.write(folder / os.fsdecode(b"latin-\xe9"), b"2")
    job = create(account, **options)
    job.sign(folder)
    device = folder if kind == "folder" else disks.image(folder, place / "disk.img")
    foretold, status = check(device, manifest(job.bucket, **options), place, "--read")
    assert (status, foretold["outcome"]) == (3, "file_errors")
    assert foretold["signature"] == {"state": "present", "job_id": job.id, "reason": None}
    done = station.load(device, expect=FILE_ERRORS)
    assert done.returncode == status
    rows = list(by_file(parse(report_text(account, job.id))).values())
    by_code = {}
    for row in rows:
        verdict = (int(row["Status"]), row["Code"])
        by_code.setdefault(verdict, []).append(row)
    assert foretold["listed"] == len(rows)
    assert foretold["to_store"] == len(by_code.pop((200, "OK")))
    assert foretold["ignored"] == len(by_code.pop((103, "Ignored")))
    assert foretold["failed"] == job.status()["ErrorCount"]
    failures = {(f["status"], f["code"]): f["files"] for f in foretold["failures"]}
    assert failures == {verdict: len(found) for verdict, found in by_code.items()}
    assert {"KeyCollision", "KeyTooLong", "InvalidName", "SymbolicLink"} <= {c for _, c in failures}
    patterns = {i["pattern"]: i["files"] for i in foretold["ignored_by"] if i["by"] == "ignore"}
    assert patterns == {"\\.psd$": 2, "^backup/": 1, "^never/": 0}


def test_what_would_be_refused_is_told_apart_from_what_cannot_be_checked(place, folder):
    good = manifest("some-bucket")
    answer, status = check(folder, good, place, "--rate", "1MB/s", "--rate", "1files/s")
    assert (status, answer["outcome"], answer["to_store"]) == (0, "complete", 3)
    assert answer["signature"]["state"] == "missing"
    assert [e["seconds"] for e in answer["estimates"]] == [answer["to_store_bytes"] / 1e6, 3.0]
    answer, status = check(folder, good.replace("deviceId", "deviceIds"), place)
    assert (status, answer["outcome"]) == (4, "refused")
    assert any("deviceId" in p["field"] for p in answer["manifest_problems"])
    junk = place / "junk.img"
    junk.write_bytes(b"\0" * 65536)
    answer, status = check(junk, good, place)
    assert (status, answer["outcome"]) == (4, "refused")
    missing = run(
        "device", "check", place / "nothing", "--manifest", place / "manifest.yaml",
        home=place, check=False,
    )
    assert missing.returncode == 1 and "no such device" in missing.stderr
    slow = run("device", "check", folder, "--manifest", "m", "--rate", "fast", home=place, check=False)
    assert slow.returncode == 2 and "100MB/s" in slow.stderr


def on_terminal(place, *arguments, answers=(), **environment):
    """Runs a command on a terminal of its own, typing each answer after its question; gives what it
    printed on standard output and what the terminal showed."""
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        [str(BINARY), *map(str, arguments)],
        env=clean_environment(place, TERM="xterm", **environment),
        stdin=other,
        stdout=subprocess.PIPE,
        stderr=other,
        text=True,
    )
    os.close(other)
    seen, left = "", list(answers)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece.decode(errors="replace")
        if left and seen.rstrip().endswith(":") and left[0][0] in seen.rsplit("\n", 1)[-1]:
            os.write(terminal, (left.pop(0)[1] + "\n").encode())
            seen += "\n"
    stdout = process.communicate(timeout=60)[0]
    os.close(terminal)
    assert left == [], seen
    return process.returncode, stdout, seen


def test_an_interview_asks_until_the_manifest_is_valid(place):
    answers = [
        ("country", "USA"),
        ("bucket", "not/a/bucket"),
        ("bucket", "my-bucket"),
        ("deviceId", "3QD0T87T"),
        ("eraseDevice", "perhaps"),
        ("eraseDevice", "no"),
        ("name", 'Jane "JR" Roe: archive'),
        ("street1", "123 Any Street #4"),
        ("city", "Anytown"),
        ("stateOrProvince", "WA"),
        ("postalCode", "98101"),
        ("phoneNumber", "206-555-1000"),
    ]
    status, text, seen = on_terminal(place, "manifest", "new", "--interactive", answers=answers)
    assert status == 0, seen
    assert "bucket name" in seen and "yes" in seen
    path = place / "m.yaml"
    path.write_text(text)
    for given in ("my-bucket", "3QD0T87T", "206-555-1000"):
        assert given in text
    run("manifest", "check", path, "--type", "import", home=place)
    no_terminal = run("manifest", "new", "--interactive", home=place, check=False)
    assert no_terminal.returncode == 1 and "no terminal" in no_terminal.stderr


def test_an_interview_for_an_export_says_that_nothing_will_be_encrypted(place):
    answers = [
        ("country", "USA"), ("deviceId", "3QD0T87T"), ("fileSystem", "ext4"), ("fileSystem", "EXT4"),
        ("exportBucket", "my-bucket"), ("logBucket", "my-logs"), ("name", "Jane Roe"),
        ("street1", "123 Any Street"), ("city", "Anytown"), ("stateOrProvince", "WA"),
        ("postalCode", "98101"), ("phoneNumber", "206-555-1000"),
    ]
    command = ("manifest", "new", "--type", "s3-export", "--interactive")
    status, text, seen = on_terminal(place, *command, answers=answers)
    assert status == 0, seen
    assert "The bucket the objects come from." in seen and "did you mean `EXT4`?" in seen
    assert "note: the data will travel unencrypted" in seen
    path = place / "m.yaml"
    path.write_text(text)
    run("manifest", "check", path, "--type", "export", home=place)


def test_a_check_needs_no_more_memory_for_more_files(place):
    """Twenty thousand names of one file; a rehearsal of two files takes some 21 MiB."""
    folder = place / "disk"
    disks.write(folder / "0000" / "first", b"x")
    for number in range(20_000):
        if number % 1000 == 0:
            (folder / f"{number:05}").mkdir()
        os.link(folder / "0000" / "first", folder / f"{number // 1000 * 1000:05}" / f"{number:05}")
    path = place / "m.yaml"
    path.write_text(manifest("some-bucket"))
    command = [str(BINARY), "device", "check", str(folder), "--manifest", str(path)]
    process = subprocess.Popen(
        command, env=clean_environment(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # Not from its resource usage, which counts what it was before it became this program.
    peak = 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.01)
    assert process.returncode == 0
    assert 8 * 1024 < peak < 48 * 1024, f"{peak} KiB"


def test_diagnostics_are_coloured_on_terminals_only(place):
    path = place / "m.yaml"
    path.write_text(manifest("b/d"))
    command = ("manifest", "check", path, "--type", "import")
    plain = run(*command, home=place, check=False).stdout
    lines = plain.split("\n")
    assert lines[0].startswith(f"{path}:3:9: error: bucket: "), plain
    assert lines[2] == '3 | bucket: "b/d"' and "^^^^^" in lines[3], plain

    def shown(**environment):
        terminal, other = pty.openpty()
        environment = clean_environment(place, TERM="xterm", **environment)
        done = subprocess.Popen([str(BINARY), *map(str, command)], env=environment, stdout=other)
        os.close(other)
        text = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            text += piece
        done.wait()
        os.close(terminal)
        return text.decode().replace("\r\n", "\n")

    assert "\x1b[" in shown()
    assert shown(NO_COLOR="1") == plain
