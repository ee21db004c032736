"""`station run`: devices come and go, several at once."""

import json
import signal
import threading

import pytest

import disks
from product import COMPLETE, Station, finish, free_port
from reports import assert_loaded, rows_of


class Watching:
    """A running `station run --output json`, and the events that it has told."""

    def __init__(self, station, inbox, *arguments):
        self.process = station.start(
            "run", "--server", station.server.api, "--no-hotplug", "--output", "json",
            "--devices", inbox / "*.img", *arguments,
        )
        self.events, self.told = [], threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        """Collects events until the end."""
        for line in self.process.stdout:
            with self.told:
                self.events.append(json.loads(line))
                self.told.notify_all()

    def wait(self, event, device=None, seconds=60, **fields):
        """The first such event."""
        wanted = {"event": event, **fields, **({"device": str(device)} if device else {})}

        def found():
            for told in self.events:
                if all(told.get(name) == value for name, value in wanted.items()):
                    return told
            return None

        with self.told:
            assert self.told.wait_for(found, seconds), (wanted, self.events, self.process.poll())
            return found()

    def stop(self):
        """SIGTERM: everything ends well, and soon."""
        self.process.send_signal(signal.SIGTERM)
        self.reader.join(30)
        stderr = self.process.stderr.read()
        assert self.process.wait(10) == COMPLETE, stderr
        assert "panicked at" not in stderr
        assert self.events[-1] == {"event": "stopped"}, self.events[-1]
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def inbox(place):
    """The watched folder."""
    inbox = place / "inbox"
    inbox.mkdir()
    return inbox


def quick(server, place):
    """A station that need not wait long for files or servers."""
    return Station(
        server, place / "state", PACKHORSE_STATION__SETTLE_SECONDS=0,
        PACKHORSE_STATION__RETRY_SECONDS=1,
    )


def test_devices_are_loaded_as_they_come_whatever_becomes_of_the_others(
    new_server, create, place, inbox
):
    server = new_server(listen=f"127.0.0.1:{free_port()}", s3_listen=f"127.0.0.1:{free_port()}")
    account = server.account()
    jobs = [create(account) for _ in range(3)]
    folders, images = [], []
    for number, job in enumerate(jobs):
        folder = job.sign(disks.many_small(place / f"disk{number}", 8, seed=number))
        folders.append(folder)
        images.append(disks.image(folder, place / f"{number}.img"))
    # The directory of the second one is damaged, and a fourth is no disk at all.
    junk = place / "junk.img"
    junk.write_bytes(b"nothing of interest" * 10_000)
    watching = Watching(quick(server, place), inbox)

    def drop(image):
        return image.rename(inbox / image.name)

    first, broken = drop(images[0]), drop(junk)
    loaded = watching.wait("loaded", first)
    assert loaded["job_id"] == jobs[0].id and loaded["failed"] == 0
    refused = watching.wait("not_loaded", broken)
    assert refused["is_refused"] and refused["again_in_seconds"] is None
    assert "nothing was changed" in refused["hint"]

    # The server is away when the next ones come.
    server.stop()
    second, third = drop(images[1]), drop(images[2])
    watching.wait("begun", second)
    watching.wait("begun", third)
    server.start()
    watching.wait("loaded", second)
    watching.wait("loaded", third)

    # A device that has gone and comes back is another one; one that stays is not loaded again.
    first.unlink()
    watching.wait("gone", first)
    watching.stop()
    begun = [event["device"] for event in watching.events if event["event"] == "begun"]
    assert begun.count(str(first)) == 1 and begun.count(str(broken)) == 1
    for job, folder in zip(jobs, folders):
        assert job.progress() == "Complete"
        assert_loaded(job.account, job.bucket, folder, rows_of(job.account, job.id))


def test_a_station_that_is_stopped_goes_on_where_it_was(account, create, server, place, inbox):
    job = create(account)
    folder = place / "disk"
    disks.large_file(folder / "large.bin", 6 * disks.MIB)
    image = disks.image(job.sign(folder), inbox / "disk.img")
    slow = Watching(quick(server, place), inbox, "--limit-rate", "300kB/s")
    slow.wait("begun", image)
    record = place / "state" / "jobs" / job.id / "load.json"
    disks_seen = threading.Event()
    while not record.exists() and slow.process.poll() is None:
        disks_seen.wait(0.02)
    slow.stop()
    assert slow.events[-2]["event"] == "not_loaded" and not slow.events[-2]["is_refused"]
    assert job.progress() == "InProgress"
    again = Watching(quick(server, place), inbox)
    assert again.wait("loaded", image)["job_id"] == job.id
    again.stop()
    assert_loaded(job.account, job.bucket, folder, rows_of(job.account, job.id))


def test_what_cannot_be_watched_is_refused(server, place):
    station = quick(server, place)
    nothing = station.start("run", "--server", server.api, "--no-hotplug")
    assert "nothing to watch" in finish(nothing, expect=1).stderr
    pattern = station.start("run", "--server", server.api, "--devices", "/dev/[")
    assert "no pattern" in finish(pattern, expect=1).stderr
    bays = station.start(
        "run", "--server", server.api, "--devices", "/nowhere/*", "--bays", 4
    )
    assert "--memory-bytes 67108864" in finish(bays, expect=1).stderr
