"""What customers print: shipping labels and artifacts, fetched as a browser does and scanned."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from manifests import ADDRESS, manifest
from product import Server, run

FACILITY = {
    "NAME": "Packhorse C/O Dock 7",
    "STREET1": "7664-A Fullerton Road",
    "CITY": "Springfield",
    "STATE_OR_PROVINCE": "VA",
    "POSTAL_CODE": "22153",
    "COUNTRY": "USA",
}
SENDER = {
    "name": "Zoë Łódź-Ünal",
    "company": "Fotostudio 東京",
    "street1": "Hauptstraße 5",
    "city": "Berlin",
    "postalCode": "10115",
    "country": "Germany",
    "phoneNumber": "+49 30 1234567",
}
# Dots per inch of an office printer's draft mode.
DRAFT = "150"


@pytest.fixture(scope="module")
def facility(scratch):
    """A server whose operator has said where parcels go."""
    variables = {f"PACKHORSE_FACILITY__{key}": value for key, value in FACILITY.items()}
    server = Server(scratch / "facility", **variables).start()
    yield server
    assert "panicked at" not in server.log_text(), server.log_text()[-8000:]
    server.stop()


@pytest.fixture
def account(facility):
    """A customer of that facility."""
    return facility.account()


def fetch(url):
    """Follows a link with nothing but the link: status, headers, bytes."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, refusal.read()


def scanned(pdf, place):
    """Prints the page at draft quality and reads its barcodes with a scanner's software."""
    (place / "page.pdf").write_bytes(pdf)
    draw = ["pdftoppm", "-r", DRAFT, "-png", "-singlefile", "page.pdf", "page"]
    subprocess.run(draw, cwd=place, check=True, timeout=60)
    scan = ["zbarimg", "--quiet", "--nodbus", "page.png"]
    done = subprocess.run(scan, cwd=place, capture_output=True, text=True, timeout=60)
    return sorted(done.stdout.split())


def words(pdf, place):
    """The text of the page, as search and screen readers find it."""
    (place / "text.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-layout", "text.pdf", "-"],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def artifacts(answer):
    """The links of an ArtifactList by the first word of their descriptions."""
    return {one["Description"].split()[0]: one["URL"] for one in answer["ArtifactList"]}


def test_a_label_is_kept_in_the_log_bucket_scanned_and_read(account, create, place):
    logs = account.bucket()
    job = create(account, logBucket=logs, logPrefix="logs/")
    answer = account.jobs().get_shipping_label(jobIds=[job.id.lower()], **SENDER)
    assert "Warning" not in answer
    status, headers, pdf = fetch(answer["ShippingLabelURL"])
    assert (status, headers["Content-Type"]) == (200, "application/pdf")
    assert headers["Cache-Control"] == "private, no-store"
    key = f"logs/shipping-label-{job.id}.pdf"
    kept = account.s3().get_object(Bucket=logs, Key=key)
    assert kept["Body"].read() == pdf
    assert kept["ContentType"] == "application/pdf"
    assert scanned(pdf, place) == [f"CODE-128:{job.id}"]
    text = words(pdf, place)
    for word in [*SENDER.values(), *FACILITY.values(), f"JOBID {job.id}", "SIGNATURE"]:
        assert word in text, f"{word} is not in\n{text}"


def test_a_parcel_of_several_devices_has_a_barcode_for_each(account, create, place):
    ids = [create(account).id for _ in range(6)]
    answer = account.jobs().get_shipping_label(jobIds=ids)
    pdf = fetch(answer["ShippingLabelURL"])[2]
    assert scanned(pdf, place) == sorted(f"CODE-128:{one}" for one in ids)
    assert ADDRESS["street1"] in words(pdf, place)


