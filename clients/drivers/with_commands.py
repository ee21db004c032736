"""Driver for clients that are commands: `with_commands.py awscli|curl|awscurl PROGRAM`.

One process for each call, as a person or a script would start it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from urllib.parse import urlencode

import lines

FAMILY, PROGRAM = sys.argv[1:]
REGION = "us-east-1"
SECONDS_MAX = 60
REFUSED = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: (.*)", re.S)


def run(command, access, **options):
    keys = {
        "AWS_ACCESS_KEY_ID": access["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": access["secret_access_key"],
    }
    return subprocess.run(
        command,
        env={**os.environ, **keys},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS_MAX,
        encoding="utf-8",
        **options,
    )


def hyphened(name, street):
    """phoneNumber -> phone-number; the streets are spelt differently by version."""
    if name.startswith("street"):
        return street + name[-1]
    return re.sub("(?<=[a-z])(?=[A-Z])|(?<=API)(?=V)", "-", name).lower()


def awscli(request):
    """`aws importexport …`, the manifest in a file as its users keep it."""
    access, params = request["access"], dict(request["params"])
    action = hyphened(request["action"], "")
    command = [PROGRAM, "--endpoint-url", access["endpoint"], "--region", REGION]
    command += ["--output", "json", "importexport", action]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8", newline="") as file:
        if params.get("Manifest"):
            file.write(params.pop("Manifest"))
            file.flush()
            command += ["--manifest", f"file://{file.name}"]
        for name, value in params.items():
            option = hyphened(name, STREET)
            if isinstance(value, bool):
                command.append(f"--{option}" if value else f"--no-{option}")
            elif isinstance(value, list):
                command += [f"--{option}", *value]
            else:
                command += [f"--{option}", str(value)]
        if "page_size" in request:
            command += ["--page-size", str(request["page_size"])]
        done = run(command, access)
    if done.returncode == 0:
        return {"result": json.loads(done.stdout)}
    refused = REFUSED.search(done.stderr)
    code, message = refused.groups() if refused else (None, done.stderr)
    return lines.refusal(None, code, message.strip())


def curl(request):
    """`curl --aws-sigv4`."""
    access = request["access"]
    command = [PROGRAM, "--silent", "--show-error", "--aws-sigv4", f"aws:amz:{REGION}:importexport"]
    command += ["--user", f"{access['access_key_id']}:{access['secret_access_key']}"]
    for name, value in lines.form(request):
        command += ["--data-urlencode", f"{name}={value}"]
    return answered(run([*command, access["endpoint"] + "/"], access))


def awscurl(request):
    """`awscurl`, the body given whole."""
    access = request["access"]
    command = [PROGRAM, "--service", "importexport", "--region", REGION, "--request", "POST"]
    command += ["--header", "Content-Type: application/x-www-form-urlencoded"]
    command += ["--data", urlencode(list(lines.form(request)))]
    return answered(run([*command, access["endpoint"] + "/"], access))


def answered(done):
    """What the service said; these commands do not judge it."""
    if not done.stdout.lstrip().startswith("<"):
        return lines.refusal(None, None, done.stdout + done.stderr)
    return {"xml": done.stdout}


def street():
    """How this aws spells street1: `--street-1` up to 1.x, `--street1` since 2.x."""
    version = run([PROGRAM, "--version"], {"access_key_id": "", "secret_access_key": ""}).stdout
    return "street-" if version.startswith("aws-cli/1.") else "street"


STREET = street() if FAMILY == "awscli" else ""
lines.serve({"awscli": awscli, "curl": curl, "awscurl": awscurl}[FAMILY])
