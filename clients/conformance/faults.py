"""The cases of refusal: each exception by real requests, and what the client makes of it."""

import dataclasses
import functools

from botocore.exceptions import ClientError

from conformance.actions import SENDER, Scene
from conformance.driver import Refused
from conformance.stage import ELSEWHERE, access
from faultproxy import FaultProxy
from manifests import ADDRESS, manifest
from product import wait_until

NOBODY = "AKIA" + "NOBODY1" * 2 + "NN"
LABEL = "GetShippingLabel"
TEXT_BYTES_MIN = 15
# On a machine that is very busy a second may pass between using a key up and asking with it.
TRIES_MAX = 5


def submitted(action, scene, text, job_type="Import"):
    """CreateJob or UpdateJob with this manifest."""
    job = {"JobId": scene.stage.fresh} if action == "UpdateJob" else {}
    return scene.stage.access, action, {
        **job, "JobType": job_type, "Manifest": text, "ValidateOnly": True,
    }


def manifest_with(**options):
    """Requests of both actions whose manifest has these options."""
    return [
        lambda scene, action=action: submitted(
            action, scene, manifest(options.get("bucket", scene.stage.bucket), **{
                name: value for name, value in options.items() if name != "bucket"
            })
        )
        for action in ("CreateJob", "UpdateJob")
    ]


def text_of(text, job_type="Import"):
    """Requests of both actions with this very text."""
    return [
        lambda scene, action=action: submitted(action, scene, text, job_type)
        for action in ("CreateJob", "UpdateJob")
    ]


def job_request(action, name):
    """A request about one of the stage's jobs, or about a job of this name."""

    def make(scene):
        stage = scene.stage
        job = getattr(stage, name, name)
        if action == "UpdateJob":
            asked = submitted(action, scene, manifest(stage.bucket))[2]
            return stage.access, action, {**asked, "JobId": job}
        if action == LABEL:
            return stage.access, action, {"jobIds": [stage.fresh, job]}
        return stage.access, action, {"JobId": job}

    return make


def jobs_request(*names, actions=("UpdateJob", "CancelJob", LABEL)):
    return [job_request(action, name) for name in names for action in actions]


def closed_bucket(scene):
    return submitted("CreateJob", scene, manifest(scene.stage.closed_bucket))


def other_region(scene):
    stage = scene.stage
    return stage.strict_access, "CreateJob", {
        "JobType": "Import", "Manifest": manifest(ELSEWHERE), "ValidateOnly": True,
    }


def one_job_too_many(scene):
    stage = scene.stage
    return stage.strict_access, "CreateJob", {
        "JobType": "Import", "Manifest": manifest(stage.bucket), "ValidateOnly": False,
    }


def closed_long_ago(name):
    """GetStatus of a job whose time to be shown is over."""
    return lambda scene: (
        scene.stage.strict_access, "GetStatus", {"JobId": getattr(scene.stage, name)}
    )


def wrong_secret(scene):
    access = dataclasses.replace(scene.access, secret_access_key="x" * 40)
    return access, "ListJobs", {}


def unknown_key(scene):
    access = dataclasses.replace(scene.access, access_key_id=NOBODY)
    return access, "ListJobs", {}


def listing(**params):
    return lambda scene: (scene.stage.access, "ListJobs", params)


# What makes an import's manifest one of an export.
EXPORT = {
    "eraseDevice": None,
    "logBucket": "any-bucket",
    "operations": [{"exportBucket": "any-bucket"}],
}
NO_VERSION = "1.0é"
WRONG_ADDRESS = {**ADDRESS, "postalCode": "not a code"}
OTHERS_KEY = "AKIAIOSFODNN7EXAMPLE"

