"""The console in a real browser: what a customer and an operator do, from first to last."""

import json
import re
import threading
import uuid

import pytest
from playwright.sync_api import expect

import disks
from browser import PAGE_BYTES_MAX, Browser
from faultproxy import FaultProxy, Hold
from manifests import ADDRESS, manifest
from product import Station, finish

NASTY = "<script>document.title='owned'</script>\u202egpj.exe"


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def window(browser, server):
    """Opens windows at the shared server; closes them and looks whether anything went wrong."""
    windows = []

    def open_window(at=None, **options):
        windows.append(browser.window((at or server).api, **options))
        return windows[-1]

    yield open_window
    for one in windows:
        one.close()


def dock_key(server):
    """A station, and its key."""
    name = f"dock-{uuid.uuid4().hex[:6]}"
    done = server.command("station-key", "create", name, "--output", "json")
    return name, json.loads(done.stdout)["key"]


def write_form(window, bucket):
    """Fills a job's form in, as a customer does."""
    window.option("bucket", bucket)
    window.option("deviceId", "WD-WX72A: 4")
    window.option("eraseDevice", "no")
    for name, text in ADDRESS.items():
        window.option(f"returnAddress.{name}", text)


def job_of(window):
    """The id of the job whose page is open."""
    window.page.wait_for_url(re.compile(r"/jobs/[1-9A-NP-Z]{8}(\?|$)"))
    return re.search(r"/jobs/([1-9A-NP-Z]{8})", window.page.url).group(1)


def test_a_disk_goes_in_and_comes_back_by_pages_alone(window, new_server, place):
    """The store holds the last file back, so that `loading` is a state and not a race."""
    store, gate = new_server(), threading.Event()

    def plan(request):
        return Hold(gate) if request.method in ("PUT", "POST") and "big.bin" in request.target else None

    with FaultProxy(store.s3, plan) as proxy:
        server = new_server(
            s3_listen=None,
            PACKHORSE_OBJECT_STORE__ENDPOINT=proxy.url,
            PACKHORSE_FACILITY__NAME="Harbour Dock",
            PACKHORSE_FACILITY__STREET1="7 Quay Road",
            PACKHORSE_FACILITY__CITY="Springfield",
            PACKHORSE_FACILITY__STATE_OR_PROVINCE="VA",
            PACKHORSE_FACILITY__POSTAL_CODE="22153",
            PACKHORSE_FACILITY__COUNTRY="USA",
        )
        owner = store.account("observatory")
        account = server.account("observatory", key=(owner.access_key_id, owner.secret_access_key))
        bucket = owner.bucket("sky-survey-2026")
        customer, dock = window(server), window(server)
        customer.go("/")
        customer.look("sign-in")
        customer.sign_in(account)
        customer.look("jobs-empty", sizes={"desktop": (1280, 860)})

        customer.press("Create your first job")
        write_form(customer, bucket)
        source = customer.page.locator("#source")
        expect(source).to_have_value(re.compile("country: USA"))
        assert 'deviceId: "WD-WX72A: 4"' in source.input_value()
        source.fill(source.input_value() + "prefx: raw/\n")
        customer.page.get_by_text("did you mean").or_(customer.page.get_by_text("prefx")).first.wait_for()
        source.fill(source.input_value().replace("prefx: raw/", "prefix: raw/"))
        field = customer.page.locator('[name="o.prefix"]')
        expect(field).to_have_value("raw/")
        customer.press("Check", exact=True)
        customer.page.get_by_text("This manifest is good").wait_for()
        customer.look("new-job")
        customer.press("Create job")
        job = job_of(customer)
        customer.look("job-new")
        with customer.page.expect_download() as download:
            customer.press("SIGNATURE file")
        folder = disks.many_small(place / "disk", 20)
        disks.large_file(folder / "big.bin", 12 * disks.MIB)
        (folder / "link").symlink_to("big.bin")
        download.value.save_as(folder / "SIGNATURE")
        assert f"jobId:{job}" in (folder / "SIGNATURE").read_text()
        customer.page.evaluate("window.stayed = true")

        station, key = dock_key(server)
        dock.go("/console/dock/")
        dock.look("dock-sign-in", sizes={"tablet": (820, 1180)})
        dock.sign_in_at_dock("Ada", station, key)
        dock.look("dock-scan")
        # A scanner types, and ends with Return; nothing else is touched.
        dock.page.keyboard.type(f"JOBID {job.lower()}")
        dock.page.keyboard.press("Enter")
        assert job_of(dock) == job
        dock.page.keyboard.type("bay 4, a scratch on the lid")
        dock.look("dock-receive")
        dock.page.keyboard.press("Enter")
        dock.page.get_by_text("Received.", exact=True).wait_for()
        customer.page.get_by_text("Your device has arrived").wait_for()

        image = disks.image(folder, place / "disk.img")
        loading = Station(server, place / "state", key=key).start_load(image)
        try:
            customer.page.get_by_text("Loading began").wait_for()
            dock.page.get_by_text("A station is loading it").wait_for()
            customer.look("job-loading")
            dock.go("/console/dock/board")
            dock.look("dock-board")
        finally:
            gate.set()
        finish(loading, 3)
        customer.page.get_by_role("link", name="Read the report").wait_for()
        assert customer.page.evaluate("window.stayed"), "the page was loaded anew"
        customer.look("job-done")

        customer.press("Read the report")
        customer.look("report")
        customer.page.get_by_role("radio", name="Errors").check()
        customer.press("Show")
        rows = customer.page.locator("table.report tbody tr")
        assert rows.count() == 1 and "SymbolicLink" in rows.inner_text()
        customer.page.get_by_role("searchbox").fill("BIG")
        customer.press("Show")
        customer.page.get_by_text("No file is like that").wait_for()
        with customer.page.expect_download() as download:
            customer.press("Download CSV")
        report = download.value.path().read_text()
        assert report.startswith("DateTime,File,") and "big.bin,200,OK" in report

        dock.go(f"/console/dock/jobs/{job}")
        dock.fill("Carrier", "Pony Express")
        dock.fill("Tracking number", "1Z 999")
        dock.look("dock-return", sizes={"tablet": (820, 1180)})
        dock.press("Send back")
        dock.page.get_by_text("Sent back.", exact=True).wait_for()
        customer.go(f"/console/jobs/{job}")
        assert "Pony Express" in customer.text() and "1Z 999" in customer.text()
        customer.go("/console/jobs")
        customer.look("jobs")


