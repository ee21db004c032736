"""Turns the recorded requests into inputs of the targets `query` and `signature`."""

import sys
from pathlib import Path

# The order of fuzz/targets/signature.rs.
NAMES = (
    b"host",
    b"authorization",
    b"x-amz-date",
    b"x-amz-content-sha256",
    b"x-amz-security-token",
    b"content-type",
)


def main(golden, corpus):
    for path in sorted(Path(golden).glob("*.http")):
        head, _, body = path.read_bytes().partition(b"\r\n\r\n")
        request, *lines = head.split(b"\r\n")
        method, target, _ = request.split(b" ")
        url, _, query = target.partition(b"?")
        pairs = (line.partition(b":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        values = [headers.get(name, b"") for name in NAMES]
        name = path.stem
        (corpus / "query" / name).write_bytes(b"\n".join([url, query, body]))
        if b"\n" not in body:
            signed = b"\n".join([method, url, query, body, *values])
            (corpus / "signature" / name).write_bytes(signed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
