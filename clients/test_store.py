"""The embedded object store under unmodified boto3."""

import base64
import hashlib
import io
import random
import threading
import urllib.error
import urllib.request
import zlib

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

import disks
from product import Account
from reports import listing, md5_of

MIB = disks.MIB
AWKWARD_KEYS = [
    "a//b",
    "/leading",
    "trailing/",
    "//",
    "../x",
    "a/../../b",
    "./here",
    ".",
    "..",
    "plus+plus",
    "with blank",
    " ",
    "percent%2Fslash",
    "100%",
    "question?x=1",
    "hash#tag",
    "amp&lt;",
    "quote'\"",
    "back\\slash",
    "new\nline",
    "tab\t",
    "\u00e9",
    "e\u0301",
    "\U0001f40e",
    "\ufffe",
    "x" * 1024,
    "\u65e5" * 341,
    "a:b|c*<>",
    "CON",
    "SIGNATURE",
    "a",
    "a/b",
    "a/b/c",
]


@pytest.fixture
def s3(account):
    return account.s3()


@pytest.fixture
def bucket(account):
    return account.bucket()


def code(fault):
    return fault.value.response["Error"]["Code"]


def multipart_etag(data, part):
    pieces = [data[i : i + part] for i in range(0, len(data), part)]
    digests = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(pieces)}"'


# --- buckets ---------------------------------------------------------------------------------


def test_buckets_are_made_listed_and_deleted(account, other, s3):
    names = sorted(account.bucket() for _ in range(3))
    assert sorted(b["Name"] for b in s3.list_buckets()["Buckets"]) == names
    assert other.s3().list_buckets()["Buckets"] == []
    s3.head_bucket(Bucket=names[0])
    assert s3.get_bucket_location(Bucket=names[0])["LocationConstraint"] is None
    s3.put_object(Bucket=names[0], Key="k", Body=b"x")
    with pytest.raises(ClientError) as fault:
        s3.delete_bucket(Bucket=names[0])
    assert code(fault) == "BucketNotEmpty"
    s3.delete_object(Bucket=names[0], Key="k")
    s3.delete_bucket(Bucket=names[0])
    with pytest.raises(ClientError) as fault:
        s3.head_bucket(Bucket=names[0])
    assert code(fault) == "404"


def test_a_bucket_of_another_account_is_closed(account, other, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    stranger = other.s3()
    for call in (
        lambda: stranger.get_object(Bucket=bucket, Key="k"),
        lambda: stranger.put_object(Bucket=bucket, Key="k", Body=b"y"),
        lambda: stranger.delete_object(Bucket=bucket, Key="k"),
        lambda: stranger.list_objects_v2(Bucket=bucket),
        lambda: stranger.list_multipart_uploads(Bucket=bucket),
        lambda: stranger.create_multipart_upload(Bucket=bucket, Key="k"),
        lambda: stranger.delete_bucket(Bucket=bucket),
    ):
        with pytest.raises(ClientError) as fault:
            call()
        assert code(fault) == "AccessDenied"
    with pytest.raises(ClientError) as fault:
        stranger.create_bucket(Bucket=bucket)
    assert code(fault) == "BucketAlreadyExists"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_wrong_keys_and_names_are_refused(account, server, bucket):
    impostor = Account(server, "x", account.access_key_id, "wrong")
    with pytest.raises(ClientError) as fault:
        impostor.s3().list_objects_v2(Bucket=bucket)
    assert code(fault) == "SignatureDoesNotMatch"
    unknown = Account(server, "x", "AKIDOESNOTEXIST00000", "wrong")
    with pytest.raises(ClientError) as fault:
        unknown.s3().list_objects_v2(Bucket=bucket)
    assert code(fault) == "InvalidAccessKeyId"
    with pytest.raises(ClientError) as fault:
        account.s3().put_object(Bucket="no-such-bucket-at-all", Key="k", Body=b"")
    assert code(fault) == "NoSuchBucket"
    with pytest.raises(ClientError) as fault:
        account.s3().get_object(Bucket=bucket, Key="nothing")
    assert code(fault) == "NoSuchKey"


# --- objects ---------------------------------------------------------------------------------


def test_every_legal_key_is_kept_apart(s3, bucket):
    for number, key in enumerate(AWKWARD_KEYS):
        s3.put_object(Bucket=bucket, Key=key, Body=f"{number}".encode())
    for number, key in enumerate(AWKWARD_KEYS):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == f"{number}".encode(), key
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(f"{number}")
    listed = listing(s3, bucket)
    assert list(listed) == sorted(AWKWARD_KEYS, key=lambda key: key.encode())
    v1 = s3.get_paginator("list_objects").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 7}
    )
    assert [item["Key"] for page in v1 for item in page["Contents"]] == list(listed)
    for key in AWKWARD_KEYS:
        s3.delete_object(Bucket=bucket, Key=key)
    assert listing(s3, bucket) == {}