def test_without_a_script_everything_essential_works(window, server, account, station, folder):
    customer = window(script=False)
    customer.sign_in(account)
    customer.go("/console/jobs/new")
    customer.option("deviceId", "NOSCRIPT")
    customer.press("Check", exact=True)
    assert "problems to solve" in customer.text() and "bucket" in customer.text()
    customer.option("bucket", account.bucket())
    customer.option("eraseDevice", "no")
    for name, text in ADDRESS.items():
        customer.option(f"returnAddress.{name}", text)
    customer.press("Check", exact=True)
    assert "This manifest is good" in customer.text()
    source = customer.page.locator("#source")
    source.fill(source.input_value() + "prefix: by-hand/\n")
    customer.press("Create job")
    job = job_of(customer)
    assert "by-hand/" in customer.text() and "Waiting for device" in customer.text()
    customer.press("Change the manifest")
    customer.option("prefix", "changed/")
    customer.press("Save the changes")
    assert job_of(customer) == job and "prefix: changed/" in customer.text()

    name, key = dock_key(server)
    dock = window(script=False)
    dock.sign_in_at_dock("Grace", name, key)
    dock.page.get_by_label("Job id").fill(job)
    dock.press("Find")
    dock.press("Receive")
    assert "Received." in dock.text()
    status = account.jobs().get_status(JobId=job)
    (folder / "SIGNATURE").write_text(status["SignatureFileContents"])
    station.load(folder)
    customer.go(f"/console/jobs/{job}/report")
    assert customer.page.locator("table.report tbody tr").count() == 4
    dock.go("/console/dock/board")
    dock.page.get_by_role("link", name=job).click()
    dock.fill("Carrier", "Pony Express")
    dock.fill("Tracking number", "1")
    dock.press("Send back")
    assert "Sent back." in dock.text()

    customer.go("/console/jobs/new")
    customer.page.locator("#source").fill(manifest(account.bucket()))
    customer.press("Create job")
    other = job_of(customer)
    customer.page.get_by_text("Cancel the job…").click()
    customer.press(f"Cancel job {other}")
    assert "You canceled the job" in customer.text()
    customer.press("Sign out")
    customer.go(f"/console/jobs/{job}")
    assert "Sign in" in customer.text() and job not in customer.text()


