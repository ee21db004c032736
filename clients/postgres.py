"""A PostgreSQL server of the tests' own, and packhorse servers that share one of its databases."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from product import Server, run, wait_until

VERSIONS = Path("/usr/lib/postgresql")


def programs():
    """The folder of the newest PostgreSQL on this machine."""
    found = [
        (int(folder.name), folder / "bin")
        for folder in (VERSIONS.iterdir() if VERSIONS.exists() else ())
        if folder.name.isdigit() and (folder / "bin" / "initdb").exists()
    ]
    assert found, f"no PostgreSQL server in {VERSIONS}: run scripts/setup.sh, which installs it"
    return max(found)[1]


class Postgres:
    """A server in a folder, reached through a socket there. Ends with `stop`."""

    def __init__(self, folder):
        self.folder, self.programs, self.process = Path(folder), programs(), None
        self.folder.mkdir(parents=True)
        # PostgreSQL refuses to run as root: then it runs as the user that its package made.
        self.user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
            # Its parents are the tests' own: it must get through them.
            for parent in self.folder.parents:
                if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                    parent.chmod(parent.stat().st_mode | 0o011)
        made = self._run(
            "initdb",
            *("--no-sync", "--auth=trust", "--username=packhorse"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--pgdata", self.folder / "data"),
        )
        assert made.returncode == 0, made.stderr

    def _as_user(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid} if self.user else {}

    def _run(self, program, *arguments):
        return subprocess.run(
            [self.programs / program, *map(str, arguments)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **self._as_user(),
        )

    def start(self):
        """Starts it and waits until it answers."""
        settings = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "listen_addresses=")
        options = [word for setting in settings for word in ("-c", setting)]
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", "data", "-k", self.folder, *options],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_user(),
        )
        asked = ("pg_isready", "--quiet", "--host", self.folder)
        wait_until(lambda: self._run(*asked).returncode == 0, "postgres answers")
        return self

    def stop(self, how=signal.SIGINT):
        """Ends it; SIGQUIT: without letting it tidy up."""
        process, self.process = self.process, None
        if process:
            process.send_signal(how)
            process.wait(60)

    def remove(self):
        """Ends it and removes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement, database="postgres"):
        """Runs a statement; returns the lines of its answer."""
        done = self._run(
            *("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--host", self.folder),
            *("--username", "packhorse", "--dbname", database, "--command", statement),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def database(self):
        """The URL of a new database."""
        name = f"test_{uuid.uuid4().hex[:8]}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgres://packhorse@localhost/{name}?host={self.folder}"


class SharingServer(Server):
    """A server whose database and key are given, as `PACKHORSE_…` variables."""

    def command(self, *arguments, **options):
        home = self.data_dir.parent
        return run(*arguments, home=home, **{**self.environment, **options})


def dump(url, place, **environment):
    """Every row of a database, as `admin export` writes it: `(table, row)`."""
    done = run("admin", "export", "--database", url, home=place, **environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(line["table"], line["row"]) for line in lines if "table" in line]
