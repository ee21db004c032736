"""Parcels: what the operator of a station says, what the customer sees, and jobs that are given up."""

import json

import pytest

from product import COMPLETE, REFUSED, finish

PARCEL = ("--carrier", "Pony Express", "--tracking-number", "1Z 999")


@pytest.fixture
def dock(server, station):
    """Runs `packhorse station VERB JOB …` and returns what it printed."""

    def run(verb, job, *arguments, expect=COMPLETE):
        started = station.start(verb, job.id, *arguments, "--server", server.api)
        return finish(started, expect)

    return run


def test_a_device_comes_is_loaded_and_goes_back(dock, station, account, create, folder):
    job = create(account)
    assert job.status()["LocationCode"] == "NotReceived"
    assert "AtAWS, Pending" in dock("receive", job, "--note", "bay 4").stdout
    received = job.status()
    assert (received["LocationCode"], received["ProgressCode"]) == ("AtAWS", "Pending")
    assert "ArtifactList" not in received and "Carrier" not in received
    early = dock("return", job, *PARCEL, expect=REFUSED)
    assert "the job is Pending" in early.stderr
    station.load(job.sign(folder))
    printed = dock("return", job, *PARCEL, "--output", "json").stdout
    assert json.loads(printed) == {
        "job_id": job.id, "location": "Returned", "progress": "Complete",
    }
    returned = job.status()
    assert returned["LocationCode"] == "Returned"
    assert returned["LocationMessage"] == "Your device has been returned."
    assert (returned["Carrier"], returned["TrackingNumber"]) == PARCEL[1::2]
    assert returned["ProgressCode"] == "Complete" and returned["LogKey"]
    before = job.lasting()
    dock("return", job, *PARCEL)
    assert "sent back before" in dock("receive", job, expect=REFUSED).stderr
    assert job.lasting() == before


def test_a_parcel_without_a_device_ends_its_job(dock, account, create, station, folder):
    job = create(account)
    printed = dock("abort", job, "--code", "MissingDevice", "--reason", "an empty box").stdout
    assert "MissingDevice" in printed
    status = job.status()
    assert (status["LocationCode"], status["ProgressCode"]) == ("AtAWS", "MissingDevice")
    station.load(job.sign(folder), expect=REFUSED)
    dock("return", job, *PARCEL)
    assert job.status()["LocationCode"] == "Returned"


def test_what_cannot_be_is_refused_with_a_reason(dock, account, create):
    job = create(account)
    before = job.lasting()
    usage = 2
    wrong = dock("abort", job, "--code", "Complete", "--reason", "x", expect=usage)
    assert "MissingDevice" in wrong.stderr
    assert "--carrier" in dock("return", job, expect=usage).stderr
    blank = dock("return", job, "--carrier", " ", "--tracking-number", "1", expect=REFUSED)
    assert "the carrier is empty" in blank.stderr
    long = dock("receive", job, "--note", "x" * 501, expect=REFUSED)
    assert "more than 500 characters" in long.stderr
    job.id = "ZZZZZZZZ"
    assert "no such job" in dock("receive", job, expect=REFUSED).stderr
    job.id = before["JobId"]
    assert job.lasting() == before
