"""The clients of the suite: how each is started and what it cannot do, with the reason."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from product import ROOT

DRIVERS = ROOT / "clients" / "drivers"
ENVIRONMENTS = ROOT / ".venv" / "clients"
RUSTED = ROOT / "target" / "clients" / "debug" / "rusoto-driver"

# The text of the error's class, from the wire code.
BY_CODE = "{code}"
WITHOUT_SUFFIX = "{stem}"
RUBY = "AWS::ImportExport::Errors::{code}"


@dataclass(frozen=True, eq=False)
class Client:
    """One row of the table."""

    name: str
    command: tuple
    # What a typed error is called by the client; None: it only shows the code.
    typed: str | None = None
    # Whether it pages through ListJobs by itself.
    pages: bool = False
    # Whether a manifest arrives with the line ends it was given.
    keeps_crlf: bool = True
    # Whether it sends a request again that was refused with Throttling.
    retries: bool = False
    # Seconds are spent starting a process for each call: one request for each exception then.
    slow: bool = False
    # Actions and parameters that the client does not know.
    actions_absent: tuple = ()
    parameters_absent: tuple = ()
    # Characters that it cannot sign rightly.
    unsignable: str = ""
    # Exceptions that this client cannot get, with the reason.
    unreachable: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)

    def __str__(self):
        return self.name


def python(environment):
    return str(ENVIRONMENTS / environment / "bin" / "python")


def program(environment, name):
    return str(ENVIRONMENTS / environment / "bin" / name)


def botocore(name, interpreter, *variant, **facts):
    command = (interpreter, DRIVERS / "with_botocore.py", *variant)
    return Client(name, command, **facts)


def commands(name, *variant, **facts):
    command = (sys.executable, DRIVERS / "with_commands.py", *variant)
    return Client(name, command, **facts)


def node(name, *variant, **facts):
    environment = {"NODE_PATH": str(ENVIRONMENTS / "node" / "node_modules")}
    command = (shutil.which("node") or "node", DRIVERS / "with_node.js", *variant)
    return Client(name, command, environment=environment, **facts)


def boto2(name, verb):
    command = (python("boto3-of-2022"), DRIVERS / "with_boto2.py", verb)
    return Client(name, command)


OLD_AWS_CONFIG = {"AWS_CONFIG_FILE": str(DRIVERS / "aws-config-v2")}
SDK = {"pages": True, "retries": True}
CLI = {"pages": True, "retries": True, "keeps_crlf": False, "slow": True}

CLIENTS = [
    botocore("boto3", sys.executable, "boto3", "v4", typed=BY_CODE, **SDK),
    botocore("boto3-url", sys.executable, "boto3", "presigned"),
    botocore("boto3-2022", python("boto3-of-2022"), "boto3", "v4", typed=BY_CODE, **SDK),
    botocore("boto3-2022-v2", python("boto3-of-2022"), "boto3", "v2", typed=BY_CODE, **SDK),
    botocore("botocore-2015", python("botocore-of-2015"), "botocore", "v2", **SDK),
    commands("awscli-1", "awscli", program("awscli-1", "aws"), **CLI),
    commands("awscli-2", "awscli", "/usr/bin/aws", **CLI),
    commands("awscli-2-v2", "awscli", "/usr/bin/aws", environment=OLD_AWS_CONFIG, **CLI),
    boto2("boto2-get", "GET"),
    boto2("boto2-post", "POST"),
    node("js-v2", "aws-sdk", "v2", typed=BY_CODE, **SDK),
    node("js-v4", "aws-sdk", "v4", typed=BY_CODE, **SDK),
    node("aws2-get", "aws2", "GET", unsignable="!'()*"),
    node("aws2-post", "aws2", "POST", unsignable="!'()*"),
    Client(
        "ruby-1",
        ("/usr/bin/ruby", DRIVERS / "with_ruby.rb"),
        typed=RUBY,
        retries=True,
        actions_absent=("GetShippingLabel",),
        parameters_absent=("APIVersion",),
        unreachable={"InvalidVersionException": "it sends no APIVersion"},
    ),
    commands("curl", "curl", "curl"),
    commands("awscurl", "awscurl", program("boto3-of-2022", "awscurl"), slow=True),
    Client("rusoto", (RUSTED,), typed=WITHOUT_SUFFIX),
]


def missing():
    """What is not installed, for a message before the first test."""
    named = {Path(word) for client in CLIENTS for word in client.command[:1]}
    named |= {Path(client.command[-1]) for client in CLIENTS if "/" in str(client.command[-1])}
    named.add(ENVIRONMENTS / "node" / "node_modules" / "aws-sdk")
    return sorted(str(path) for path in named if "/" in str(path) and not path.exists())