def test_the_artifacts_of_a_job_open_without_headers(account, place):
    client = account.jobs()
    text = manifest(account.bucket(), deviceId="WD-WCC4N1XZ98", eraseDevice=True)
    made = client.create_job(JobType="Import", Manifest=text, ValidateOnly=False)
    again = client.get_status(JobId=made["JobId"])
    updated = client.update_job(
        JobId=made["JobId"], JobType="Import", Manifest=text, ValidateOnly=False
    )
    for answer in (made, again, updated):
        links = artifacts(answer)
        assert sorted(links) == ["Packing", "SIGNATURE", "Shipping"]
        status, headers, signature = fetch(links["SIGNATURE"])
        assert (status, signature) == (200, made["SignatureFileContents"].encode())
        assert headers["Content-Disposition"] == 'attachment; filename="SIGNATURE"'
    slip, label = fetch(links["Packing"])[2], fetch(links["Shipping"])[2]
    assert scanned(slip, place) == scanned(label, place) == [f"CODE-128:{made['JobId']}"]
    page = words(slip, place)
    for word in (account.name, "WD-WCC4N1XZ98", "erase the device", "Before you close", ADDRESS["name"]):
        assert word in page, f"{word} is not in\n{page}"


def test_links_are_dead_when_forged_when_the_job_ends_and_for_dry_runs_there_are_none(account):
    client = account.jobs()
    text = manifest(account.bucket())
    dry = client.create_job(JobType="Import", Manifest=text, ValidateOnly=True)
    assert "ArtifactList" not in dry
    made = client.create_job(JobType="Import", Manifest=text, ValidateOnly=False)
    link = artifacts(made)["SIGNATURE"]
    forged = link[:-1] + ("A" if link[-1] != "A" else "B")
    assert fetch(link)[0] == 200
    assert fetch(forged)[0] == 404
    client.cancel_job(JobId=made["JobId"])
    assert fetch(link)[0] == 404 and fetch(link)[2] == fetch(forged)[2]
    assert "ArtifactList" not in client.get_status(JobId=made["JobId"])
    with pytest.raises(client.exceptions.CanceledJobIdException):
        client.get_shipping_label(jobIds=[made["JobId"]])


def test_labels_are_refused_with_the_models_exceptions(facility, account, create):
    job, other = create(account), facility.account().jobs()
    with pytest.raises(other.exceptions.InvalidJobIdException) as foreign:
        other.get_shipping_label(jobIds=[job.id])
    with pytest.raises(other.exceptions.InvalidJobIdException) as unknown:
        other.get_shipping_label(jobIds=["99999999"])
    assert str(foreign.value).replace(job.id, "99999999") == str(unknown.value)
    client = account.jobs()
    with pytest.raises(client.exceptions.InvalidAddressException) as refused:
        client.get_shipping_label(jobIds=[job.id], **{**SENDER, "phoneNumber": "none"})
    assert "phoneNumber" in str(refused.value)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.get_shipping_label(jobIds=[create(account).id for _ in range(7)])


def test_what_a_label_cannot_show_is_a_warning(account, create):
    job = create(account)
    answer = account.jobs().get_shipping_label(jobIds=[job.id], name="กรุงเทพ", city="W" * 400)
    warning = answer["Warning"]
    assert "postalCode" in warning and "ก" in warning and "cut" in warning, warning
    assert fetch(answer["ShippingLabelURL"])[0] == 200


def test_a_facility_without_an_address_prints_slips_and_no_labels(server, create):
    client = server.account()
    job = create(client)
    assert sorted(artifacts(job.status())) == ["Packing", "SIGNATURE"]
    with pytest.raises(ClientError) as refused:
        client.jobs().get_shipping_label(jobIds=[job.id])
    assert refused.value.response["Error"]["Code"] == "InvalidAction"


def test_the_command_line_saves_a_label(facility, account, create, place):
    job = create(account)

    def label(*arguments, check=True):
        return run(
            *("job", "label", job.id, "--endpoint", facility.api, *arguments),
            home=place,
            check=check,
            **account.environment(),
        )

    file = place / "label.pdf"
    printed = json.loads(label("--save", file, "--output", "json").stdout)
    assert printed["warning"] is None
    assert file.read_bytes() == fetch(printed["shipping_label_url"])[2]
    assert scanned(file.read_bytes(), place) == [f"CODE-128:{job.id}"]
    told = label("--name", "Somebody Else").stdout
    assert told.startswith("SHIPPING LABEL    http") and "warning " in told
    refused = label("--save", place / "no" / "such.pdf", check=False)
    assert refused.returncode == 1 and "error: write " in refused.stderr
    refused = label("--country", "USA", "--postal-code", "1", check=False)
    assert refused.returncode == 1 and "InvalidAddressException" in refused.stderr
