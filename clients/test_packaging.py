"""The Debian package, the units, the container files and the sample configurations."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from product import BINARY, ROOT, clean_environment, run

PACKAGING = ROOT / "packaging"
UNITS = ("packhorse.service", "packhorse-station.service")
# systemd-analyze security gives 0 (shut in) to 10 (open); a unit without any setting has 9.6.
EXPOSURE_MAX = 2.5
SECONDS_MAX = 120
# Runs inside a copy-on-write view of this machine, which is gone afterwards: $1 scratch, $2 package,
# $3 the port of the server.
INSTALL = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$2" "$1/root/packhorse.deb"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
exec chroot "$1/root" sh -ec '
    dpkg --install /packhorse.deb >&2
    install -d -o packhorse -g packhorse -m 0700 /var/lib/packhorse
    stat -c "%U:%G %a %n" /etc/packhorse/packhorse.toml /etc/packhorse/station.toml
    id -nG packhorse-station
    ls /etc/systemd/system/multi-user.target.wants
    cd /
    as="setpriv --reuid packhorse --regid packhorse --clear-groups --no-new-privs"
    $as packhorse account create someone --config /etc/packhorse/packhorse.toml --output json
    export PACKHORSE_SERVER__LISTEN=127.0.0.1:0 PACKHORSE_SERVER__S3_LISTEN=127.0.0.1:0
    $as packhorse serve --config /etc/packhorse/packhorse.toml > /ready &
    until [ -s /ready ]; do kill -0 $!; sleep 0.05; done
    cat /ready
    kill -TERM $!
    wait $!
    echo "stopped with $?"
    dpkg --purge packhorse >&2
    ls /etc/packhorse 2>/dev/null || echo "nothing left in /etc"
    ls -d /var/lib/packhorse
'
"""


@pytest.fixture(scope="module")
def package(scratch):
    """The package of the executable under test, packed quickly rather than small."""
    quickly = {"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}
    done = subprocess.run(
        [PACKAGING / "build-deb.sh", BINARY, scratch / "deb"],
        env={**os.environ, **quickly},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def unpacked(package, scratch):
    """Its files."""
    root = scratch / "deb" / "root"
    subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    return root


def test_the_package_holds_what_a_site_needs(unpacked):
    for path in (
        "usr/bin/packhorse",
        "etc/packhorse/packhorse.toml",
        "etc/packhorse/station.toml",
        "usr/lib/sysusers.d/packhorse.conf",
        "usr/share/doc/packhorse/docs/OPERATING.md",
    ):
        assert (unpacked / path).is_file(), path
    version = subprocess.run([unpacked / "usr/bin/packhorse", "--version"], capture_output=True)
    cargo = (ROOT / "Cargo.toml").read_text()
    assert re.search(r'^version = "(.*)"', cargo, re.M).group(1).encode() in version.stdout
    changelog = (PACKAGING / "debian/changelog").read_text()
    assert changelog.startswith(f"packhorse ({version.stdout.split()[-1].decode()}-")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look at another root folder")
def test_it_is_installed_serves_and_is_removed(package, place):
    """In a copy-on-write view of this machine, by dpkg itself, as the user of the unit."""
    view = place / "view"
    view.mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", INSTALL, "sh", view, package],
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS_MAX,
        env=clean_environment(place),
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "root:packhorse 640 /etc/packhorse/packhorse.toml" in said, said
    assert "root:packhorse-station 640 /etc/packhorse/station.toml" in said, said
    assert "packhorse-station disk" in said
    assert '"event":"ready"' in said and "stopped with 0" in said, said
    # Only the server starts by itself.
    assert re.search(r"^packhorse\.service$", said, re.M), said
    assert "packhorse-station.service" not in said
    # What customers own stays.
    assert "nothing left in /etc" in said and said.endswith("/var/lib/packhorse\n"), said


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_right_and_shut_in(unpacked, unit):
    found = next(unpacked.rglob(f"systemd/system/{unit}"))
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
    verified = subprocess.run(
        [*verify, f"--root={unpacked}", found.name], capture_output=True, encoding="utf-8"
    )
    ours = [line for line in verified.stderr.splitlines() if unit in line]
    assert not ours, verified.stderr
    limit = f"--threshold={int(EXPOSURE_MAX * 10)}"
    judged = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true", limit, found],
        capture_output=True,
        encoding="utf-8",
    )
    assert judged.returncode == 0, judged.stdout[-1500:] + judged.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_starts_a_command_that_there_is(unit, place):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(PACKAGING / "systemd" / unit)
    program, *words = shlex.split(parser["Service"]["ExecStart"])
    assert program == "/usr/bin/packhorse"
    options = [word for word in words if word.startswith("--")]
    command = words[: words.index(options[0])]
    shown = run(*command, "--help", home=place).stdout
    for option in options:
        assert option in shown, f"{command} has no {option}"


@pytest.mark.parametrize("file", sorted(p.relative_to(PACKAGING) for p in PACKAGING.rglob("*.toml")), ids=str)
def test_a_sample_configuration_is_understood_as_it_stands(file, place):
    text = (PACKAGING / file).read_text()
    (place / "as-it-is.toml").write_text(text)
    run("config", "check", "--config", place / "as-it-is.toml", home=place)
    # And with everything that is commented out.
    (place / "whole.toml").write_text(re.sub(r"^# (\[|\w+ = )", r"\1", text, flags=re.M))
    run("config", "check", "--config", place / "whole.toml", home=place)


def test_the_container_file_is_clean():
    hadolint = shutil.which("hadolint", path=os.path.dirname(sys.executable))
    file = PACKAGING / "docker" / "Dockerfile"
    done = subprocess.run([hadolint, file], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    toolchain = (ROOT / "rust-toolchain.toml").read_text()
    channel = re.search(r'channel = "(.*?)"', toolchain).group(1)
    assert f"rust:{channel}" in file.read_text()


def test_the_settings_in_the_compose_file_are_known(place):
    import yaml

    services = yaml.safe_load((PACKAGING / "docker/compose.yaml").read_text())["services"]
    names = services["one"]["environment"]
    settings = {name: "1" for name in names if name.startswith("PACKHORSE_") and "__" in name}
    assert settings and services["two"]["environment"] == names
    settings["PACKHORSE_DATABASE__URL"] = names["PACKHORSE_DATABASE__URL"]
    run("config", "check", home=place, **settings)


@pytest.mark.parametrize("file", ("docker/haproxy.cfg", "cluster/haproxy.cfg"))
def test_a_balancer_never_repeats_what_a_server_may_have_begun(file):
    text = (PACKAGING / file).read_text()
    assert re.findall(r"^ *retry-on (.*)$", text, re.M) == ["conn-failure"]
