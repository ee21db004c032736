"""Several servers on one PostgreSQL: one truth, quotas together, and nothing lost when one of them, or
the database, goes away under load."""

import itertools
import json
import signal
import sqlite3
import tempfile
import threading
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conformance.stage import FACILITY
from conftest import Job
from manifests import manifest
from postgres import Postgres, SharingServer, dump
from product import Server, Station, free_port, run, wait_until

KEY = {"PACKHORSE_MASTER_KEY": "5a" * 32}
ADDRESS = {f"PACKHORSE_FACILITY__{name}": value for name, value in FACILITY.items()}
WRITERS = 4
# A client that asks this often in vain has found no server.
TRIES_MAX = 30


@pytest.fixture(scope="module")
def postgres():
    """One PostgreSQL for these tests."""
    folder = tempfile.mkdtemp(prefix="packhorse-pg-")
    server = Postgres(f"{folder}/pg").start()
    yield server
    server.remove()
    Path(folder).rmdir()


class Site:
    """An object store, two servers and one database."""

    def __init__(self, place, postgres):
        self.place, self.url = place, postgres.database()
        shared = {"PACKHORSE_DATABASE__URL": self.url, **KEY, **ADDRESS}
        # The embedded store of a third server stands for a store that stays up.
        self.store = SharingServer(place / "store", **shared).start()
        shared["PACKHORSE_OBJECT_STORE__ENDPOINT"] = self.store.s3
        self.servers = [
            SharingServer(
                place / name, f"127.0.0.1:{free_port()}", None, **shared
            )
            for name in ("one", "two")
        ]
        self.one, self.two = self.servers
        self.set(PACKHORSE_LIMITS__JOBS_PER_DAY=100_000)

    def set(self, **environment):
        """(Re)starts both servers with these settings."""
        for server in self.servers:
            server.stop()
            server.environment.update(environment)
            server.start()

    def account(self):
        """A customer with a bucket."""
        account = self.store.account()
        return account, account.bucket()

    def client(self, account, server):
        """An Import/Export client that never tries again by itself."""
        return account.client("importexport", server.api)

    def stop(self):
        """Stops all that still runs."""
        for server in (*self.servers, self.store):
            assert "panicked at" not in server.log_text(), server.log_text()[-4000:]
            server.stop()


@pytest.fixture
def site(place, postgres):
    """Two servers."""
    site = Site(place, postgres)
    yield site
    site.stop()


def create(client, bucket, job_type="Import"):
    """CreateJob."""
    return client.create_job(JobType=job_type, Manifest=manifest(bucket), ValidateOnly=False)


def test_two_servers_act_as_one(site, place, folder):
    account, bucket = site.account()
    one, two = (site.client(account, server) for server in site.servers)
    site.one.station_key = json.loads(
        site.store.command("station-key", "create", "dock").stdout
    )["key"]
    made = create(one, bucket)
    assert two.get_status(JobId=made["JobId"])["ProgressCode"] == "Pending"

    # A link that one server signed opens at the other.
    link = one.get_shipping_label(jobIds=[made["JobId"]], name="Jane", street1="1 A St",
                                  city="Anytown", stateOrProvince="WA", postalCode="91111", country="USA")
    link = link["ShippingLabelURL"]
    there = urllib.parse.urlsplit(site.two.api)
    link = urllib.parse.urlsplit(link)._replace(netloc=there.netloc).geturl()
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert answer.read(4) == b"%PDF"

    # Made at one, loaded through the other.
    job = Job(account, bucket, made)
    job.sign(folder)
    station = Station(site.two, place / "state", key=site.one.station_key)
    station.load(folder)
    assert one.get_status(JobId=job.id)["ProgressCode"] == "Complete"
    assert two.list_jobs()["Jobs"][0]["JobId"] == job.id

    # The quota is the account's, not the server's.
    site.set(PACKHORSE_LIMITS__JOBS_PER_DAY=4)
    clients = itertools.cycle(site.client(account, server) for server in site.servers)
    for _ in range(3):
        create(next(clients), bucket)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            create(next(clients), bucket)
        assert refused.value.response["Error"]["Code"] == "CreateJobQuotaExceededException"

    # Both sweep at their start; each job expires once.
    site.set(PACKHORSE_LIMITS__EXPIRY_DAYS=0)
    codes = lambda: Counter(  # noqa: E731
        row["what"] for table, row in dump(site.url, place, **KEY) if table == "events"
    )
    wait_until(lambda: codes()["Expire"] >= 3, "the jobs expire")
    assert codes() == {"Create": 4, "Claim": 1, "Complete": 1, "Expire": 3}
    verify(site, jobs=4)


