"""`make demo-export`: a bucket of awkward keys onto a formatted image, proven there, and back again.

The same story is a test (test_export_restore.py).
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import exports
from disks import ENVIRONMENT
from manifests import manifest as import_manifest
from product import Server, Station, finish, run
from reports import listing

MIB = 1 << 20


def objects(s3, bucket):
    """Key -> bytes, type, metadata of everything in a bucket."""
    found = {}
    for key in listing(s3, bucket):
        got = s3.get_object(Bucket=bucket, Key=key)
        headers = (got["ContentType"], got.get("CacheControl"), got["Metadata"])
        found[key] = (got["Body"].read(), *headers)
    return found


def story(server, place, tell=lambda *_: None):
    """Exports, lists with debugfs, verifies, imports; gives what was there before and after."""
    account = server.account()
    s3, source, back = account.s3(), account.bucket(), account.bucket()
    exports.fill(s3, source, exports.PLAIN_KEYS + exports.MISFITS)
    exports.large(s3, source, "large.bin", 11 * MIB, 5 * MIB)
    before = objects(s3, source)
    tell(f"a bucket of {len(before)} objects, among them:", *(repr(k)[:70] for k in exports.MISFITS))

    image, signature = place / "disk.img", place / "SIGNATURE"
    with open(image, "wb") as file:
        os.truncate(file.fileno(), 64 * MIB)
    job = exports.create(account, [source])
    signature.write_text(job.signature_file)
    station = Station(server, place / "state")
    load = ("load", image, "--server", server.api, "--signature-file", signature)
    tell("$ packhorse station " + shlex.join(map(str, load)), finish(station.start(*load)).stdout)

    listed = subprocess.run(
        ["debugfs", "-R", "ls -p /EXPORT-RECOVERY/0000", str(image)],
        env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )
    tell("$ debugfs -R 'ls -p /EXPORT-RECOVERY/0000' disk.img", listed.stdout)
    verified = run("device", "verify", image, home=place)
    tell("$ packhorse device verify disk.img", verified.stdout)

    text = import_manifest(back, packhorse={"restoreExport": True})
    answer = account.jobs().create_job(JobType="Import", Manifest=text, ValidateOnly=False)
    signature.write_text(answer["SignatureFileContents"])
    tell("$ packhorse station " + shlex.join(map(str, load)), finish(station.start(*load)).stdout)
    status = account.jobs().get_status(JobId=answer["JobId"])
    s3.delete_object(Bucket=status["LogBucket"], Key=status["LogKey"])
    return before, objects(s3, back)


def main():
    """On a server of its own."""
    place = Path(tempfile.mkdtemp(prefix="packhorse-demo-"))
    server = Server(place / "data").start()
    try:
        before, after = story(server, place, lambda *lines: print(*lines, "", sep="\n"))
    finally:
        server.stop()
        shutil.rmtree(place)
    if before != after:
        raise SystemExit(f"the bucket came back changed: {sorted(before.keys() ^ after.keys())}")
    print(f"{len(after)} objects came back with the same keys, bytes, types and metadata.")


if __name__ == "__main__":
    main()
