"""The protocol of the drivers: a request on each line of standard input, an answer on each line of
standard output, both JSON. For any Python 3, standard library only.

A request has `access` (endpoint, access_key_id, secret_access_key), `action`, `params` (wire names)
and, where the client can page by itself, perhaps `page_size`. An answer is one of

    {"result": {...}}                 what the client made of the answer, members by wire names
    {"error": {"class", "code", "message"}}  what the client raised
    {"xml": "..."}                    the answer itself, of clients that only sign and send
"""

import datetime
import json
import sys


def serve(call):
    """Answers every line with `call(request)` until standard input ends."""
    for line in sys.stdin:
        try:
            answer = call(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever the client raises is the answer
            answer = refusal(type(error).__name__, None, f"{type(error).__name__}: {error}")
        sys.stdout.write(json.dumps(answer, default=plain) + "\n")
        sys.stdout.flush()


def refusal(raised, code, message):
    """The answer for an error of class `raised`."""
    return {"error": {"class": raised, "code": code, "message": message}}


def plain(value):
    """Times as the wire has them."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    raise TypeError(f"{type(value).__name__} in an answer")


def form(request):
    """All parameters of a request as pairs, lists flattened, for clients that know no model."""
    yield "Action", request["action"]
    yield "Version", "2010-06-01"
    for name, value in request["params"].items():
        if isinstance(value, list):
            yield from ((f"{name}.member.{n}", item) for n, item in enumerate(value, 1))
        elif isinstance(value, bool):
            yield name, str(value).lower()
        else:
            yield name, str(value)
