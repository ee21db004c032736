"""Wrong requests: each gives its typed fault, quickly, and changes nothing."""

import base64
import datetime
import hashlib
import hmac
import http.client
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from manifests import ADDRESS, manifest
from product import Account

NAMESPACE = "{http://importexport.amazonaws.com/doc/2010-06-01/}"
FAST_SECONDS = 5


def send(api, method, target, body=b"", headers=None):
    """One HTTP request as is; returns status, headers, body."""
    address = urllib.parse.urlsplit(api)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def signed(account, parameters):
    """A POST signed with Signature Version 4, whatever the parameters are."""
    api = account.server.api.rstrip("/")
    body = urllib.parse.urlencode(parameters).encode()
    request = AWSRequest("POST", f"{api}/", data=body, headers=dict(FORM))
    keys = Credentials(account.access_key_id, account.secret_access_key)
    SigV4Auth(keys, "importexport", "us-east-1").add_auth(request)
    return send(api, "POST", "/", body, dict(request.headers.items()))


def signed_v2(account, parameters, method="POST", digest="HmacSHA256"):
    """Signature Version 2, written from its description, as old clients sign."""
    api = account.server.api.rstrip("/")
    host = urllib.parse.urlsplit(api).netloc
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {
        **parameters,
        "AWSAccessKeyId": account.access_key_id,
        "SignatureVersion": "2",
        "SignatureMethod": digest,
        "Timestamp": now,
    }
    query = "&".join(
        f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
        for name, value in sorted(values.items())
    )
    function = {"HmacSHA1": hashlib.sha1, "HmacSHA256": hashlib.sha256}[digest]
    text = f"{method}\n{host}\n/\n{query}".encode()
    mac = hmac.new(account.secret_access_key.encode(), text, function).digest()
    query += "&Signature=" + urllib.parse.quote(base64.b64encode(mac).decode(), safe="")
    if method == "GET":
        return send(api, "GET", f"/?{query}")
    return send(api, "POST", "/", query.encode(), dict(FORM))


def fault_of(answer):
    """Code and message of an error document; checks its form."""
    status, headers, body = answer
    root = ElementTree.fromstring(body)
    assert root.tag == f"{NAMESPACE}ErrorResponse", body
    request_id = root.findtext(f"{NAMESPACE}RequestId")
    assert request_id and headers["x-amzn-RequestId"] == request_id
    error = root.find(f"{NAMESPACE}Error")
    assert error.findtext(f"{NAMESPACE}Type") == ("Sender" if status < 500 else "Receiver")
    code = error.findtext(f"{NAMESPACE}Code")
    return status, code, error.findtext(f"{NAMESPACE}Message")


@pytest.fixture
def unchanged(account, create):
    """A job that must look the same after the test, alone in its account's list."""
    job = create(account)
    before = job.lasting()
    yield job
    assert job.lasting() == before
    assert [j["JobId"] for j in account.jobs().list_jobs()["Jobs"]] == [job.id]


# --- who is asking ---------------------------------------------------------------------------


def attempts(client, job):
    """Every action, on a job that exists."""
    text = manifest(job.bucket, prefix="changed/")
    return [
        lambda: client.create_job(JobType="Import", Manifest=text, ValidateOnly=False),
        lambda: client.update_job(
            JobId=job.id, JobType="Import", Manifest=text, ValidateOnly=False
        ),
        lambda: client.cancel_job(JobId=job.id),
        lambda: client.get_status(JobId=job.id),
        lambda: client.list_jobs(),
    ]


def refuse_all(client, job, code, status=403):
    for attempt in attempts(client, job):
        with pytest.raises(ClientError) as fault:
            attempt()
        response = fault.value.response
        assert response["Error"]["Code"] == code, response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_wrong_secret_is_refused(account, unchanged):
    impostor = Account(account.server, "x", account.access_key_id, "wrong" * 8)
    refuse_all(impostor.jobs(), unchanged, "SignatureDoesNotMatch")


def test_an_unknown_key_is_refused(account, unchanged):
    impostor = Account(account.server, "x", "AKIDOESNOTEXIST00000", account.secret_access_key)
    refuse_all(impostor.jobs(), unchanged, "InvalidClientTokenId")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_wrong_clock_is_refused(account, unchanged, monkeypatch, minutes):
    real = botocore.auth.get_current_datetime
    shift = datetime.timedelta(minutes=minutes)
    client = account.jobs()
    with monkeypatch.context() as patch:
        patch.setattr(
            botocore.auth, "get_current_datetime", lambda *a, **k: real(*a, **k) + shift
        )
        refuse_all(client, unchanged, "RequestExpired", status=400)


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_within_a_quarter_of_an_hour_is_accepted(account, monkeypatch, minutes):
    real = botocore.auth.get_current_datetime
    shift = datetime.timedelta(minutes=minutes)
    client = account.jobs()
    with monkeypatch.context() as patch:
        patch.setattr(
            botocore.auth, "get_current_datetime", lambda *a, **k: real(*a, **k) + shift
        )
        assert client.list_jobs()["Jobs"] == []


