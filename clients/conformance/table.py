"""The table at the end: client x action and client x exception, from the results of a run."""

import re

CASE = re.compile(r"test_\w+\[(?P<client>[\w.-]+)/(?P<column>[^\]]+)\]$")
MARKS = {"passed": "ok", "failed": "FAIL", "absent": "-"}


def cell(name):
    """The client and the column of a test's name; None for other tests."""
    found = CASE.match(name)
    return (found["client"], found["column"]) if found else None


def render(results):
    """Two tables, as text, of {(client, column): "passed" or "failed"}."""
    clients = list(dict.fromkeys(client for client, _ in results))
    columns = list(dict.fromkeys(column for _, column in results))
    refusals = [name for name in columns if is_refusal(name)]
    actions = [name for name in columns if not is_refusal(name)]

    def mark(client, column):
        return MARKS[results.get((client, column), "absent")]

    lines = []
    if actions:
        rows = [[client, *(mark(client, name) for name in actions)] for client in clients]
        lines += grid(["client", *actions], rows)
    if refusals:
        rows = [[name, *(mark(client, name) for client in clients)] for name in refusals]
        lines += ["", *grid(["exception", *clients], rows)]
    return "\n".join(lines)


def is_refusal(column):
    """Exceptions and the framework's codes are rows of the second table."""
    return column.endswith("Exception") or column in FRAMEWORK


FRAMEWORK = ("SignatureDoesNotMatch", "InvalidClientTokenId", "Throttling", "ServiceUnavailable")


def grid(head, rows):
    """Columns as wide as their widest cell."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
