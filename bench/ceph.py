"""A Ceph RADOS gateway on this machine: one monitor, one OSD in memory, one gateway, no root needed.

The programs are those of the packages in PACKAGES. memstore frees memory only at its end, so a run
of a few GiB needs as much memory.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from product import free_port

PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30
MEMORY_BYTES = 12 << 30

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data = {folder}/mon
osd data = {folder}/osd
run dir = {folder}
pid file = {folder}/$name.pid
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
osd objectstore = memstore
memstore device bytes = {memory}
[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
# Without it, and without cephx, the gateway never finds the monitor.
ms mon client mode = crc
"""


def missing():
    """The programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextlib.contextmanager
def gateway(work):
    """The gateway, as long as it is needed; gives its address, a user's key pair and the ids of
    its processes. What the daemons say is in `work`."""
    if absent := missing():
        names = " ".join(PACKAGES)
        raise SystemExit(
            f"error: {', '.join(absent)} not found\nhint: apt-get install -y --no-install-recommends {names}"
        )
    # Short: its admin socket's path may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ceph-", dir=work))
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    port, key = free_port(), ("AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20))
    cluster = Cluster(folder, port)
    try:
        cluster.start()
        cluster.user(key)
        cluster.serve()
        yield f"http://127.0.0.1:{port}", key, cluster.processes()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """The daemons below one folder. They go to the background by themselves and leave their ids."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.fsid, self.mon_v2, self.mon_v1 = str(uuid.uuid4()), free_port(), free_port()
        self.path = folder / "ceph.conf"
        self.path.write_text(
            CONFIGURATION.format(
                fsid=self.fsid,
                mon_v2=self.mon_v2,
                mon_v1=self.mon_v1,
                folder=folder,
                memory=MEMORY_BYTES,
                port=port,
            )
        )

    def call(self, program, *arguments):
        """Runs one program to its end."""
        done = subprocess.run(
            [program, "-c", str(self.path), *map(str, arguments)],
            env={**os.environ, "CEPH_CONF": str(self.path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_SECONDS_MAX,
        )
        if done.returncode != 0:
            raise SystemExit(f"error: {program} {arguments}: {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def start(self):
        """The monitor and the one OSD."""
        addresses = f"[v2:127.0.0.1:{self.mon_v2},v1:127.0.0.1:{self.mon_v1}]"
        monmap = self.folder / "monmap"
        self.call("monmaptool", "--create", "--addv", "a", addresses, "--fsid", self.fsid, monmap)
        self.call("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self.call("ceph-mon", "-i", "a")
        osd = str(uuid.uuid4())
        self.call("ceph", "osd", "new", osd)
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.call("ceph-osd", "-i", "0")

    def user(self, key):
        """Somebody who may make buckets."""
        self.call(
            "radosgw-admin",
            "user",
            "create",
            "--uid=packhorse",
            "--display-name=packhorse",
            f"--access-key={key[0]}",
            f"--secret-key={key[1]}",
        )

    def serve(self):
        """The gateway; returns when it answers."""
        self.call("radosgw", "-n", "client.rgw", "--no-mon-config")
        deadline = time.monotonic() + START_SECONDS_MAX
        while not answers(f"http://127.0.0.1:{self.port}/"):
            if time.monotonic() > deadline:
                raise SystemExit("error: the gateway does not answer")
            time.sleep(0.1)

    def processes(self):
        """The daemons' ids."""
        return [int(path.read_text()) for path in self.folder.glob("*.pid")]

    def stop(self):
        """Ends them all."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for pid in self.processes():
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def answers(url):
    """Whether somebody speaks HTTP there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
