"""A running driver: calls in, results or refusals out."""

import json
import subprocess
import threading
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from conformance.clients import Client
from product import clean_environment

ANSWER_SECONDS_MAX = 120
NAMESPACE = "{http://importexport.amazonaws.com/doc/2010-06-01/}"
FLAGS = ("Success", "IsCanceled", "IsTruncated")
NUMBERS = ("ErrorCount",)


class Refused(Exception):
    """What the client raised, or what the service answered to a client that raises nothing."""

    def __init__(self, raised, code, message):
        super().__init__(f"{raised or '-'} {code}: {message}")
        self.raised, self.code, self.message = raised, code, message


@dataclass(frozen=True)
class Access:
    """An endpoint and a key."""

    endpoint: str
    access_key_id: str
    secret_access_key: str


class Driver:
    """One driver process, for as long as the client's cases run."""

    def __init__(self, client: Client, home):
        self.client = client
        self.log = open(home / f"{client.name}.log", "wb")
        self.process = subprocess.Popen(
            [str(word) for word in client.command],
            env=clean_environment(home, **client.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            encoding="utf-8",
        )

    def ask(self, access, action, **more):
        """Sends one request, gives the driver's answer."""
        request = {"access": vars(access), "action": action, **more}
        watchdog = threading.Timer(ANSWER_SECONDS_MAX, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise AssertionError(f"the driver of {self.client} ended: see {self.log.name}")
        return json.loads(line)

    def call(self, access, action, **params):
        """One action; members by their names on the wire."""
        known = {n: v for n, v in params.items() if n not in self.client.parameters_absent}
        return result(self.ask(access, action, params=known))

    def pages(self, access, size):
        """All jobs by the client's own paginator: ListJobs' members and, if told, page sizes."""
        return result(self.ask(access, "ListJobs", params={}, page_size=size))

    def close(self):
        """The end of standard input ends a driver."""
        self.process.stdin.close()
        self.process.wait(ANSWER_SECONDS_MAX)
        self.process.stdout.close()
        self.log.close()


def result(answer):
    """The members, or the refusal raised."""
    if "xml" in answer:
        return document(answer["xml"])
    if "error" in answer:
        error = answer["error"]
        raise Refused(error["class"], error["code"], error["message"])
    return answer["result"]


def document(xml):
    """An answer of the service itself."""
    root = ElementTree.fromstring(xml)
    if root.tag == f"{NAMESPACE}ErrorResponse":
        error = root.find(f"{NAMESPACE}Error")
        text = {name: error.findtext(NAMESPACE + name) for name in ("Type", "Code", "Message")}
        assert text["Type"] in ("Sender", "Receiver"), xml
        assert root.findtext(f"{NAMESPACE}RequestId"), xml
        raise Refused(None, text["Code"], text["Message"])
    assert root.tag.endswith("Response"), xml
    assert root.findtext(f"{NAMESPACE}ResponseMetadata/{NAMESPACE}RequestId"), xml
    return members(root.find(root.tag.replace("Response", "Result")))


def members(element):
    """The children of an element, typed as the model types them."""
    return {child.tag.removeprefix(NAMESPACE): member(child) for child in element}


def member(element):
    name = element.tag.removeprefix(NAMESPACE)
    if name in ("Jobs", "ArtifactList"):
        return [members(item) for item in element]
    text = element.text or ""
    if name in FLAGS:
        return {"true": True, "false": False}[text]
    return int(text) if name in NUMBERS else text