# Exception -> requests that must raise it. Clients that are slow to start send the first only.
TRIGGERS = {
    "MissingParameterException": text_of(""),
    "InvalidParameterException": [
        lambda scene: submitted("CreateJob", scene, manifest(scene.stage.bucket), "Bogus"),
        lambda scene: submitted("UpdateJob", scene, manifest(scene.stage.bucket), "Bogus"),
        listing(MaxJobs=1001),
        listing(Marker="fake_job"),
    ],
    "InvalidAccessKeyIdException": manifest_with(accessKeyId=OTHERS_KEY),
    "InvalidAddressException": [
        *manifest_with(returnAddress=WRONG_ADDRESS),
        lambda scene: (scene.stage.access, LABEL, {
            "jobIds": [scene.stage.fresh], **SENDER, "phoneNumber": "none",
        }),
    ],
    "InvalidManifestFieldException": manifest_with(acl="everybody"),
    "MissingManifestFieldException": text_of("foo: bar\n"),
    "MalformedManifestException": text_of("INVALID MANIFEST"),
    "NoSuchBucketException": manifest_with(bucket="no-such-bucket-anywhere"),
    "BucketPermissionException": [closed_bucket],
    "MultipleRegionsException": [other_region],
    "InvalidCustomsException": manifest_with(customs={"deviceValue": "a lot"}),
    "MissingCustomsException": manifest_with(returnAddress={**ADDRESS, "country": "Germany"}),
    "InvalidFileSystemException": [
        lambda scene, action=action: submitted(
            action, scene, manifest(None, **EXPORT, fileSystem="HFS"), "Export"
        )
        for action in ("CreateJob", "UpdateJob")
    ],
    "CreateJobQuotaExceededException": [one_job_too_many],
    "InvalidJobIdException": jobs_request(
        "fake_job", "99999999", actions=("GetStatus", "UpdateJob", "CancelJob", LABEL)
    ),
    "ExpiredJobIdException": [*jobs_request("expired"), closed_long_ago("strict_expired")],
    "CanceledJobIdException": [*jobs_request("canceled"), closed_long_ago("strict_canceled")],
    "UnableToUpdateJobIdException": jobs_request("complete", actions=("UpdateJob",)),
    "UnableToCancelJobIdException": jobs_request("complete", actions=("CancelJob",)),
    "InvalidVersionException": [
        lambda scene: (scene.stage.access, "GetStatus", {
            "JobId": scene.stage.fresh, "APIVersion": NO_VERSION,
        }),
        listing(APIVersion=NO_VERSION),
    ],
    "SignatureDoesNotMatch": [wrong_secret],
    "InvalidClientTokenId": [unknown_key],
}


def refused_with(scene: Scene, code):
    """Each request for this exception raises it, as this client raises exceptions, with a text."""
    requests = TRIGGERS[code][:1] if scene.client.slow else TRIGGERS[code]
    for request in requests:
        access, action, params = request(scene)
        if action in scene.client.actions_absent:
            continue
        try:
            answer = scene.driver.call(access, action, **params)
        except Refused as refused:
            assert_typed(scene.client, refused, code)
            assert len(refused.message) >= TEXT_BYTES_MIN, refused
        else:
            raise AssertionError(f"{action} was accepted: {answer}")


def assert_typed(client, refused, code):
    """The class where the client has classes, the code where it shows codes."""
    told = refused.code or refused.raised
    if client.typed and code.endswith("Exception"):
        expected = client.typed.format(code=code, stem=code.removesuffix("Exception"))
        assert refused.raised == expected, refused
    assert told in (code, code.removesuffix("Exception")), refused


def throttled(scene: Scene):
    """While others use the key up, the client is refused, and asks again if it is of those who do."""
    account = scene.stage.busy_server.account()
    others, asked = account.jobs(), []

    def use_up(request):
        wait_until(lambda: admitted(others), "a request is let through")
        asked.append(request)

    with FaultProxy(account.server.api, use_up) as proxy:
        busy = dataclasses.replace(access(account), endpoint=proxy.url)
        for _ in range(TRIES_MAX):
            asked.clear()
            try:
                scene.driver.call(busy, "ListJobs")
            except Refused as refused:
                assert_typed(scene.client, refused, "Throttling")
                assert (len(asked) > 1) is scene.client.retries, len(asked)
                return
    raise AssertionError("it was let through every time")


def admitted(client):
    """Whether the key's request of this second was there to be used."""
    try:
        client.list_jobs()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "Throttling", error
        return False
    return True


# Column -> case.
CASES = {
    **{code: functools.partial(refused_with, code=code) for code in TRIGGERS},
    "Throttling": throttled,
}
