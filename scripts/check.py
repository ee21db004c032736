"""Runs every check of `make test`, one after the other, and ends with a summary.

All parts run even if an earlier one failed, so that one run tells everything. The last line is
`N passed, N failed` (and `, N skipped` when there are any); the exit status is 0 only without
failures. Arguments are handed to pytest.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "clients"))

from conformance import table  # noqa: E402

JUNIT = ROOT / "target" / "end-to-end.xml"
# A run that hangs must end as a failure, not as a CI time-out without a summary.
PART_SECONDS_MAX = 25 * 60
# End-to-end tests mostly wait for each other's processes. A file's tests share a server, and stay
# together.
AT_ONCE = ["-n", "3", "--dist", "loadfile"]


@dataclass
class Part:
    """One line of the summary."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: list = field(default_factory=list)
    # Shown above the summary.
    table: str = ""


def run(command, env=None):
    """Runs a command, shows its output as it comes, returns (status, output)."""
    print(f"\n=== {' '.join(str(word) for word in command)}", flush=True)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    watchdog = threading.Timer(PART_SECONDS_MAX, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.daemon = True
    watchdog.start()
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    status = process.wait()
    watchdog.cancel()
    return status, "".join(lines)


def single(name, command, env=None):
    """A part that is one check: passed or failed by its status."""
    started = time.monotonic()
    status, _ = run(command, env)
    part = Part(name, passed=int(status == 0), failed=int(status != 0))
    part.seconds = time.monotonic() - started
    return part


def rust_tests():
    """`cargo test`: sums the result lines of all test binaries."""
    started = time.monotonic()
    # No documentation holds a program to run; clippy has compiled the examples.
    command = ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"]
    command += ["--lib", "--bins", "--tests"]
    status, output = run(command)
    part = Part("Rust tests")
    result = r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored"
    for passed, failed, ignored in re.findall(result, output, re.MULTILINE):
        part.passed += int(passed)
        part.failed += int(failed)
        part.skipped += int(ignored)
    part.notes += re.findall(r"^test (.*) \.\.\. FAILED$", output, re.MULTILINE)
    explained = part.failed > 0
    if status != 0 and not explained:
        part.failed += 1
        part.notes.append("cargo test failed before or outside the tests")
    if part.passed + part.failed == 0:
        part.failed = 1
        part.notes.append("no test ran")
    part.seconds = time.monotonic() - started
    return part


def end_to_end_tests(arguments):
    """pytest against the real binary: counts come from its JUnit file."""
    started = time.monotonic()
    part = Part("end-to-end tests")
    cells = {}
    JUNIT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "clients", f"--junit-xml={JUNIT}"]
    command += [*AT_ONCE, *arguments]
    status, _ = run(command)
    if JUNIT.exists():
        for case in ElementTree.parse(JUNIT).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            failed = case.find("failure") is not None or case.find("error") is not None
            if cell := table.cell(case.get("name")):
                cells[cell] = "failed" if failed else "passed"
            if failed:
                part.failed += 1
                part.notes.append(name)
            elif (skip := case.find("skipped")) is not None:
                part.skipped += 1
                part.notes.append(f"SKIPPED {name}: {skip.get('message')}")
            else:
                part.passed += 1
    if status != 0 and part.failed == 0:
        part.failed = 1
        part.notes.append(f"pytest ended with status {status}")
    part.table = table.render(cells)
    part.seconds = time.monotonic() - started
    return part


def summary(parts):
    """Prints the table and the closing line; returns the exit status."""
    for part in parts:
        if part.table:
            print(f"\n{part.table}")
    width = max(len(part.name) for part in parts)
    print(f"\n{'part':<{width}}  passed  failed  skipped  seconds")
    for part in parts:
        print(
            f"{part.name:<{width}}  {part.passed:>6}  {part.failed:>6}  {part.skipped:>7}"
            f"  {part.seconds:>7.0f}"
        )
    notes = [(part.name, note) for part in parts for note in part.notes]
    for name, note in notes:
        print(f"  {name}: {note}")
    passed, failed, skipped = (
        sum(getattr(part, column) for part in parts) for column in ("passed", "failed", "skipped")
    )
    line = f"{passed} passed, {failed} failed"
    print(f"\n{line}, {skipped} skipped" if skipped else f"\n{line}", flush=True)
    return 1 if failed else 0


def main():
    cargo = ["cargo"]
    parts = [
        single("format", [*cargo, "fmt", "--all", "--check"]),
        single(
            "clippy",
            [*cargo, "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        ),
        single(
            "rustdoc",
            [*cargo, "doc", "--workspace", "--no-deps", "--locked"],
            {"RUSTDOCFLAGS": "-D warnings"},
        ),
        rust_tests(),
        end_to_end_tests(sys.argv[1:]),
    ]
    return summary(parts)


if __name__ == "__main__":
    sys.exit(main())
