"""The six-action API as boto3 sees it: a job's whole life."""

import re
import threading

import pytest

import disks
from faultproxy import FaultProxy, Hold
from manifests import manifest
from product import Server, Station, finish, wait_until
from reports import listing, rows_of

JOB_ID = re.compile(r"[1-9A-NP-Z]{8}")


def create_job(client, text, validate_only=False, job_type="Import"):
    return client.create_job(JobType=job_type, Manifest=text, ValidateOnly=validate_only)


def test_a_dry_run_checks_and_creates_nothing(account):
    bucket, client = account.bucket(), account.jobs()
    answer = create_job(client, manifest(bucket), validate_only=True)
    assert answer["JobId"].endswith("-VALIDATE-ONLY")
    assert answer["JobType"] == "Import"
    assert client.list_jobs()["Jobs"] == []
    with pytest.raises(client.exceptions.InvalidJobIdException) as fault:
        client.get_status(JobId=answer["JobId"])
    assert f"No such job {answer['JobId']} for your account" in str(fault.value)


def test_a_new_job_has_an_id_and_a_signature_file(account):
    bucket, client = account.bucket(), account.jobs()
    answer = create_job(client, manifest(bucket))
    assert JOB_ID.fullmatch(answer["JobId"])
    lines = answer["SignatureFileContents"].split("\n")
    assert lines == [
        "version:2.0",
        "signingMethod:HmacSHA1",
        f"jobId:{answer['JobId']}",
        f"signature:{answer['Signature']}",
    ]
    assert len(answer["Signature"]) == 28


def test_the_status_of_a_new_job_is_that_of_the_original_service(account):
    bucket, client = account.bucket(), account.jobs()
    text = manifest(bucket, prefix="p\u00e9/")
    made = create_job(client, text)
    status = client.get_status(JobId=made["JobId"])
    assert status["ProgressCode"] == "Pending"
    assert status["ProgressMessage"] == "The specified job has not started."
    assert status["LocationCode"] == "NotReceived"
    assert status["ErrorCount"] == 0
    assert status["CurrentManifest"] == text
    assert status["SignatureFileContents"] == made["SignatureFileContents"]
    assert status["JobType"] == "Import"
    for absent in ("LogBucket", "LogKey", "Carrier", "TrackingNumber"):
        assert absent not in status
    assert client.get_status(JobId=made["JobId"].lower())["JobId"] == made["JobId"]


def test_an_erased_device_is_warned_about(account):
    answer = create_job(account.jobs(), manifest(account.bucket(), eraseDevice=True))
    assert "erased" in answer["WarningMessage"]