def test_a_key_of_1025_bytes_is_refused(s3, bucket):
    with pytest.raises(ClientError) as fault:
        s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")
    assert code(fault) == "KeyTooLongError"


def test_listing_with_prefix_delimiter_and_pages(s3, bucket):
    for number in range(25):
        s3.put_object(Bucket=bucket, Key=f"d{number % 5}/f{number:02}", Body=b"")
    s3.put_object(Bucket=bucket, Key="top", Body=b"")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}
        )
    )
    prefixes = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
    assert prefixes == [f"d{number}/" for number in range(5)]
    assert [item["Key"] for page in pages for item in page.get("Contents", [])] == ["top"]
    answer = s3.list_objects_v2(Bucket=bucket, Prefix="d1/", StartAfter="d1/f06", MaxKeys=2)
    assert [item["Key"] for item in answer["Contents"]] == ["d1/f11", "d1/f16"]
    assert answer["IsTruncated"] is True
    assert s3.list_objects_v2(Bucket=bucket, Prefix="none")["KeyCount"] == 0


def test_headers_metadata_acl_and_class_are_kept(s3, bucket):
    s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"x",
        ContentType="text/x",
        CacheControl="no-store",
        ContentDisposition="attachment; filename=x",
        ContentEncoding="gzip",
        ContentLanguage="es",
        Expires="Mon, 01 Dec 2031 16:00:00 GMT",
        Metadata={"one": "1", "two": "t w o"},
        ACL="public-read",
        StorageClass="REDUCED_REDUNDANCY",
    )
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentType"] == "text/x"
    assert head["CacheControl"] == "no-store"
    assert head["ContentDisposition"] == "attachment; filename=x"
    assert head["ContentEncoding"] == "gzip"
    assert head["ContentLanguage"] == "es"
    assert head["ExpiresString"] == "Mon, 01 Dec 2031 16:00:00 GMT"
    assert head["Metadata"] == {"one": "1", "two": "t w o"}
    assert head["StorageClass"] == "REDUCED_REDUNDANCY"
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert any(g["Grantee"].get("URI", "").endswith("/AllUsers") for g in grants)
    assert listing(s3, bucket)["k"] == (1, head["ETag"])


def test_ranges_and_conditions(s3, bucket):
    data = bytes(range(256)) * 100
    etag = s3.put_object(Bucket=bucket, Key="k", Body=data)["ETag"]
    assert etag == f'"{hashlib.md5(data).hexdigest()}"'

    def part(spec):
        return s3.get_object(Bucket=bucket, Key="k", Range=spec)["Body"].read()

    assert part("bytes=0-0") == data[:1]
    assert part("bytes=1000-1999") == data[1000:2000]
    assert part("bytes=-5") == data[-5:]
    assert part("bytes=25500-") == data[25500:]
    with pytest.raises(ClientError) as fault:
        part("bytes=25600-")
    assert code(fault) == "InvalidRange"
    with pytest.raises(ClientError) as fault:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert code(fault) == "304"
    with pytest.raises(ClientError) as fault:
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"0"')
    assert code(fault) == "PreconditionFailed"
    with pytest.raises(ClientError) as fault:
        s3.put_object(Bucket=bucket, Key="k", Body=b"other", IfNoneMatch="*")
    assert code(fault) == "PreconditionFailed"
    assert part("bytes=0-3") == data[:4]


def test_wrong_digests_are_refused_and_store_nothing(s3, bucket):
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    with pytest.raises(ClientError) as fault:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=wrong)
    assert code(fault) == "BadDigest"
    crc = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    with pytest.raises(ClientError) as fault:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumCRC32=crc)
    assert code(fault) in ("BadDigest", "InvalidRequest")
    sha = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    with pytest.raises(ClientError) as fault:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumSHA256=sha)
    assert code(fault) in ("BadDigest", "InvalidRequest")
    assert listing(s3, bucket) == {}


def test_right_checksums_are_kept_and_returned(s3, bucket):
    data = b"checked" * 1000
    sha = base64.b64encode(hashlib.sha256(data).digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=data, ChecksumAlgorithm="SHA256")
    answer = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert answer["ChecksumSHA256"] == sha
    assert answer["Body"].read() == data


# --- large objects ---------------------------------------------------------------------------


def test_upload_file_and_download_file(s3, bucket, place):
    path = disks.large_file(place / "in.bin", 37 * MIB + 11)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    s3.upload_file(str(path), bucket, "k", ExtraArgs={"Metadata": {"m": "1"}}, Config=config)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ETag"] == multipart_etag(path.read_bytes(), 8 * MIB)
    assert head["Metadata"] == {"m": "1"}
    s3.download_file(bucket, "k", str(place / "out.bin"), Config=config)
    assert md5_of(place / "out.bin") == md5_of(path)
    buffer = io.BytesIO()
    s3.upload_fileobj(io.BytesIO(b"small"), bucket, "small")
    s3.download_fileobj(bucket, "small", buffer)
    assert buffer.getvalue() == b"small"


