"""Driver for the botocore family: `with_botocore.py boto3|botocore v4|v2|presigned`."""

import functools
import re
import sys
import urllib.error
import urllib.request

import lines

PACKAGE, SIGNING = sys.argv[1:]
REGION = "us-east-1"

if PACKAGE == "botocore":
    import python_until_2016

import botocore.session  # noqa: E402
from botocore.client import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

if PACKAGE == "botocore":
    from botocore.awsrequest import AWSHTTPConnection

    python_until_2016.mend(AWSHTTPConnection)


def method(action):
    """CreateJob -> create_job."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", action).lower()


@functools.lru_cache(maxsize=None)
def client(endpoint, key, secret):
    options = {
        "region_name": REGION,
        "endpoint_url": endpoint,
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
    }
    if SIGNING == "v2":
        options["config"] = Config(signature_version="v2")
    if PACKAGE == "boto3":
        import boto3

        return boto3.Session().client("importexport", **options)
    return botocore.session.get_session().create_client("importexport", **options)


def presigned(api, request):
    """Opens the URL that the client signed, with nothing but the URL."""
    url = api.generate_presigned_url(
        method(request["action"]), Params=request["params"], HttpMethod="GET"
    )
    try:
        with urllib.request.urlopen(url) as answer:
            return {"xml": answer.read().decode()}
    except urllib.error.HTTPError as refused:
        return {"xml": refused.read().decode()}


def all_pages(api, request):
    """ListJobs by the client's own paginator."""
    paginator = api.get_paginator("list_jobs")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": request["page_size"]}))
    jobs = [job for page in pages for job in page["Jobs"]]
    return {"result": {"Pages": [len(page["Jobs"]) for page in pages], "Jobs": jobs}}


def call(request):
    access = request["access"]
    keys = (access["access_key_id"], access["secret_access_key"])
    api = client(access["endpoint"], *keys)
    try:
        if SIGNING == "presigned":
            return presigned(api, request)
        if "page_size" in request:
            return all_pages(api, request)
        result = getattr(api, method(request["action"]))(**request["params"])
    except ClientError as error:
        told = error.response["Error"]
        return lines.refusal(type(error).__name__, told.get("Code"), told.get("Message"))
    result.pop("ResponseMetadata", None)
    return {"result": result}


lines.serve(call)
