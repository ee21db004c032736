"""Every exception that boto3's model lists for each action, raised as its class by a real server.

Faults of the framework (throttling, an outage) are counted: clients must send a request again
exactly when that can help.
"""

import concurrent.futures
import http.client
import re
import socket
import sqlite3
import time
import urllib.parse
from dataclasses import dataclass, field

import botocore.endpoint
import pytest
from botocore.exceptions import ClientError

from conformance.stage import FACILITY
from faultproxy import Answer, FaultProxy
from manifests import ADDRESS, manifest
from product import Account, Server, Station, wait_until

# Exceptions that need a part of the service which is not built yet.
METHODS = {
    "CreateJob": "create_job",
    "UpdateJob": "update_job",
    "CancelJob": "cancel_job",
    "GetStatus": "get_status",
    "ListJobs": "list_jobs",
    "GetShippingLabel": "get_shipping_label",
}
EVERY = tuple(METHODS)
# What makes an import's manifest one of an export.
EXPORT = {
    "bucket": None,
    "eraseDevice": None,
    "logBucket": "any-bucket",
    "operations": [{"exportBucket": "any-bucket"}],
}
WITH_MANIFEST = ("CreateJob", "UpdateJob")
WITH_JOB = ("UpdateJob", "CancelJob", "GetStatus")


@dataclass
class Row:
    """An exception, and what is changed about a request that is fine."""

    actions: tuple
    exception: str
    says: str
    # Which of the world's customers asks, about which of its jobs.
    who: str = "customer"
    job: str = "waiting"
    # Options of the manifest; parameters of the call; of the form, behind boto3's own validation.
    options: dict = field(default_factory=dict)
    call: dict = field(default_factory=dict)
    form: dict = field(default_factory=dict)


ROWS = [
    Row(WITH_MANIFEST, "MissingParameter", "Manifest must be specified", form={"Manifest": None}),
    Row(WITH_MANIFEST, "MissingParameter", "JobType must be specified", form={"JobType": None}),
    Row(WITH_MANIFEST, "InvalidParameter", "JobType must be Import", call={"JobType": "Sideways"}),
    Row(WITH_MANIFEST, "InvalidParameter", "ValidateOnly must be", form={"ValidateOnly": "yes"}),
    Row(("ListJobs",), "InvalidParameter", "MaxJobs must be", call={"MaxJobs": -1}),
    Row(("ListJobs",), "InvalidParameter", "Marker must be", call={"Marker": "fake_job"}),
    Row(("GetShippingLabel",), "InvalidParameter", "jobIds.member.1", form={"jobIds": "A,B"}),
    Row(EVERY, "InvalidVersion", "APIVersion", call={"APIVersion": "1.0é"}),
    Row(EVERY, "InvalidAccessKeyId", "AWSAccessKeyId", form={"AWSAccessKeyId": "AKIDOTHER"}),
    Row(WITH_MANIFEST, "InvalidAccessKeyId", r"accessKeyId.*\(line \d+, column \d+\)", options={"accessKeyId": "AKIDOTHER"}),
    Row(WITH_MANIFEST, "MalformedManifest", r"not well-formed\nline 1,", call={"Manifest": "NONE"}),
    Row(WITH_MANIFEST, "MissingManifestField", "deviceId", options={"deviceId": None}),
    Row(WITH_MANIFEST, "InvalidManifestField", r"line \d+, column \d+: acl", options={"acl": "everybody"}),
    Row(
        WITH_MANIFEST,
        "InvalidAddress",
        r"line \d+, column \d+: returnAddress.postalCode",
        options={"returnAddress": {**ADDRESS, "postalCode": "9"}},
    ),
    Row(
        WITH_MANIFEST,
        "InvalidCustoms",
        r"line \d+, column \d+: customs.deviceValue",
        options={"customs": {"deviceValue": "cheap"}},
    ),
    Row(
        WITH_MANIFEST,
        "MissingCustoms",
        "customs: is missing",
        options={"returnAddress": {**ADDRESS, "country": "Germany"}},
    ),
    Row(
        WITH_MANIFEST,
        "InvalidFileSystem",
        r"line \d+, column \d+: fileSystem",
        call={"JobType": "Export"},
        options={**EXPORT, "fileSystem": "HFS"},
    ),
    Row(WITH_MANIFEST, "NoSuchBucket", "no-such-logs", options={"logBucket": "no-such-logs"}),
    Row(WITH_MANIFEST, "BucketPermission", "strangers-bucket", options={"logBucket": "strangers-bucket"}),
    Row(WITH_MANIFEST, "MultipleRegions", "region", options={"logBucket": "elsewhere-bucket"}),
    Row(("CreateJob",), "CreateJobQuotaExceeded", "jobs in 24 hours", who="busy"),
    Row(("CreateJob",), "InvalidJobId", "use UpdateJob", form={"JobId": "AB12CD34"}),
    Row(WITH_JOB, "InvalidJobId", "No such job fake_job for", call={"JobId": "fake_job"}),
    Row(("CancelJob", "GetStatus"), "InvalidJobId", "JobId must be", form={"JobId": None}),
    Row(("GetShippingLabel",), "InvalidJobId", "No such job fake_job", call={"jobIds": ["fake_job"]}),
    Row((*WITH_JOB, "GetShippingLabel"), "CanceledJobId", "has been canceled", job="canceled"),
    Row((*WITH_JOB, "GetShippingLabel"), "ExpiredJobId", "has expired", job="expired"),
    Row(("GetShippingLabel",), "InvalidAddress", "phoneNumber", call={"phoneNumber": "none"}),
    Row(("UpdateJob",), "UnableToUpdateJobId", "it is Complete", job="complete"),
    Row(("CancelJob",), "UnableToCancelJobId", "it is Complete", job="complete"),
]
CASES = [(action, row) for row in ROWS for action in row.actions]


