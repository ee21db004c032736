"""Driver for boto 2, which has no module for the service: the generic connection, GET or POST."""

import sys
from urllib.parse import urlsplit

import lines
from boto.connection import AWSQueryConnection

VERB = sys.argv[1]


class Connection(AWSQueryConnection):
    """The service as a user of boto 2 declares one."""

    APIVersion = "2010-06-01"

    def _required_auth_capability(self):
        return ["sign-v2"]


def call(request):
    access = request["access"]
    at = urlsplit(access["endpoint"])
    connection = Connection(
        access["access_key_id"],
        access["secret_access_key"],
        is_secure=False,
        host=at.hostname,
        port=at.port,
    )
    params = dict(lines.form(request))
    action = params.pop("Action")
    answer = connection.make_request(action, params, "/", VERB)
    return {"xml": answer.read().decode()}


lines.serve(call)
