"""A hundred thousand malformed requests: the server stays up and small, and nothing changes."""

import random
import socket
import time
import urllib.parse
from typing import NamedTuple

from manifests import manifest
from test_exceptions import dump

REQUESTS = 100_000
BATCH = 100
# The allocator has its largest working set after a while; from then on nothing may be added.
WARM_UP = 20_000
GROWTH_KIB_MAX = 6 * 1024
SEED = 20100601
# More than there are turns for large bodies.
SLOW_SENDERS = 64


class Keys(NamedTuple):
    """Names that the server knows; what they are used for is wrong all the same."""

    customer: str
    station: str


def text_of(chance):
    """A text of letters that parsers care about."""
    letters = "%&=+;?/\\\"'<>]]>\x00\x01\x7f\u00e9\U0001f4a9 aZ09-_.~\r\n"
    return "".join(chance.choice(letters) for _ in range(chance.randint(0, 60)))


def wire(text):
    """The text as it may stand in a request line or header."""
    return text.encode("utf-8", "replace").translate(None, b" \r\n\x00\x7f\x01")


def request(chance, keys):
    """One request that no server should carry out, complete as HTTP."""
    junk = text_of(chance)
    quoted = urllib.parse.quote(junk)
    target, headers, body = b"/", b"", b""
    kind = chance.randint(0, 9)
    if kind == 0:
        target += b"?" + wire(urllib.parse.quote(junk, safe="%&=+;?/"))
    elif kind == 1:
        body = junk.encode()
    elif kind == 2:
        body = f"Action=CreateJob&JobType=Import&Manifest={quoted}".encode()
    elif kind == 3:
        body = f"Action=CancelJob&Action=CancelJob&JobId={quoted}".encode()
    elif kind == 4:
        body = (
            f"Action=ListJobs&AWSAccessKeyId={quoted}&SignatureVersion=2"
            f"&SignatureMethod=HmacSHA256&Timestamp={quoted}&Signature={quoted}"
        ).encode()
    elif kind == 5:
        headers = b"Authorization: AWS4-HMAC-SHA256 " + wire(junk) + b"\r\n"
    elif kind == 6:
        scope = f"{keys.customer}/20260101/us-east-1/importexport/aws4_request"
        headers = (
            f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, "
            f"Signature={chance.randbytes(32).hex()}\r\nX-Amz-Date: 20260101T000000Z\r\n"
        ).encode()
        body = b"Action=ListJobs"
    elif kind == 7:
        target = b"/desk/v1/" + chance.choice([b"claim", b"jobs/" + wire(quoted) + b"/finish"])
        # Who has no station's key is refused before anything of the body is read.
        known = chance.random() < 0.5
        bearer = keys.station if known else chance.randbytes(32).hex()
        headers = f"Authorization: Bearer {bearer}\r\n".encode()
        body = b'{"signature": ' + junk.encode() if known else b""
    elif kind == 8:
        body = b"&".join(b"p%d=1" % number for number in range(300))
    else:
        headers = b"Content-Type: application/json\r\n"
        body = b'{"Action": "ListJobs"}'
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n"
    return head % (target, headers, len(body)) + body


class Connection:
    """A kept connection; answers are read one by one."""

    def __init__(self, api):
        address = urllib.parse.urlsplit(api)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=30)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def status(self):
        """Reads one answer; returns its status."""
        line = self.file.readline()
        assert line, "the server closed a connection that was in order"
        length = 0
        while (field := self.file.readline()) != b"\r\n":
            if field.lower().startswith(b"content-length:"):
                length = int(field.split(b":")[1])
        assert len(self.file.read(length)) == length
        return int(line.split()[1])

    def close(self):
        self.file.close()
        self.socket.close()


def resident_kib(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def test_a_flood_of_malformed_requests_changes_nothing(new_server):
    server = new_server()
    account = server.account()
    text = manifest(account.bucket())
    job = account.jobs().create_job(JobType="Import", Manifest=text, ValidateOnly=False)
    chance = random.Random(SEED)
    # The same few thousand again and again: making them costs more than answering them.
    keys = Keys(account.access_key_id, server.key())
    batches = [[request(chance, keys) for _ in range(BATCH)] for _ in range(30)]
    before = dump(server)
    connection, sizes = Connection(server.api), []
    for number in range(REQUESTS // BATCH):
        batch = batches[number % len(batches)]
        connection.send(b"".join(batch))
        for sent in batch:
            status = connection.status()
            assert 400 <= status < 500, (status, sent)
        if number * BATCH >= WARM_UP and number % 50 == 0:
            sizes.append(resident_kib(server.process))
    connection.close()
    assert max(sizes) - sizes[0] < GROWTH_KIB_MAX, sizes
    assert dump(server) == before
    assert account.jobs().get_status(JobId=job["JobId"])["ProgressCode"] == "Pending"
    assert " ERROR " not in server.log_text()


def test_bytes_that_are_no_http_end_their_connection_alone(new_server):
    server = new_server()
    account = server.account()
    chance = random.Random(SEED)
    for _ in range(300):
        address = urllib.parse.urlsplit(server.api)
        with socket.create_connection((address.hostname, address.port), timeout=30) as raw:
            raw.sendall(b"\x16\x03\x01" + chance.randbytes(chance.randint(1, 2000)) + b"\r\n\r\n")
            raw.shutdown(socket.SHUT_WR)
            answer = raw.makefile("rb").read()
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), answer
    assert account.jobs().list_jobs()["Jobs"] == []


def test_slow_senders_of_large_bodies_do_not_keep_others_away(new_server):
    server = new_server()
    account = server.account()
    bucket = account.bucket()
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    slow = [Connection(server.api) for _ in range(SLOW_SENDERS)]
    for connection in slow:
        # Enough for a turn, and then nothing more.
        connection.send(head + b"x" * 70_000)
    started = time.monotonic()
    long = manifest(bucket) + "# a comment that makes it long\n" * 10_000
    client = account.jobs(retries={"mode": "standard"})
    job = client.create_job(JobType="Import", Manifest=long, ValidateOnly=False)
    assert time.monotonic() - started < 30
    assert client.get_status(JobId=job["JobId"])["CurrentManifest"] == long
    assert slow[0].status() == 400
    for connection in slow:
        connection.close()
    assert " ERROR " not in server.log_text()