class World:
    """A server whose jobs are in every state, behind an object store with a second region."""

    JOBS_PER_DAY = 5

    def __init__(self, shared, folder, disk):
        self.proxy = FaultProxy(shared.s3, self.second_region)
        environment = {
            "PACKHORSE_OBJECT_STORE__ENDPOINT": self.proxy.url,
            "PACKHORSE_LIMITS__JOBS_PER_DAY": self.JOBS_PER_DAY,
            **{f"PACKHORSE_FACILITY__{name}": value for name, value in FACILITY.items()},
        }
        stranger = shared.account()
        stranger.bucket("strangers-bucket")
        self.server = Server(folder / "world", s3_listen=None, **environment).start()
        self.customer, self.bucket = self.new_customer(shared)
        self.busy, self.busy_bucket = self.new_customer(shared)
        client = self.customer.jobs()
        self.jobs = {name: self.create(client) for name in ("complete", "canceled", "expired")}
        client.cancel_job(JobId=self.jobs["canceled"])
        signature = client.get_status(JobId=self.jobs["complete"])["SignatureFileContents"]
        (disk / "SIGNATURE").write_text(signature)
        Station(self.server, folder / "state").load(disk)
        # A month passes: what waits for a device expires, what is closed is not shown any more.
        self.server.stop()
        self.server.environment["PACKHORSE_LIMITS__EXPIRY_DAYS"] = 0
        self.server.environment["PACKHORSE_LIMITS__CLOSED_JOB_DAYS"] = 0
        self.server.start()
        wait_until(self.has_expired, "the job expires")
        self.jobs["waiting"] = self.create(self.customer.jobs())
        for _ in range(self.JOBS_PER_DAY):
            self.create(self.busy.jobs(), self.busy_bucket)

    @staticmethod
    def second_region(request):
        """One bucket lives elsewhere."""
        return Answer(301, "PermanentRedirect") if "elsewhere-bucket" in request.target else None

    def new_customer(self, shared):
        """A customer of this server whom the object store knows, and a bucket."""
        known = shared.account()
        key = (known.access_key_id, known.secret_access_key)
        return self.server.account(key=key), known.bucket()

    def has_expired(self):
        """Whether the server has been at its expiry since it started."""
        client = self.customer.jobs()
        try:
            client.get_status(JobId=self.jobs["expired"])
        except client.exceptions.ExpiredJobIdException:
            return True
        return False

    def create(self, client, bucket=None):
        text = manifest(bucket or self.bucket)
        return client.create_job(JobType="Import", Manifest=text, ValidateOnly=False)["JobId"]

    def dump(self):
        """Everything the database holds."""
        return dump(self.server)

    def close(self):
        self.server.stop()
        self.proxy.close()


def dump(server):
    """The rows of a running server's database."""
    database = sqlite3.connect(f"file:{server.data_dir}/packhorse.db?mode=ro", uri=True)
    try:
        return list(database.iterdump())
    finally:
        database.close()


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    (disk / "a.txt").write_text("a file\n")
    world = World(server, tmp_path_factory.mktemp("world"), disk)
    yield world
    world.close()