def test_multipart_by_hand(s3, bucket):
    data = random.Random(9).randbytes(12 * MIB)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="x/y")["UploadId"]
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(u["Key"], u["UploadId"]) for u in listed] == [("k", upload)]
    parts = []
    for number in (3, 1, 2):
        piece = data[(number - 1) * 5 * MIB : number * 5 * MIB]
        answer = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=piece
        )
        assert answer["ETag"] == f'"{hashlib.md5(piece).hexdigest()}"'
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    found = s3.get_paginator("list_parts").paginate(
        Bucket=bucket, Key="k", UploadId=upload, PaginationConfig={"PageSize": 2}
    )
    sizes = [(p["PartNumber"], p["Size"]) for page in found for p in page["Parts"]]
    assert sizes == [(1, 5 * MIB), (2, 5 * MIB), (3, 2 * MIB)]
    assert listing(s3, bucket) == {}

    def complete(parts):
        return s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
        )

    with pytest.raises(ClientError) as fault:
        complete(parts)
    assert code(fault) == "InvalidPartOrder"
    ordered = sorted(parts, key=lambda part: part["PartNumber"])
    with pytest.raises(ClientError) as fault:
        complete([{**ordered[0], "ETag": '"0"'}])
    assert code(fault) == "InvalidPart"
    assert complete(ordered)["ETag"] == multipart_etag(data, 5 * MIB)
    answer = s3.get_object(Bucket=bucket, Key="k")
    assert answer["ContentType"] == "x/y"
    assert answer["Body"].read() == data
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_small_part_that_is_not_the_last_is_refused(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"small"
            )["ETag"],
        }
        for number in (1, 2)
    ]
    with pytest.raises(ClientError) as fault:
        s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
        )
    assert code(fault) == "EntityTooSmall"
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    with pytest.raises(ClientError) as fault:
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert code(fault) == "NoSuchUpload"


# --- the rest --------------------------------------------------------------------------------


def test_presigned_urls_work_and_break_when_changed(account, bucket):
    # boto3 would choose the old S3 signature here, which AWS refuses in newer regions.
    s3 = account.s3(signature_version="s3v4")
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "a b+c"})
    request = urllib.request.Request(put, data=b"presigned", method="PUT")
    assert urllib.request.urlopen(request).status == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b+c"})
    assert urllib.request.urlopen(get).read() == b"presigned"
    for broken in (get.replace("a%20b", "a%20c"), get[:-1] + ("0" if get[-1] != "0" else "1")):
        with pytest.raises(urllib.error.HTTPError) as fault:
            urllib.request.urlopen(broken)
        assert fault.value.code == 403


def test_many_objects_are_deleted_at_once(s3, bucket):
    keys = [f"k{number}" for number in range(30)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "absent"]]}
    )
    assert len(answer["Deleted"]) == 31
    assert listing(s3, bucket) == {}


def test_objects_survive_restart_and_kill(new_server):
    server = new_server()
    account = server.account()
    bucket, data = account.bucket(), random.Random(4).randbytes(6 * MIB)
    s3 = account.s3()
    for number in range(50):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"%d" % number)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=data)[
        "ETag"
    ]
    for end in (server.stop, server.kill):
        end()
        server.start()
        s3 = account.s3()
        assert len(listing(s3, bucket)) == 50
        assert s3.get_object(Bucket=bucket, Key="k7")["Body"].read() == b"7"
        parts = s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)["Parts"]
        assert [part["ETag"] for part in parts] == [etag]
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="big",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
    )
    server.kill()
    server.start()
    assert account.s3().get_object(Bucket=bucket, Key="big")["Body"].read() == data


def test_a_write_is_whole_or_absent_after_a_kill(new_server):
    """Writers run until the server is killed; what was acknowledged is there, nothing is torn."""
    server = new_server()
    account = server.account()
    bucket = account.bucket()
    acknowledged = []

    def write(worker):
        s3 = account.s3()
        number = 0
        try:
            while True:
                key = f"w{worker}/{number}"
                s3.put_object(Bucket=bucket, Key=key, Body=key.encode() * 5000)
                acknowledged.append(key)
                number += 1
        except Exception:  # the kill ends the writer, whatever boto3 calls it
            return

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 200:
        writers[0].join(0.01)
    server.kill()
    for writer in writers:
        writer.join()
    server.start()
    s3 = account.s3()
    found = listing(s3, bucket)
    assert set(acknowledged) <= set(found)
    for key, (size, etag) in found.items():
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert body == key.encode() * 5000
        assert size == len(body) and etag == f'"{hashlib.md5(body).hexdigest()}"'


def test_two_writers_of_one_key_leave_one_of_the_two(s3, bucket, account):
    bodies = [bytes([letter]) * 300_000 for letter in b"ab"]

    def write(body):
        for _ in range(20):
            account.s3().put_object(Bucket=bucket, Key="k", Body=body)

    threads = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() in bodies
