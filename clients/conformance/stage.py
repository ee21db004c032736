"""What the cases find: servers, accounts, and jobs in the states that exceptions need."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import disks
from conformance.driver import Access
from faultproxy import Answer, FaultProxy
from manifests import manifest
from product import Account, Server, Station, wait_until

PAGED_JOBS = 2_500
CREATING_AT_ONCE = 8
# Jobs in one parcel, and how many names are given of them (some twice): two digits in the last.
PARCEL_JOBS = 4
PARCEL_NAMES = 11
FACILITY = {
    "NAME": "Example Facility",
    "STREET1": "1 Dock Road",
    "CITY": "Anytown",
    "STATE_OR_PROVINCE": "WA",
    "POSTAL_CODE": "91111",
    "COUNTRY": "USA",
    "PHONE_NUMBER": "206-555-1000",
}
ELSEWHERE = "in-another-region"


def access(account: Account):
    """The account, as a driver is told of it."""
    return Access(account.server.api, account.access_key_id, account.secret_access_key)


def make_job(account, bucket, **options):
    """The id of a new import job."""
    made = account.jobs().create_job(
        JobType="Import", Manifest=manifest(bucket, **options), ValidateOnly=False
    )
    return made["JobId"]


def let_jobs_expire(server):
    """Every job that waits for its device has expired, as if a month had passed."""
    server.stop()
    server.environment["PACKHORSE_LIMITS__EXPIRY_DAYS"] = 0
    server.start()
    wait_until(lambda: "the job expired" in server.log_text(), "jobs have expired")
    server.stop()
    del server.environment["PACKHORSE_LIMITS__EXPIRY_DAYS"]
    server.start()


class Stage:
    """One server for all that succeeds, one with narrow limits and a store of two regions, one that
    lets a key ask once in a second."""

    def __init__(self, place):
        self.place = place
        facility = {f"PACKHORSE_FACILITY__{name}": value for name, value in FACILITY.items()}
        quota = {"PACKHORSE_LIMITS__JOBS_PER_DAY": 100_000}
        self.server = Server(place / "server", **facility, **quota)
        self._make_jobs_in_every_state()
        self._start_the_strict_server()
        self.busy_server = Server(place / "busy", PACKHORSE_LIMITS__REQUESTS_PER_SECOND=1).start()

    def _make_jobs_in_every_state(self):
        self.server.start()
        self.owner = self.server.account()
        self.bucket = self.owner.bucket()
        self.closed_bucket = self.server.account().bucket()
        self.canceled = make_job(self.owner, self.bucket)
        self.owner.jobs().cancel_job(JobId=self.canceled)
        self.complete = self._loaded_job()
        self.expired = make_job(self.owner, self.bucket)
        let_jobs_expire(self.server)
        self.fresh = make_job(self.owner, self.bucket)
        parcel = [make_job(self.owner, self.bucket) for _ in range(PARCEL_JOBS)]
        self.parcel = (parcel * PARCEL_NAMES)[:PARCEL_NAMES]
        self.access = access(self.owner)

    def _loaded_job(self):
        job = make_job(self.owner, self.bucket, logPrefix="logs/")
        disk = self.place / "disk"
        disks.write(disk / "a.txt", b"content\n")
        signed = self.owner.jobs().get_status(JobId=job)["SignatureFileContents"]
        disks.write(disk / "SIGNATURE", signed.encode())
        Station(self.server, self.place / "station").load(disk)
        return job

    def _start_the_strict_server(self):
        def plan(request):
            return Answer(301, "PermanentRedirect") if ELSEWHERE in request.target else None

        self.proxy = FaultProxy(self.server.s3, plan)
        self.strict_server = Server(
            self.place / "strict",
            s3_listen=None,
            PACKHORSE_OBJECT_STORE__ENDPOINT=self.proxy.url,
            PACKHORSE_LIMITS__JOBS_PER_DAY=2,
            PACKHORSE_LIMITS__CLOSED_JOB_DAYS=0,
        ).start()
        key = (self.owner.access_key_id, self.owner.secret_access_key)
        account = self.strict_server.account(key=key)
        self.strict_canceled = make_job(account, self.bucket)
        account.jobs().cancel_job(JobId=self.strict_canceled)
        self.strict_expired = make_job(account, self.bucket)
        let_jobs_expire(self.strict_server)
        self.strict_access = access(account)

    @cached_property
    def listed(self):
        """An account with three jobs, newest first; the middle one is canceled."""
        account = self.server.account()
        bucket = account.bucket()
        jobs = [make_job(account, bucket) for _ in range(3)][::-1]
        account.jobs().cancel_job(JobId=jobs[1])
        return access(account), jobs

    @cached_property
    def paged(self):
        """An account with so many jobs that they do not fit on two pages of any size, and their
        ids in order."""
        account = self.server.account()
        bucket = account.bucket()
        client, text = account.jobs(max_pool_connections=CREATING_AT_ONCE), manifest(bucket)

        def make(_):
            return client.create_job(JobType="Import", Manifest=text, ValidateOnly=False)["JobId"]

        with ThreadPoolExecutor(CREATING_AT_ONCE) as pool:
            made = set(pool.map(make, range(PAGED_JOBS)))
        assert len(made) == PAGED_JOBS
        return access(account), made

    def close(self):
        """Stops the servers, which must still be well."""
        for server in (self.server, self.strict_server, self.busy_server):
            assert "panicked at" not in server.log_text(), server.log_text()[-8000:]
            server.stop()
        self.proxy.close()