def changed_form(client, changes):
    """Changes the form after boto3 has validated the call and before it signs it."""

    def change(params, **_):
        for name, value in changes.items():
            if value is None:
                del params["body"][name]
            else:
                params["body"][name] = value

    client.meta.events.register("before-call.importexport", change)


def perform(world, action, row):
    """The call that a row describes."""
    who = getattr(world, row.who)
    client = who.jobs()
    changed_form(client, row.form)
    job = world.jobs[row.job]
    bucket = world.busy_bucket if row.who == "busy" else world.bucket
    text = manifest(**{"bucket": bucket, **row.options})
    arguments = {
        "CreateJob": {"JobType": "Import", "Manifest": text, "ValidateOnly": False},
        "UpdateJob": {"JobId": job, "JobType": "Import", "Manifest": text, "ValidateOnly": False},
        "CancelJob": {"JobId": job},
        "GetStatus": {"JobId": job},
        "ListJobs": {},
        "GetShippingLabel": {"jobIds": [job]},
    }[action]
    if "jobIds" in row.form:
        changed_form(client, {"jobIds.member.1": None})
    return client, lambda: getattr(client, METHODS[action])(**{**arguments, **row.call})


@pytest.mark.parametrize(
    ("action", "row"), CASES, ids=[f"{action}-{row.exception}-{row.says[:12]}" for action, row in CASES]
)
def test_each_action_raises_its_typed_exceptions(world, action, row):
    client, call = perform(world, action, row)
    before = world.dump()
    with pytest.raises(getattr(client.exceptions, f"{row.exception}Exception")) as raised:
        call()
    error = raised.value.response["Error"]
    assert re.search(row.says, error["Message"]), error
    assert error["Type"] == "Sender"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert world.dump() == before


def test_no_exception_of_the_model_is_forgotten(account):
    model = account.jobs().meta.service_model
    listed = {
        (action, shape.name)
        for action in model.operation_names
        for shape in model.operation_model(action).error_shapes
    }
    covered = {(action, f"{row.exception}Exception") for action, row in CASES}
    assert len(listed) == 16 + 18 + 6 + 5 + 3 + 7
    assert listed == covered


# --- quota and expiry ------------------------------------------------------------------------


def test_clients_that_create_at_once_share_the_quota(new_server):
    account = new_server(PACKHORSE_LIMITS__JOBS_PER_DAY=7).account()
    text, client = manifest(account.bucket()), account.jobs(max_pool_connections=16)

    def create(_):
        try:
            return client.create_job(JobType="Import", Manifest=text, ValidateOnly=False)["JobId"]
        except client.exceptions.CreateJobQuotaExceededException:
            return None

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        made = [job for job in threads.map(create, range(48)) if job]
    assert len(made) == 7
    assert {job["JobId"] for job in client.list_jobs()["Jobs"]} == set(made)
    # A dry run makes nothing, so it needs no quota.
    client.create_job(JobType="Import", Manifest=text, ValidateOnly=True)


def test_a_job_without_a_device_expires_and_can_only_be_looked_at(new_server, create):
    server = new_server()
    job = create(server.account())
    server.stop()
    server.environment["PACKHORSE_LIMITS__EXPIRY_DAYS"] = 0
    server.start()
    wait_until(lambda: job.progress() == "Expired", "the job expires")
    client = job.account.jobs()
    assert client.get_status(JobId=job.id)["LocationCode"] == "NotReceived"
    for call in (
        lambda: client.cancel_job(JobId=job.id),
        lambda: client.update_job(
            JobId=job.id, JobType="Import", Manifest=manifest(job.bucket), ValidateOnly=False
        ),
    ):
        with pytest.raises(client.exceptions.ExpiredJobIdException):
            call()
    assert [listed["JobId"] for listed in client.list_jobs()["Jobs"]] == [job.id]


# --- retries ---------------------------------------------------------------------------------


# Requests that boto3 sends for one call when each is answered with something retryable.
ATTEMPTS = {"legacy": 5, "standard": 3, "adaptive": 3}


