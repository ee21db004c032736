"""TLS of the server: who is let in, a renewed certificate, and what is refused."""

import datetime
import http.client
import ipaddress
import os
import socket
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from manifests import manifest
from product import FAILED, Station, finish, run, wait_until

# The server looks at its files every 5 seconds.
RENEWED_SECONDS_MAX = 20


class Authority:
    """An authority of our own, which makes certificates for 127.0.0.1."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        builder = self._builder(self.name, self.key, 1)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = builder.add_extension(constraints, critical=True).sign(
            self.key, hashes.SHA256()
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, name, key, serial):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )

    def issue(self, serial):
        """Writes cert.pem and key.pem, each put in its place whole."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dock")])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = (
            self._builder(name, key, serial)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for file, data in ("cert.pem", certificate.public_bytes(pem)), ("key.pem", secret):
            (self.folder / "new").write_bytes(data)
            os.replace(self.folder / "new", self.folder / file)
        return self.folder / "cert.pem", self.folder / "key.pem"


@pytest.fixture
def authority(place):
    return Authority(place)


@pytest.fixture
def server(new_server, authority):
    cert, key = authority.issue(serial=2)
    return new_server(PACKHORSE_SERVER__TLS_CERT=str(cert), PACKHORSE_SERVER__TLS_KEY=str(key))


def jobs(account, authority):
    return boto3.client(
        "importexport",
        endpoint_url=account.server.api,
        region_name="us-east-1",
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        verify=str(authority.file) if authority else True,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_disk_is_loaded_with_tls_from_job_to_report(server, authority, account, folder, place):
    assert server.api.startswith("https://"), server.ready
    bucket = account.bucket()
    client = jobs(account, authority)
    job = client.create_job(JobType="Import", Manifest=manifest(bucket), ValidateOnly=False)
    link = job["ArtifactList"][0]["URL"]
    assert link.startswith(server.api), link
    trusted = ssl.create_default_context(cafile=authority.file)
    with urllib.request.urlopen(link, context=trusted) as paper:
        assert paper.status == 200
    (folder / "SIGNATURE").write_text(job["SignatureFileContents"])
    stranger = Station(server, place / "strange").start_load(folder, retry_for=0)
    assert "certificate" in finish(stranger, expect=FAILED).stderr.lower()
    Station(server, place / "state", SSL_CERT_FILE=authority.file).load(folder)
    assert client.get_status(JobId=job["JobId"])["ProgressCode"] == "Complete"


def test_who_does_not_know_the_authority_does_not_talk(account):
    with pytest.raises(SSLError):
        jobs(account, None).list_jobs()


def test_plain_http_gets_nowhere_and_hurts_nobody(server, account, authority):
    plain = server.api.replace("https://", "http://")
    with pytest.raises((OSError, http.client.HTTPException)):
        urllib.request.urlopen(f"{plain}/healthz", timeout=20)
    assert jobs(account, authority).list_jobs()["Jobs"] == []


def serial(server, authority):
    """The number of the certificate that new connections get."""
    address = urlsplit(server.api)
    trusted = ssl.create_default_context(cafile=authority.file)
    with socket.create_connection((address.hostname, address.port), timeout=20) as tcp:
        with trusted.wrap_socket(tcp, server_hostname=address.hostname) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True)).serial_number


def test_a_renewed_certificate_is_used_without_a_restart(server, authority):
    assert serial(server, authority) == 2
    (authority.folder / "key.pem").write_text("half a key")
    authority.issue(serial=3)
    renewed = lambda: serial(server, authority) == 3  # noqa: E731
    wait_until(renewed, "the new certificate in use", RENEWED_SECONDS_MAX)


def refused(place, **settings):
    settings = {f"PACKHORSE_SERVER__{name.upper()}": value for name, value in settings.items()}
    done = run("serve", "--data-dir", place / "none", home=place, check=False, **settings)
    assert done.returncode == 1 and not done.stdout, done
    return done.stderr


def test_what_is_no_certificate_is_refused_at_the_start(place, authority):
    cert, key = authority.issue(serial=2)
    local = {"listen": "127.0.0.1:0", "s3_listen": "127.0.0.1:0"}
    half = refused(place, tls_cert=cert, **local)
    assert "server.tls_key is not" in half
    swapped = refused(place, tls_cert=key, tls_key=cert, **local)
    assert "a certificate" in swapped and str(key) in swapped
    other = place / "other.pem"
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    foreign = refused(place, tls_cert=cert, tls_key=other, **local)
    assert str(other) in foreign and "PRIVATE" not in foreign
    missing = refused(place, tls_cert=place / "nothing.pem", tls_key=key, **local)
    assert "nothing.pem" in missing


def test_plain_http_leaves_this_machine_only_when_forced(place, new_server):
    open_to_all = refused(place, listen="0.0.0.0:0", s3_listen="127.0.0.1:0")
    assert "server.tls_cert" in open_to_all and "allow_plain_http" in open_to_all
    store = refused(place, listen="127.0.0.1:0", s3_listen="0.0.0.0:0")
    assert "s3_listen" in store
    forced = new_server(listen="0.0.0.0:0", PACKHORSE_SERVER__ALLOW_PLAIN_HTTP="true")
    with urllib.request.urlopen(f"{forced.api}/healthz", timeout=20) as answer:
        assert answer.status == 200


def test_a_server_told_to_stop_sends_clients_elsewhere_first(new_server):
    server = new_server(PACKHORSE_SERVER__DRAIN_SECONDS="3")
    kept = socket.create_connection(
        (urlsplit(server.api).hostname, urlsplit(server.api).port), timeout=20
    )
    stream = kept.makefile("rwb")

    def ask(path):
        stream.write(f"GET {path} HTTP/1.1\r\nHost: dock\r\n\r\n".encode())
        stream.flush()
        status = int(stream.readline().split()[1])
        headers = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        stream.read(int(headers["content-length"]))
        return status, headers.get("connection")

    assert ask("/readyz") == (200, None)
    server.process.terminate()

    def stopping():
        try:
            with urllib.request.urlopen(f"{server.api}/readyz", timeout=20):
                return False
        except urllib.error.HTTPError as error:
            return error.code == 503 and error.headers["connection"] == "close"

    wait_until(stopping, "/readyz says no", seconds=3)
    assert ask("/healthz") == (200, "close")
    # A second signal would end it at once.
    assert server.process.wait(timeout=20) == 0
    server.process = None
