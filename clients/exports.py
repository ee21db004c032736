"""Export jobs for the tests: buckets of awkward keys, jobs on them, and disks to hold against them."""

import hashlib
import json
import subprocess

from conftest import Job
from disks import ENVIRONMENT
from manifests import ADDRESS, lines
from reports import parse

# Keys that no file system holds as they are, beside some that all do.
PLAIN_KEYS = [
    "plain.txt",
    "deep/er/and/deeper.txt",
    "with blank.txt",
    "percent%41+plus.txt",
    "caf\u00e9/\u65e5\u672c\u8a9e.txt",
    "'quote'\"s\".txt",
    "line\nbreak",
    "back\\slash",
]
MISFITS = [
    "folder/",
    "/leading",
    "double//slash",
    "../../up",
    "a/./b",
    "x" * 300,
    "plain.txt/below-a-file",
]
MIB = 1 << 20


def content(key, size=None):
    """The bytes of an object: different for each key, the same in each run."""
    seed = hashlib.sha256(key.encode()).digest()
    size = len(key) * 7 if size is None else size
    return (seed * (size // len(seed) + 1))[:size]


def fill(s3, bucket, keys, size=None):
    """Stores an object under each key, with a type and metadata of its own."""
    for number, key in enumerate(keys):
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=content(key, size),
            ContentType=f"text/x-{number}",
            CacheControl="max-age=7",
            Metadata={"number": str(number), "name": "=?UTF-8?B?Wm/Dqw==?=" if number % 2 else "plain"},
        )


def large(s3, bucket, key, size, part_bytes):
    """Stores an object in parts, so that its ETag is made of theirs."""
    body = content(key, size)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, ContentType="video/x-large")
    parts = []
    for number, start in enumerate(range(0, size, part_bytes), 1):
        part = s3.upload_part(
            Bucket=bucket, Key=key, UploadId=upload["UploadId"], PartNumber=number,
            Body=body[start : start + part_bytes],
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
    )
    return body


def manifest(log_bucket, operations, file_system="EXT4", **changed):
    """The text of an S3 export manifest; operations are buckets or mappings."""
    operations = [{"exportBucket": o} if isinstance(o, str) else o for o in operations]
    options = {
        "manifestVersion": 2.0,
        "deviceId": "3QD0T87T",
        "fileSystem": file_system,
        "logBucket": log_bucket,
        "pinCode": "1234",
        "returnAddress": ADDRESS,
        "operations": operations,
        **changed,
    }
    return "\n".join(lines(options)) + "\n"


def create(account, operations, text=None, **options):
    """An export job; its report goes into a bucket of its own."""
    log_bucket = account.bucket()
    text = text or manifest(log_bucket, operations, **options)
    answer = account.jobs().create_job(JobType="Export", Manifest=text, ValidateOnly=False)
    return Job(account, log_bucket, answer)


def rows(job):
    """The rows of an export's report."""
    status = job.status()
    assert status["LogKey"].endswith(f"export-log-{job.id}"), status
    body = job.account.s3().get_object(Bucket=status["LogBucket"], Key=status["LogKey"])["Body"]
    return parse(body.read().decode("utf-8"))


def records(folder):
    """The sidecar's lines by key."""
    text = (folder / "PACKHORSE/objects.jsonl").read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.split("\n") if line]
    return {record["key"]: record for record in found}


def assert_exported(folder, objects):
    """Every object of `objects` (key -> bytes) is on the disk where the sidecar says, and
    `md5sum -c`, which knows nothing of us, finds every file good."""
    known = records(folder)
    assert set(known) == set(objects)
    for key, body in objects.items():
        assert (folder / known[key]["path"]).read_bytes() == body, key
    sums = subprocess.run(
        ["md5sum", "-c", "--quiet", "--strict", "PACKHORSE/MD5SUMS"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
    )
    assert sums.returncode == 0, sums.stdout + sums.stderr
    return known
