"""Each device is read by a process of its own, which can break down without breaking anything else."""

import json
import os
import signal
from pathlib import Path

import disks
import encrypted
from holding import held_load
from product import COMPLETE, FAILED, REFUSED, Station, finish, wait_until
from reports import by_file, parse, report_text


def of_process(pid, name):
    """A file of the kernel about a process."""
    return Path(f"/proc/{pid}/{name}").read_bytes()


def test_a_worker_has_no_secrets_to_show_and_is_held_to_its_limits(held):
    worker = held.worker()
    key = held.station.key.encode()
    for name in ("environ", "cmdline"):
        shown = of_process(worker, name)
        assert key not in shown and held.owner.secret_access_key.encode() not in shown
        assert b"STATION_KEY" not in shown
    limits = {
        line[:26].strip(): line[26:].split()
        for line in of_process(worker, "limits").decode().splitlines()
    }
    assert limits["Max core file size"][:2] == ["0", "0"]
    assert limits["Max data size"][:2] == [str((48 << 20) + (2 << 30))] * 2
    assert int(limits["Max open files"][1]) <= 4096
    assert b"NoNewPrivs:\t1" in of_process(worker, "status")
    held.finish()


def test_a_worker_that_is_killed_leaves_its_job_to_be_resumed(held):
    os.kill(held.worker(), signal.SIGKILL)
    done = finish(held.loading, expect=FAILED)
    assert "signal 9" in done.stderr and "station resume" in done.stderr
    assert held.job.progress() == "InProgress"
    held.gate.set()
    held.station.resume()
    assert held.job.progress() == "Complete"


def test_a_worker_goes_with_its_station(held):
    worker = held.worker()
    held.loading.kill()
    held.loading.communicate()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "the worker is gone", seconds=5)
    held.gate.set()
    held.station.resume()
    assert held.job.progress() == "Complete"


def assert_ended_with_a_report(held, done):
    """DeviceError, and a report in which what was not loaded has failed."""
    assert "DeviceError" in done.stderr, done.stderr
    assert held.job.progress() == "DeviceError"
    store = held.owner.server.s3
    rows = by_file(parse(report_text(held.job.account, held.job.id, endpoint=store)))
    assert rows["held.bin"]["Status"] == "500", rows
    assert set(rows) >= {"SIGNATURE", "held.bin"}
    assert "nothing to resume" in held.station.resume().stderr


def test_a_device_that_breaks_its_worker_ends_its_job_with_a_report(held):
    os.kill(held.worker(), signal.SIGABRT)
    assert_ended_with_a_report(held, finish(held.loading, expect=REFUSED))


def test_a_device_that_hangs_ends_its_job_with_a_report(new_server, create, place):
    limit = {"PACKHORSE_STATION__WORKER_STALL_SECONDS": 2}
    with held_load(new_server, create, place, **limit) as held:
        os.kill(held.worker(), signal.SIGSTOP)
        done = finish(held.loading, expect=REFUSED, timeout=30)
        assert "no sign of life" in done.stderr
        assert_ended_with_a_report(held, done)


def test_a_worker_has_no_more_memory_than_it_is_given(account, create, server, place, folder):
    job = create(account, trueCryptPassword="password")
    plain = disks.image(job.sign(folder), place / "plain.img")
    device = encrypted.luks2(plain, place / "luks.img", "password", memory_kib=300 << 10)
    limit = {"PACKHORSE_STATION__WORKER_MEMORY_BYTES": 128 << 20}
    done = Station(server, place / "small", **limit).load(device, job=job.id, expect=REFUSED)
    assert "out of memory" in done.stderr, done.stderr
    assert job.progress() == "Pending"
    Station(server, place / "usual").load(device, job=job.id)
    assert job.progress() == "Complete"


def test_a_load_says_what_its_worker_was_held_to(account, create, server, station, folder):
    job = create(account)
    loading = station.start(
        "load", job.sign(folder), "--server", server.api, "--output", "json"
    )
    protections = json.loads(finish(loading).stdout)["protections"]
    assert protections["no_new_privileges"] is True
    assert protections["memory_bytes"] == (48 << 20) + (2 << 30)
    assert protections["landlock"] in ("full", "partial", "none")


def test_a_station_may_insist_on_the_whole_sandbox(account, create, server, place, folder):
    job = create(account)
    strict = Station(server, place / "strict", PACKHORSE_STATION__SANDBOX="require")
    loading = strict.start_load(job.sign(folder))
    said = loading.communicate(timeout=60)[1]
    # Whether the kernel has Landlock is the kernel's affair; a refusal says so and changes nothing.
    if loading.returncode == FAILED:
        assert "Landlock" in said and job.progress() == "Pending", said
    else:
        assert loading.returncode == COMPLETE and job.progress() == "Complete", said
