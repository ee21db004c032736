"""docs/API.md: every fenced example runs as it stands, and does what its section says."""

import html
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass

import pytest

from conformance.stage import FACILITY
from product import BINARY, ROOT, Server, clean_environment

DOCUMENT = ROOT / "docs" / "API.md"
EXAMPLE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SECONDS_MAX = 60
INTERPRETERS = {"sh": ["sh", "-eu", "-c"], "python": [sys.executable, "-c"]}
# Answers, which nobody runs.
SHOWN = ("xml",)
ACTIONS = ("CreateJob", "UpdateJob", "CancelJob", "GetStatus", "ListJobs", "GetShippingLabel")
# How each tool of an action's three examples begins.
TOOLS = ("curl ", "import boto3", "aws ")


@dataclass
class Example:
    """A fenced block and the section it is in."""

    section: str
    language: str
    text: str
    number: int

    def __str__(self):
        return f"{self.section}-{self.number}-{self.language}"


def examples():
    """All of them, in order."""
    for part in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        section = part.split("\n", 1)[0]
        for number, found in enumerate(EXAMPLE.finditer(part), 1):
            yield Example(section, *found.groups(), number)


RUN = [example for example in examples() if example.language not in SHOWN]


@pytest.fixture(scope="module")
def facility(scratch):
    """A server that knows where parcels go."""
    address = {f"PACKHORSE_FACILITY__{name}": value for name, value in FACILITY.items()}
    server = Server(scratch / "facility", **address).start()
    yield server
    server.stop()


@pytest.fixture
def account(facility):
    """A customer of it."""
    return facility.account()


@pytest.fixture
def customer(account, create, place):
    """An account with a bucket and a waiting job, its variables, and the manifest of the page."""
    job = create(account)
    variables = {
        **account.environment(),
        "AWS_ENDPOINT_URL_IMPORTEXPORT": account.server.api,
        "AWS_DEFAULT_REGION": "us-east-1",
        "BUCKET": job.bucket,
        "JOB": job.id,
        "PASSWORD": "correct horse; battery+staple",
    }
    environment = clean_environment(place, **variables)
    # The command line as an operator installs it, and the AWS CLI of the system.
    environment["PATH"] = os.pathsep.join(["/usr/bin", str(BINARY.parent), environment["PATH"]])

    def run(example):
        return subprocess.run(
            [*INTERPRETERS[example.language], example.text],
            env=environment,
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS_MAX,
        )

    first = run(RUN[0])
    assert first.returncode == 0, first.stderr
    return job, run


def created(job, _):
    jobs = job.account.jobs().list_jobs()["Jobs"]
    assert len(jobs) == 2, jobs


def updated(job, _):
    current = job.status()["CurrentManifest"]
    assert "jane@example.com" in current and job.before != current


def canceled(job, _):
    assert job.progress() == "Canceled"


def told_pending(_, output):
    assert "Pending" in output


def told_the_job(job, output):
    assert job.id in output


def kept(job, output):
    assert "<Success>true</Success>" in output
    assert "correct horse" not in job.status()["CurrentManifest"]


def linked(_, output):
    url = re.search(r"https?://[^\s<\"]+/artifacts/[^\s<\"]+", output)
    with urllib.request.urlopen(html.unescape(url.group()), timeout=SECONDS_MAX) as label:
        assert label.read(5) == b"%PDF-"


EFFECTS = {
    "CreateJob": created,
    "UpdateJob": updated,
    "CancelJob": canceled,
    "GetStatus": told_pending,
    "ListJobs": told_the_job,
    "GetShippingLabel": linked,
    "UnlockJob": kept,
}


@pytest.mark.parametrize("example", RUN, ids=str)
def test_the_example_runs_as_it_stands(customer, example):
    job, run = customer
    job.before = job.status()["CurrentManifest"]
    done = run(example)
    assert done.returncode == 0, f"{example.text}\n{done.stdout}\n{done.stderr}"
    assert job.account.secret_access_key not in done.stdout
    effect = told_pending if "--print-curl" in example.text else EFFECTS.get(example.section)
    if effect:
        effect(job, done.stdout)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_an_example_for_each_tool(action):
    texts = [example.text for example in RUN if example.section == action]
    for tool in TOOLS:
        assert any(text.startswith(tool) or f"\n{tool}" in text for text in texts), tool


@pytest.mark.parametrize("action", ACTIONS)
def test_the_curl_example_is_what_print_curl_prints(customer, account, place, action):
    job, _ = customer
    arguments = {
        "CreateJob": ["create", "manifest.yaml", "--type", "import"],
        "UpdateJob": ["update", job.id, "manifest.yaml", "--type", "import"],
        "CancelJob": ["cancel", job.id],
        "GetStatus": ["status", job.id],
        "ListJobs": ["list", "--limit", "100"],
        "GetShippingLabel": ["label", job.id],
    }[action]
    printed = subprocess.run(
        [BINARY, "job", *arguments, "--print-curl", "--endpoint", account.server.api],
        env=clean_environment(place),
        cwd=place,
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    shown = next(e.text for e in RUN if e.section == action and e.text.startswith("curl "))
    shown = shown.replace('"$AWS_ENDPOINT_URL_IMPORTEXPORT/"', f"{account.server.api}/")
    assert printed == shown.replace('"$JOB"', job.id)