def test_an_unsigned_request_is_refused(account, unchanged):
    body = urllib.parse.urlencode({"Action": "CancelJob", "JobId": unchanged.id}).encode()
    status, code, _ = fault_of(send(account.server.api, "POST", "/", body, dict(FORM)))
    assert (status, code) == (403, "MissingAuthenticationToken")


def test_a_changed_parameter_breaks_the_signature(account, unchanged):
    api = account.server.api.rstrip("/")
    body = urllib.parse.urlencode({"Action": "GetStatus", "JobId": unchanged.id}).encode()
    request = AWSRequest("POST", f"{api}/", data=body, headers=dict(FORM))
    keys = Credentials(account.access_key_id, account.secret_access_key)
    SigV4Auth(keys, "importexport", "us-east-1").add_auth(request)
    changed = body.replace(b"GetStatus", b"CancelJob")
    answer = send(api, "POST", "/", changed, dict(request.headers.items()))
    assert fault_of(answer)[:2] == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("digest", ["HmacSHA1", "HmacSHA256"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_old_signatures_work(account, unchanged, method, digest):
    parameters = {"Action": "GetStatus", "JobId": unchanged.id, "Version": "2010-06-01"}
    status, _, body = signed_v2(account, parameters, method, digest)
    assert status == 200, body
    assert unchanged.id in body.decode()
    impostor = Account(account.server, "x", account.access_key_id, "wrong")
    refused = signed_v2(impostor, parameters, method, digest)
    assert fault_of(refused)[:2] == (403, "SignatureDoesNotMatch")


# --- what is asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "InvalidAction"),
        ({"Action": "NoSuchAction"}, "InvalidAction"),
        ({"Action": "CreateJob", "JobType": "Import"}, "MissingParameterException"),
        ({"Action": "CreateJob", "Manifest": "x: y"}, "MissingParameterException"),
        (
            {"Action": "CreateJob", "JobType": "Sideways", "Manifest": "x: y"},
            "InvalidParameterException",
        ),
        (
            {"Action": "CreateJob", "JobType": "Import", "Manifest": "x: y", "ValidateOnly": "7"},
            "InvalidParameterException",
        ),
        ({"Action": "GetStatus"}, "InvalidJobIdException"),
        ({"Action": "CancelJob"}, "InvalidJobIdException"),
        ({"Action": "UpdateJob", "JobType": "Import", "Manifest": "x"}, "MissingParameterException"),
        ({"Action": "GetStatus", "JobId": "fake_job"}, "InvalidJobIdException"),
        ({"Action": "GetStatus", "JobId": "../../etc/passwd"}, "InvalidJobIdException"),
        ({"Action": "ListJobs", "MaxJobs": "many"}, "InvalidParameterException"),
        ({"Action": "ListJobs", "MaxJobs": "-1"}, "InvalidParameterException"),
        ({"Action": "ListJobs", "MaxJobs": "1001"}, "InvalidParameterException"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_missing_and_invalid_parameters(account, unchanged, parameters, code):
    status, got, message = fault_of(signed(account, parameters))
    assert (status, got) == (400, code), message


def test_the_original_texts(account, unchanged):
    missing = fault_of(signed(account, {"Action": "CreateJob", "JobType": "Import"}))
    assert missing[2] == "Manifest must be specified"
    unknown = fault_of(signed(account, {"Action": "GetStatus", "JobId": "fake_job"}))
    assert unknown[2] == "No such job fake_job for your account"


# --- manifests -------------------------------------------------------------------------------


def refused(client, text, exception, job_id=None):
    """CreateJob (dry and real) and UpdateJob all refuse the text; returns the message."""
    messages = set()
    kind = getattr(client.exceptions, exception)
    for validate_only in (True, False):
        started = time.monotonic()
        with pytest.raises(kind) as fault:
            client.create_job(JobType="Import", Manifest=text, ValidateOnly=validate_only)
        assert time.monotonic() - started < FAST_SECONDS
        messages.add(fault.value.response["Error"]["Message"])
    if job_id:
        with pytest.raises(kind) as fault:
            client.update_job(
                JobId=job_id, JobType="Import", Manifest=text, ValidateOnly=False
            )
        messages.add(fault.value.response["Error"]["Message"])
    assert len(messages) == 1
    return messages.pop()


@pytest.mark.parametrize(
    "text",
    ["INVALID MANIFEST", "- a\n- b\n", "", "a: [1, 2", "a: 1\n\tb: 2\n", "a: 'open\n", "{" * 50],
    ids=["words", "list", "empty", "open-bracket", "tab", "open-quote", "braces"],
)
def test_a_text_that_is_no_mapping_is_malformed(account, unchanged, text):
    exception = "MalformedManifestException" if text else "MissingParameterException"
    message = refused(account.jobs(), text, exception, unchanged.id)
    if text:
        assert "Your manifest is not well-formed" in message


@pytest.mark.parametrize(
    "path", ["manifest.txt", "/home/jane/manifest.yml", "file://manifest.yml", "C:\\jobs\\m.txt"]
)
def test_a_path_in_place_of_the_text_is_recognised(account, unchanged, path):
    message = refused(account.jobs(), path, "MalformedManifestException", unchanged.id)
    assert "this looks like a path" in message


def test_a_mapping_without_the_required_fields_names_them_all(account, unchanged):
    message = refused(account.jobs(), "foo: bar\n", "MissingManifestFieldException")
    for name in ("manifestVersion", "bucket", "deviceId", "eraseDevice", "returnAddress"):
        assert name in message


@pytest.mark.parametrize(
    ("changed", "exception", "word"),
    [
        ({"deviceId": None}, "MissingManifestFieldException", "deviceId"),
        ({"manifestVersion": 9.9}, "InvalidManifestFieldException", "manifestVersion"),
        ({"eraseDevice": "perhaps"}, "InvalidManifestFieldException", "eraseDevice"),
        ({"acl": "everybody"}, "InvalidManifestFieldException", "acl"),
        ({"ignore": ["("]}, "InvalidManifestFieldException", "ignore"),
        ({"storageClass": "SHELF"}, "InvalidManifestFieldException", "storageClass"),
        ({"packhorse": {"skipJnk": True}}, "InvalidManifestFieldException", "skipJnk"),
        ({"logPrefix": "x" * 1024}, "InvalidManifestFieldException", "logPrefix"),
        ({"accessKeyId": "AKIDSOMEBODYELSE0000"}, "InvalidAccessKeyIdException", ""),
        (
            {"returnAddress": {**ADDRESS, "postalCode": None}},
            "MissingManifestFieldException",
            "postalCode",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_wrong_fields_are_named(account, unchanged, changed, exception, word):
    text = manifest(unchanged.bucket, **changed)
    assert word in refused(account.jobs(), text, exception, unchanged.id)


def test_an_unknown_bucket_is_named(account, unchanged):
    message = refused(account.jobs(), manifest("no-such-bucket-here"), "NoSuchBucketException")
    assert "no-such-bucket-here" in message
    text = manifest(unchanged.bucket, logBucket="no-such-log-bucket")
    assert "no-such-log-bucket" in refused(account.jobs(), text, "NoSuchBucketException")


def test_a_bucket_of_another_account_is_refused(account, other, unchanged):
    text = manifest(other.bucket())
    refused(account.jobs(), text, "BucketPermissionException", unchanged.id)


def test_an_unknown_option_is_a_warning_with_the_nearest_name(account, create):
    text = manifest(account.bucket()) + "cacheControll: x\n"
    answer = account.jobs().create_job(JobType="Import", Manifest=text, ValidateOnly=True)
    assert "cacheControll" in answer["WarningMessage"]
    assert "cacheControl" in answer["WarningMessage"].replace("cacheControll", "")


def alias_bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        before = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{before}]")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "# " + "x" * (2 * 1024 * 1024),
        "# " + "x" * (1024 * 1024 + 1),
        "a: " + "[" * 100_000,
        "a: " + "{b: " * 50_000,
        "\n".join(" " * depth + "a:" for depth in range(1000)),
        alias_bomb(),
    ],
    ids=["two-mib", "over-one-mib", "deep-brackets", "deep-braces", "deep-indent", "alias-bomb"],
)
def test_hostile_manifests_are_refused_quickly(account, unchanged, text):
    started = time.monotonic()
    with pytest.raises(ClientError) as fault:
        account.jobs().create_job(JobType="Import", Manifest=text, ValidateOnly=False)
    assert time.monotonic() - started < FAST_SECONDS
    response = fault.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] in (400, 413)
    assert response["Error"]["Code"] in (
        "MalformedManifestException",
        "InvalidParameterException",
        "RequestEntityTooLarge",
    )


def test_a_manifest_with_crlf_is_accepted_and_echoed(account):
    text = manifest(account.bucket()).replace("\n", "\r\n")
    client = account.jobs()
    job_id = client.create_job(JobType="Import", Manifest=text, ValidateOnly=False)["JobId"]
    assert client.get_status(JobId=job_id)["CurrentManifest"] == text


# --- the edge --------------------------------------------------------------------------------


def test_garbage_gets_an_answer_and_the_server_lives(account, server):
    for method, target, body in [
        ("POST", "/", b"\xff\xfe%%%&=&=;"),
        ("POST", "/?Action=ListJobs", b"Action=%zz"),
        ("GET", "/?Action=ListJobs&Signature=%00", b""),
        ("DELETE", "/", b""),
        ("GET", "/desk/v1/claim", b""),
        ("POST", "/desk/v1/claim", b"{}"),
        ("GET", "/artifacts/../../etc/passwd", b""),
    ]:
        status, _, _ = send(server.api, method, target, body, dict(FORM))
        assert 400 <= status < 500, (method, target, status)
    assert account.jobs().list_jobs()["Jobs"] == []


def test_a_body_over_the_limit_is_cut_off(account, server):
    status, _, _ = send(server.api, "POST", "/", b"a=" + b"x" * (4 * 1024 * 1024), dict(FORM))
    assert status == 413
    assert account.jobs().list_jobs()["Jobs"] == []


def test_health_answers_without_a_signature(server):
    assert send(server.api, "GET", "/healthz")[0] == 200
    assert send(server.api, "GET", "/readyz")[0] == 200