class Counted:
    """A client with boto3's own number of attempts, which are counted and not waited between."""

    def __init__(self, account, mode):
        self.client = account.jobs(retries={"mode": mode})
        self.count = 0
        self.client.meta.events.register("before-send.importexport", self.sent)

    def sent(self, **_):
        self.count += 1

    def refused(self, call):
        """Code, status and the number of requests of a call that fails."""
        self.count = 0
        with pytest.raises(ClientError) as raised:
            call(self.client)
        response = raised.value.response
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        return response["Error"]["Code"], status, self.count


@pytest.fixture
def at_once(monkeypatch):
    """boto3 does not wait between attempts."""

    class Hasty:
        sleep = staticmethod(lambda seconds: None)

    monkeypatch.setattr(botocore.endpoint, "time", Hasty)


def create_with(bucket):
    return lambda client: client.create_job(
        JobType="Import", Manifest=manifest(bucket), ValidateOnly=False
    )


@pytest.mark.parametrize("mode", ATTEMPTS)
def test_an_outage_of_the_object_store_is_retried_and_leaves_no_job(new_server, at_once, mode):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=nowhere)
    account = server.account()
    counted = Counted(account, mode)
    seen = counted.refused(create_with("a-bucket"))
    assert seen == ("ServiceUnavailable", 503, ATTEMPTS[mode])
    assert account.jobs().list_jobs()["Jobs"] == []


def test_a_failure_inside_is_retried_and_says_nothing_of_the_inside(new_server, at_once):
    server = new_server()
    account = server.account()
    database = sqlite3.connect(server.data_dir / "packhorse.db")
    database.execute("ALTER TABLE jobs RENAME TO elsewhere")
    database.commit()
    database.close()
    counted = Counted(account, "standard")
    assert counted.refused(lambda c: c.list_jobs()) == ("InternalFailure", 500, ATTEMPTS["standard"])
    assert "no such table" in server.log_text()


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_throttling_is_retried(new_server, at_once, mode):
    account = new_server(PACKHORSE_LIMITS__REQUESTS_PER_SECOND=1).account()
    counted = Counted(account, mode)
    # Only what happens within a second of the request that was let through is sure.
    for _ in range(20):
        started = time.monotonic()
        try:
            account.jobs().list_jobs()
            seen = counted.refused(lambda client: client.list_jobs())
        except (ClientError, pytest.fail.Exception):
            seen = None
        if seen and time.monotonic() - started < 0.9:
            assert seen == ("Throttling", 400, ATTEMPTS[mode])
            return
    raise AssertionError("the machine never sent two requests within a second")


def test_a_client_that_is_throttled_gets_everything_done(new_server):
    rate, calls = 20, 50
    account = new_server(PACKHORSE_LIMITS__REQUESTS_PER_SECOND=rate).account()
    counted = Counted(account, "standard")
    client = account.jobs(retries={"mode": "standard", "total_max_attempts": 10})
    client.meta.events.register("before-send.importexport", counted.sent)
    started = time.monotonic()
    for _ in range(calls):
        client.list_jobs()
    assert time.monotonic() - started > (calls - rate) / rate - 0.1
    assert counted.count >= calls


def test_what_cannot_get_better_is_not_retried(account, create, at_once):
    job = create(account)
    wrong = Account(account.server, "x", account.access_key_id, "wrong" * 8)
    unknown = Account(account.server, "x", "AKIDOESNOTEXIST00000", "wrong" * 8)
    for mode in ATTEMPTS:
        for who, code, status in [
            (wrong, "SignatureDoesNotMatch", 403),
            (unknown, "InvalidClientTokenId", 403),
        ]:
            assert Counted(who, mode).refused(lambda c: c.list_jobs()) == (code, status, 1)
        seen = Counted(account, mode).refused(create_with("no-such-bucket-here"))
        assert seen == ("NoSuchBucketException", 400, 1)
        counted = Counted(account, mode)
        changed_form(counted.client, {"Action": "DeleteJob"})
        assert counted.refused(lambda c: c.list_jobs()) == ("InvalidAction", 400, 1)
    assert job.progress() == "Pending"


def test_an_outage_names_a_time_to_come_back(new_server):
    account = new_server(PACKHORSE_LIMITS__REQUESTS_PER_SECOND=1).account()
    url = account.jobs().generate_presigned_url("list_jobs", HttpMethod="GET")
    parts = urllib.parse.urlsplit(url)
    answers = set()
    for _ in range(100):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        connection.request("GET", f"/?{parts.query}")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        answers.add((answer.status, answer.headers["Retry-After"]))
        if len(answers) == 2:
            break
    assert answers == {(200, None), (400, "1")}