def test_jobs_are_listed_newest_first_and_page_by_page(account, other):
    bucket, client = account.bucket(), account.jobs()
    made = [create_job(client, manifest(bucket))["JobId"] for _ in range(7)]
    create_job(other.jobs(), manifest(other.bucket()))
    pages = list(client.get_paginator("list_jobs").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Jobs"]) for page in pages] == [3, 3, 1]
    jobs = [job for page in pages for job in page["Jobs"]]
    assert [job["JobId"] for job in jobs] == made[::-1]
    assert {(job["JobType"], job["IsCanceled"]) for job in jobs} == {("Import", False)}
    assert client.list_jobs(Marker=made[1])["Jobs"][0]["JobId"] == made[0]


def test_a_canceled_job_stays_in_the_list_and_cannot_be_changed(account, create):
    job, client = create(account), account.jobs()
    assert client.cancel_job(JobId=job.id)["Success"] is True
    assert job.progress() == "Canceled"
    assert [j["IsCanceled"] for j in client.list_jobs()["Jobs"]] == [True]
    with pytest.raises(client.exceptions.CanceledJobIdException):
        client.cancel_job(JobId=job.id)
    with pytest.raises(client.exceptions.CanceledJobIdException):
        client.update_job(
            JobId=job.id, JobType="Import", Manifest=manifest(job.bucket), ValidateOnly=False
        )


def test_an_update_before_loading_changes_the_keys(account, create, station, folder):
    job, client = create(account, prefix="old/"), account.jobs()
    changed = manifest(job.bucket, prefix="new-")
    dry = client.update_job(JobId=job.id, JobType="Import", Manifest=changed, ValidateOnly=True)
    assert dry["Success"] is True
    assert "old/" in job.status()["CurrentManifest"]
    answer = client.update_job(
        JobId=job.id, JobType="Import", Manifest=changed, ValidateOnly=False
    )
    assert answer["Success"] is True
    status = job.status()
    assert status["CurrentManifest"] == changed
    assert status["SignatureFileContents"] == job.signature_file, "prepared disks stay valid"
    station.load(job.sign(folder))
    objects = set(listing(account.s3(), job.bucket)) - {f"import-log-{job.id}"}
    assert objects == {"new-a.txt", "new-b/c.txt", "new-b/d.bin"}


def test_status_before_during_and_after_a_load(new_server, place, create):
    """The store holds the first object back, so that `during` is a state and not a race."""
    store = new_server()
    gate = threading.Event()

    def plan(request):
        big = request.method in ("PUT", "POST") and "big.bin" in request.target
        return Hold(gate) if big else None

    with FaultProxy(store.s3, plan) as proxy:
        server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=proxy.url)
        owner = store.account()
        account = server.account(key=(owner.access_key_id, owner.secret_access_key))
        client, bucket = account.jobs(), owner.bucket()
        job = create(account, bucket=bucket, logPrefix="logs/")
        folder = disks.many_small(place / "disk", 20)
        disks.large_file(folder / "big.bin", 20 * disks.MIB)
        assert job.progress() == "Pending"

        loading = Station(server, place / "state").start_load(job.sign(folder))
        try:
            wait_until(lambda: job.progress() == "InProgress", "the job is in progress")
            status = job.status()
            assert status["LocationCode"] == "AtAWS"
            assert "LogKey" not in status
            changed = manifest(bucket, prefix="too-late/")
            with pytest.raises(client.exceptions.UnableToUpdateJobIdException):
                client.update_job(
                    JobId=job.id, JobType="Import", Manifest=changed, ValidateOnly=False
                )
            with pytest.raises(client.exceptions.UnableToCancelJobIdException):
                client.cancel_job(JobId=job.id)
            assert "too-late" not in job.status()["CurrentManifest"]
        finally:
            gate.set()
        finish(loading)

    after = job.status()
    assert after["ProgressCode"] == "Complete"
    assert after["LocationCode"] == "AtAWS"
    assert after["ErrorCount"] == 0
    assert (after["LogBucket"], after["LogKey"]) == (bucket, f"logs/import-log-{job.id}")
    assert bucket in after["ProgressMessage"] and after["LogKey"] in after["ProgressMessage"]
    with pytest.raises(client.exceptions.UnableToUpdateJobIdException):
        client.update_job(JobId=job.id, JobType="Import", Manifest=changed, ValidateOnly=False)
    with pytest.raises(client.exceptions.UnableToCancelJobIdException):
        client.cancel_job(JobId=job.id)


def test_a_load_with_file_errors_is_a_success_with_errors(account, create, station, folder):
    job = create(account)
    (folder / "link").symlink_to("a.txt")
    station.load(job.sign(folder), expect=3)
    status = job.status()
    assert (status["ProgressCode"], status["ErrorCount"]) == ("SuccessWithErrors", 1)
    rows = {row["File"]: (row["Status"], row["Code"]) for row in rows_of(account, job.id)}
    assert rows["link"] == ("400", "SymbolicLink")


def test_another_account_sees_no_such_job(account, other, create):
    job = create(account)
    client, bucket = other.jobs(), other.bucket()
    calls = {
        "get_status": {},
        "cancel_job": {},
        "update_job": {
            "JobType": "Import",
            "Manifest": manifest(bucket),
            "ValidateOnly": False,
        },
    }

    def message(name, job_id, arguments):
        with pytest.raises(client.exceptions.InvalidJobIdException) as fault:
            getattr(client, name)(JobId=job_id, **arguments)
        return fault.value.response["Error"]["Message"].replace(job_id, "<id>")

    for name, arguments in calls.items():
        foreign = message(name, job.id, arguments)
        unknown = message(name, "99999999", arguments)
        assert foreign == unknown == "No such job <id> for your account"
    assert client.list_jobs()["Jobs"] == []
    assert job.progress() == "Pending"


def test_jobs_survive_restart_and_kill(place, new_server, create):
    server: Server = new_server()
    account = server.account()
    job, canceled = create(account), create(account)
    account.jobs().cancel_job(JobId=canceled.id)
    before = [job.lasting(), canceled.lasting()]
    for end in (server.stop, server.kill):
        end()
        server.start()
        assert [job.lasting(), canceled.lasting()] == before
