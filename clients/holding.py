"""Loads that wait in the middle until a test lets them go."""

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

import disks
from conftest import Job
from faultproxy import FaultProxy, Hold
from product import Server, Station, finish
from reports import assert_same_bytes

HELD = "held.bin"


@dataclass
class Held:
    """A load whose upload of one file waits until the gate opens."""

    server: Server
    owner: object
    job: Job
    folder: Path
    station: Station
    loading: object
    gate: threading.Event

    def finish(self):
        """Opens the gate and sees the load to its end."""
        self.gate.set()
        finish(self.loading)
        assert self.job.progress() == "Complete"
        assert_same_bytes(self.owner.s3(), self.job.bucket, HELD, self.folder / HELD)

    def worker(self):
        """The process that reads the device."""
        parent = self.loading.pid
        children = Path(f"/proc/{parent}/task").glob("*/children")
        (worker,) = [int(pid) for child in children for pid in child.read_text().split()]
        return worker


@contextlib.contextmanager
def held_load(new_server, create, place, **environment):
    """Starts a load and waits until it is held."""
    store = new_server()
    gate, reached = threading.Event(), threading.Event()

    def plan(request):
        if request.method == "PUT" and HELD in request.target:
            reached.set()
            return Hold(gate)
        return None

    with FaultProxy(store.s3, plan) as proxy:
        server = new_server(s3_listen=None, PACKHORSE_OBJECT_STORE__ENDPOINT=proxy.url)
        owner = store.account()
        account = server.account(key=(owner.access_key_id, owner.secret_access_key))
        job = create(account, bucket=owner.bucket())
        folder = job.sign(disks.many_small(place / "disk", 5))
        disks.write(folder / HELD, b"kept waiting\n" * 100)
        station = Station(server, place / "state", **environment)
        loading = station.start_load(folder)
        try:
            assert reached.wait(60), "the file is never sent"
            yield Held(server, owner, job, folder, station, loading, gate)
        finally:
            gate.set()
            if loading.poll() is None:
                loading.kill()
                loading.communicate()
