"""Reading a job's report and holding a disk, a report and a bucket against each other."""

import csv
import hashlib
import io
import os
import re
import stat
from pathlib import Path

COLUMNS = ["DateTime", "File", "Status", "Code", "Key", "MD5", "Bytes", "Content-Type"]
CHUNK = 1 << 20
REPORT_KEY = re.compile(r"import-log-[1-9A-Z]{8}$")


def report_text(account, job_id, bucket=None, endpoint=None):
    """The report's text, found where GetStatus says."""
    status = account.jobs().get_status(JobId=job_id)
    assert status["LogKey"].endswith(f"import-log-{job_id}"), status
    body = account.s3(endpoint).get_object(Bucket=status["LogBucket"], Key=status["LogKey"])
    return body["Body"].read().decode("utf-8")


def parse(text):
    """The rows as dictionaries."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = list(reader)
    assert reader.fieldnames == COLUMNS
    assert all(None not in row and None not in row.values() for row in rows), "ragged rows"
    return rows


def rows_of(account, job_id):
    """Report rows of a job."""
    return parse(report_text(account, job_id))


def by_file(rows):
    """Rows by path; every path has exactly one."""
    table = {row["File"]: row for row in rows}
    assert len(table) == len(rows), "a file has two rows"
    return table


def without_times(rows):
    """Rows to compare with those of another run."""
    return [{name: value for name, value in row.items() if name != "DateTime"} for row in rows]


def md5_of(path):
    """MD5 of a file on disk in hex, read in pieces."""
    digest = hashlib.md5()
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def files_of(folder):
    """Relative path (text) -> Path of every regular file of a folder."""
    found = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory) / name
            if stat.S_ISREG(path.lstat().st_mode):
                found[os.path.relpath(path, folder)] = path
    return found


def listing(s3, bucket, prefix=""):
    """Key -> (size, ETag) of everything in a bucket."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        item["Key"]: (item["Size"], item["ETag"]) for page in pages for item in page.get("Contents", [])
    }


def assert_same_bytes(s3, bucket, key, path):
    """Reads an object back and compares it with a file, piece by piece."""
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    with open(path, "rb") as file:
        while True:
            expected = file.read(CHUNK)
            got = body.read(CHUNK)
            assert got == expected, f"{key} differs from {path}"
            if not expected:
                return


def assert_loaded(account, bucket, folder, rows, prefix="", failed=(), read_back=True):
    """Holds disk, report and bucket against each other.

    Every file of the folder but SIGNATURE and `failed` is stored under prefix + path, its row says
    so with the right MD5, size and key, and the bucket holds nothing else.
    """
    table = by_file(rows)
    files = files_of(folder)
    stored = {path for path in files if path != "SIGNATURE" and path not in failed}
    s3 = account.s3()
    objects = listing(s3, bucket)
    status = {path: (row["Status"], row["Code"]) for path, row in table.items()}
    wrong = {path: status.get(path) for path in stored if status.get(path) != ("200", "OK")}
    assert not wrong, wrong
    assert status.get("SIGNATURE") == ("103", "Ignored")
    keys = {key for key in objects if not REPORT_KEY.search(key)}
    surprising = keys ^ {prefix + path for path in stored}
    assert not surprising, surprising
    for path in stored:
        row = table[path]
        assert row["Key"] == f"{bucket}/{prefix}{path}"
        assert int(row["Bytes"]) == files[path].stat().st_size == objects[prefix + path][0]
        assert row["MD5"] == md5_of(files[path]), path
        if read_back:
            assert_same_bytes(s3, bucket, prefix + path, files[path])
    return table