def verify(site, jobs=None):
    """Every chain of events holds."""
    done = run("admin", "audit", "verify", "--database", site.url, "--output", "json",
               home=site.place, **KEY)
    verified = json.loads(done.stdout)
    assert verified["broken"] == []
    assert jobs is None or verified["jobs"] == jobs


class Writers:
    """Customers that create jobs without a pause, and go to the other server when one fails."""

    def __init__(self, site):
        self.site, self.stopping = site, threading.Event()
        self.account, self.bucket = site.account()
        self.made, self.failed, self.errors = [], Counter(), []
        self.threads = [threading.Thread(target=self._work, args=(n,)) for n in range(WRITERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _work(self, number):
        clients = [self.site.client(self.account, server) for server in self.site.servers]
        turn = itertools.count(number)
        while not self.stopping.is_set() and not self.errors:
            for _ in range(TRIES_MAX):
                try:
                    client = clients[next(turn) % len(clients)]
                    self.made.append(create(client, self.bucket)["JobId"])
                    break
                except ClientError as error:
                    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                    if status < 500:
                        self.errors.append(error)
                        return
                    self.failed[status] += 1
                except BotoCoreError as error:
                    self.failed[type(error).__name__] += 1
                self.stopping.wait(0.1)
            else:
                self.errors.append("no server answered")

    def go_on(self, count=15):
        """Waits until more jobs were made."""
        goal = len(self.made) + count
        wait_until(lambda: len(self.made) >= goal or self.errors, "jobs are made")
        assert self.errors == []

    def check(self):
        """Every confirmed job is there once; others are no more than the failures."""
        assert self.errors == []
        client, listed, marker = self.site.client(self.account, self.site.one), [], {}
        while True:
            page = client.list_jobs(MaxJobs=100, **marker)
            listed += [job["JobId"] for job in page["Jobs"]]
            if not page["IsTruncated"]:
                break
            marker = {"Marker": listed[-1]}
        assert len(set(listed)) == len(listed)
        assert len(set(self.made)) == len(self.made)
        assert set(self.made) <= set(listed)
        unconfirmed = len(listed) - len(self.made)
        assert unconfirmed <= sum(self.failed.values()), (unconfirmed, self.failed)
        verify(self.site, jobs=len(listed))
        print(f"{len(self.made)} jobs confirmed, {unconfirmed} more, failures: {dict(self.failed)}")


def test_a_killed_or_restarted_server_loses_and_doubles_nothing(site):
    with Writers(site) as writers:
        for server in site.servers:
            writers.go_on()
            server.kill()
            writers.go_on()
            server.start()
        writers.go_on()
        # An orderly stop answers what is in flight: a client meets a closed door, never an answer
        # that is lost.
        before = Counter(writers.failed)
        for server in site.servers:
            server.stop()
            writers.go_on()
            server.start()
        writers.go_on()
        during = writers.failed - before
        assert set(during) <= {"EndpointConnectionError", "ConnectionClosedError"}, during
    writers.check()


def test_a_database_that_crashes_under_load_loses_no_confirmed_job(site, postgres):
    with Writers(site) as writers:
        for _ in range(2):
            writers.go_on()
            postgres.stop(signal.SIGQUIT)
            postgres.start()
            writers.go_on()
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE pid <> pg_backend_pid() AND application_name = 'packhorse'")
        writers.go_on()
    writers.check()
    for server in site.servers:
        with urllib.request.urlopen(f"{server.api}/readyz", timeout=10) as answer:
            assert b"database: ready" in answer.read()


def test_a_site_moves_from_sqlite_to_postgres(place, postgres, folder):
    old = Server(place / "data").start()
    account = old.account()
    bucket = account.bucket()
    job = Job(account, bucket, create(account.jobs(), bucket))
    job.sign(folder)
    Station(old, place / "state").load(folder)
    waiting = create(account.jobs(), bucket)["JobId"]
    before = [job.lasting(), account.jobs().get_status(JobId=waiting)["Signature"]]
    url = postgres.database()

    def move(check=True):
        return old.command("admin", "migrate", "--to", url, check=check)

    in_use = move(check=False)
    assert in_use.returncode == 1 and "stop it" in in_use.stderr, in_use
    old.stop()
    moved = move()
    assert "every chain of events holds" in moved.stdout, moved
    assert url.split("?")[0].rpartition("/")[2] in moved.stderr, moved
    closed = old.command("account", "list", check=False)
    assert closed.returncode == 1 and "was moved" in closed.stderr, closed
    again = move(check=False)
    assert again.returncode == 1, again

    new = Server(place / "data", PACKHORSE_DATABASE__URL=url).start()
    account.server = new
    after = [job.lasting(), account.jobs().get_status(JobId=waiting)["Signature"]]
    assert after == before
    assert [found["JobId"] for found in account.jobs().list_jobs()["Jobs"]] == [waiting, job.id]
    third = create(account.jobs(), bucket)["JobId"]
    assert account.jobs().list_jobs()["Jobs"][0]["JobId"] == third
    new.stop()

    # Back into a file, by way of a dump.
    text = new.command("admin", "export", "--database", url).stdout
    (place / "dump.jsonl").write_text(text)
    back = f"sqlite://{place / 'back.db'}"
    new.command("admin", "import", place / "dump.jsonl", "--database", back)
    again = new.command("admin", "export", "--database", back).stdout
    rows = lambda text: sorted(text.splitlines()[1:])  # noqa: E731
    assert rows(again) == rows(text)
    with sqlite3.connect(place / "back.db") as database:
        database.execute("UPDATE events SET detail = 'nothing' WHERE what = 'Claim'")
    broken = new.command("admin", "audit", "verify", "--database", back, check=False)
    assert broken.returncode == 1 and job.id in broken.stdout, broken


def test_the_doctor_says_what_is_wrong(place, postgres):
    server = Server(place / "data", PACKHORSE_DATABASE__URL=postgres.database()).start()
    healthy = examine(server, PACKHORSE_DATABASE__URL=server.environment["PACKHORSE_DATABASE__URL"])
    assert healthy["database"]["level"] == healthy["master key"]["level"] == "ok", healthy
    sick = examine(
        server,
        status=1,
        PACKHORSE_DATABASE__URL="postgres://me:swordfish@127.0.0.1:1/x",
        PACKHORSE_OBJECT_STORE__ENDPOINT="http://127.0.0.1:1",
    )
    assert sick["database"]["level"] == sick["object store"]["level"] == "fail", sick
    assert "swordfish" not in json.dumps(sick)
    (place / "data" / "master.key").chmod(0o644)
    exposed = examine(server, status=1)
    assert exposed["master key"]["level"] == "fail" and "database" not in exposed
    server.stop()


def examine(server, status=0, **environment):
    """What `admin doctor` finds, by check; each trouble comes with advice."""
    done = server.command("admin", "doctor", "--output", "json", check=False, **environment)
    assert done.returncode == status, (done.stdout, done.stderr)
    findings = json.loads(done.stdout)
    assert all(("advice" in finding) == (finding["level"] != "ok") for finding in findings)
    return {finding["check"]: finding for finding in findings}