def test_hostile_names_do_nothing(window, account, create, station, folder):
    long = "n" * 255
    for name in (NASTY.replace("/", "_"), long, "a\nb", "'\"&;.txt"):
        disks.write(folder / name, b"x")
    job = create(account, logPrefix="l<i>/", prefix=NASTY.replace("/", "_"), deviceId=NASTY)
    station.load(job.sign(folder))
    customer = window()
    customer.sign_in(account)
    for path in (f"/console/jobs/{job.id}", f"/console/jobs/{job.id}/report"):
        customer.go(path)
        assert "Packhorse" in customer.page.title()
        assert "U+202E" in customer.text() and "<script>" in customer.text()
        customer.look(f"hostile-{path.count('/')}", sizes={"phone": (390, 844)})
    assert long in customer.text()
    customer.go("/console/jobs/new?type=%3Cscript%3E")
    customer.page.locator("#source").fill(f"bucket: {NASTY}\n{NASTY}: [\n")
    customer.page.get_by_text("to solve").wait_for()
    assert "owned" not in customer.page.title()


def test_a_session_that_ends_loses_nothing_and_a_double_click_makes_one_job(window, server, account):
    customer = window()
    customer.sign_in(account)
    customer.go("/console/jobs/new")
    text = manifest(account.bucket(), prefix="kept/")
    customer.page.locator("#source").fill(text)
    customer.context.clear_cookies()
    customer.press("Create job")
    assert "what you typed has been kept" in customer.text()
    assert account.jobs().list_jobs()["Jobs"] == []
    customer.fill("Access key id", account.access_key_id)
    customer.fill("Secret access key", account.secret_access_key)
    customer.press("Sign in", exact=True)
    customer.press("Go on editing")
    source = customer.page.locator("#source")
    assert source.input_value().strip() == text.strip()
    # The same form twice, as when the first answer was lost on the way.
    fields = dict(customer.page.locator("form.editor").evaluate("form => [...new FormData(form)]"))
    fields["intent"] = "send"
    send = customer.context.request.post
    target = f"{server.api}/console/jobs/new"
    answers = [send(target, form=fields, max_redirects=0) for _ in range(2)]
    assert [answer.status for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert len(account.jobs().list_jobs()["Jobs"]) == 1
    # Signing out ends it for whoever has a copy of the cookie, too.
    cookies = customer.context.cookies()
    customer.go("/console/jobs")
    customer.press("Sign out")
    customer.context.add_cookies(cookies)
    customer.go("/console/jobs")
    assert "Sign in" in customer.page.title()


def test_a_key_that_is_disabled_ends_its_session_at_once(window, server, account):
    customer = window()
    customer.sign_in(account)
    server.command("account", "disable", account.name)
    customer.go("/console/jobs")
    assert "Sign in" in customer.page.title()


def test_two_operators_and_a_wrong_scan(window, server, account, create):
    job = create(account)
    first, second = window(), window()
    name, key = dock_key(server)
    first.sign_in_at_dock("Ada", name, key)
    second.sign_in_at_dock("Bo", name, key)
    for operator in (first, second):
        operator.go(f"/console/dock/jobs/{job.id}")
    second.page.route("**/live", lambda route: route.abort())
    first.press("Receive")
    second.press("Receive")
    second.page.get_by_text("received this device before you").wait_for()
    assert f"Ada ({name})" in second.text()
    second.wrong.clear()
    first.go("/console/dock/find?id=%1B%00%2A%2A")
    assert "No job id in" in first.text()
    first.go("/console/dock/find?id=99999999")
    assert "There is no job 99999999" in first.text()
    first.go(f"/console/dock/jobs/{job.id}")
    first.page.get_by_text("A problem…").click()
    first.page.get_by_text("The device is damaged").click()
    first.fill("What you saw", "it rattles")
    first.look("dock-problem", sizes={"tablet": (820, 1180)})
    first.press("End the job")
    first.page.get_by_text("The job was ended.").wait_for()
    assert job.progress() == "DeviceError"


def test_pages_are_light(window, account):
    customer = window()
    customer.sign_in(account)
    assert customer.weight("/console/jobs/new") < PAGE_BYTES_MAX
