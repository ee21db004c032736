"""The cases of success: each action with every parameter, awkward manifests, many pages.

A case takes the `Scene` of its client and asserts. The table has a column for each.
"""

import re
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timezone

from conformance.driver import Access, Driver
from conformance.stage import PAGED_JOBS, Stage
from manifests import manifest

JOB_ID = re.compile(r"[1-9A-NP-Z]{8}")
API_VERSION = "2010-06-01"
# Two, three and four bytes of UTF-8, a combining mark, right-to-left text, and whatever XML, YAML
# or a signature could stumble over.
AWKWARD = "é 日本語 📦𝄞 e\u0301 שלום \u00a0 ]]> <a&amp;\"'> 100%25 + * ~ !'() = & ; # / ? @ $ , \\"
PAGE_SIZE = 1_000
SENDER = {
    "name": "Jörg Müller",
    "company": "Example & Sons",
    "phoneNumber": "+49 30 5550100",
    "country": "Germany",
    "stateOrProvince": "Berlin",
    "city": "Berlin",
    "postalCode": "10115",
    "street1": "Straße 1",
    "street2": "Hof 2",
    "street3": "c/o Lager",
}


@dataclass
class Scene:
    """A client's own driver and account, on the stage of all."""

    stage: Stage
    driver: Driver
    access: Access
    bucket: str

    @property
    def client(self):
        """The client under test."""
        return self.driver.client

    def call(self, action, **params):
        """One action as this client's own account."""
        return self.driver.call(self.access, action, **params)

    def create(self, **options):
        """A new job of this account."""
        return self.call(
            "CreateJob",
            JobType="Import",
            Manifest=manifest(self.bucket, **options),
            ValidateOnly=False,
        )


def just_now(text):
    """Whether a time of the answer is one of this run."""
    then = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return abs((datetime.now(timezone.utc) - then).total_seconds()) < 3_600


def create_job(scene):
    asked = {
        "JobType": "Import",
        "Manifest": manifest(scene.bucket, eraseDevice=True),
        "ManifestAddendum": "none",
        "APIVersion": API_VERSION,
    }
    dry = scene.call("CreateJob", ValidateOnly=True, **asked)
    assert dry["JobId"].endswith("-VALIDATE-ONLY")
    made = scene.call("CreateJob", ValidateOnly=False, **asked)
    assert JOB_ID.fullmatch(made["JobId"])
    assert made["JobType"] == "Import"
    assert len(made["Signature"]) == 28
    assert made["SignatureFileContents"].split("\n") == [
        "version:2.0",
        "signingMethod:HmacSHA1",
        f"jobId:{made['JobId']}",
        f"signature:{made['Signature']}",
    ]
    assert "erased" in made["WarningMessage"]
    assert_artifacts(made["ArtifactList"])
    assert scene.call("GetStatus", JobId=made["JobId"])["JobId"] == made["JobId"]


def update_job(scene):
    job = scene.create(prefix="old/")["JobId"]
    asked = {
        "JobId": job,
        "JobType": "Import",
        "Manifest": manifest(scene.bucket, prefix="new/", eraseDevice=True),
        "APIVersion": API_VERSION,
    }
    assert scene.call("UpdateJob", ValidateOnly=True, **asked)["Success"] is True
    assert "old/" in scene.call("GetStatus", JobId=job)["CurrentManifest"]
    answer = scene.call("UpdateJob", ValidateOnly=False, **asked)
    assert answer["Success"] is True
    assert "erased" in answer["WarningMessage"]
    assert_artifacts(answer["ArtifactList"])
    assert "new/" in scene.call("GetStatus", JobId=job)["CurrentManifest"]


def cancel_job(scene):
    job = scene.create()["JobId"]
    assert scene.call("CancelJob", JobId=job, APIVersion=API_VERSION)["Success"] is True
    assert scene.call("GetStatus", JobId=job)["ProgressCode"] == "Canceled"
    newest = scene.call("ListJobs", MaxJobs=1)["Jobs"]
    assert [(line["JobId"], line["IsCanceled"]) for line in newest] == [(job, True)]


def get_status(scene):
    made = scene.create()
    status = scene.call("GetStatus", JobId=made["JobId"], APIVersion=API_VERSION)
    assert status["JobId"] == made["JobId"]
    assert status["JobType"] == "Import"
    assert status["LocationCode"] == "NotReceived"
    assert status["LocationMessage"] == "AWS has not received your device."
    assert status["ProgressCode"] == "Pending"
    assert status["ProgressMessage"] == "The specified job has not started."
    assert status["ErrorCount"] == 0
    assert status["Signature"] == made["Signature"]
    assert status["SignatureFileContents"] == made["SignatureFileContents"]
    assert just_now(status["CreationDate"])
    assert_artifacts(status["ArtifactList"])
    for name in ("Carrier", "TrackingNumber", "LogBucket", "LogKey"):
        assert status.get(name) is None, name
    stage = scene.stage
    loaded = scene.driver.call(stage.access, "GetStatus", JobId=stage.complete)
    assert (loaded["LocationCode"], loaded["ProgressCode"]) == ("AtAWS", "Complete")
    assert loaded["LogBucket"] == stage.bucket
    assert loaded["LogKey"] == f"logs/import-log-{stage.complete}"
    assert loaded["ErrorCount"] == 0


def list_jobs(scene):
    account, jobs = scene.stage.listed
    page = scene.driver.call(account, "ListJobs", MaxJobs=2, APIVersion=API_VERSION)
    assert [job["JobId"] for job in page["Jobs"]] == jobs[:2]
    assert [job["IsCanceled"] for job in page["Jobs"]] == [False, True]
    assert all(job["JobType"] == "Import" for job in page["Jobs"])
    assert all(just_now(job["CreationDate"]) for job in page["Jobs"])
    assert page["IsTruncated"] is True
    rest = scene.driver.call(account, "ListJobs", Marker=jobs[1])
    assert [job["JobId"] for job in rest["Jobs"]] == jobs[2:]
    assert rest["IsTruncated"] is False
    after = scene.driver.call(account, "ListJobs", Marker=jobs[2])
    assert (after["Jobs"], after["IsTruncated"]) == ([], False)


def get_shipping_label(scene):
    """More than nine jobs: their parameters sort as text, which not every signer gets right."""
    stage = scene.stage
    answer = scene.driver.call(
        stage.access, "GetShippingLabel", jobIds=stage.parcel, APIVersion=API_VERSION, **SENDER
    )
    assert opened(answer["ShippingLabelURL"]).startswith(b"%PDF-")


def opened(url):
    """What a browser would get: no header of ours, no key."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def assert_artifacts(artifacts):
    """Every link of an answer works."""
    assert len({artifact["Description"] for artifact in artifacts}) == len(artifacts) > 0
    for artifact in artifacts:
        assert len(opened(artifact["URL"])) > 0, artifact


def awkward_manifest(scene):
    """The text comes back as it was sent, to the last character."""
    client = scene.client
    text = manifest(scene.bucket, generator=AWKWARD, prefix="日本語/📦/")
    text += f"# {AWKWARD}\n#\ttabs\tand blanks at the end   \n"
    text = text.translate(str.maketrans("", "", client.unsignable))
    if client.keeps_crlf:
        text = text.replace("\n", "\r\n")
    asked = {"JobType": "Import", "Manifest": text, "ValidateOnly": False}
    job = scene.call("CreateJob", **asked)["JobId"]
    assert scene.call("GetStatus", JobId=job)["CurrentManifest"] == text


def many_pages(scene):
    account, made = scene.stage.paged
    if scene.client.pages:
        answer = scene.driver.pages(account, PAGE_SIZE)
        assert answer.get("Pages") in (None, [PAGE_SIZE, PAGE_SIZE, PAGED_JOBS % PAGE_SIZE])
        jobs = answer["Jobs"]
    else:
        jobs = pages_by_marker(scene, account)
    ids = [job["JobId"] for job in jobs]
    assert len(ids) == PAGED_JOBS and set(ids) == made
    times = [job["CreationDate"] for job in jobs]
    assert times == sorted(times, reverse=True), "newest first"


def pages_by_marker(scene, account):
    jobs, more = [], {}
    while True:
        page = scene.driver.call(account, "ListJobs", MaxJobs=PAGE_SIZE, **more)
        jobs += page["Jobs"]
        if not page["IsTruncated"]:
            return jobs
        assert len(page["Jobs"]) == PAGE_SIZE
        more = {"Marker": jobs[-1]["JobId"]}


# Column -> case. The first six are the actions themselves.
CASES = {
    "CreateJob": create_job,
    "UpdateJob": update_job,
    "CancelJob": cancel_job,
    "GetStatus": get_status,
    "ListJobs": list_jobs,
    "GetShippingLabel": get_shipping_label,
    "any text": awkward_manifest,
    "2500 jobs": many_pages,
}
