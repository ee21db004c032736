"""The commands a customer and an operator type, from the manifest to the report."""

import json
import os
import pty
import subprocess

import pytest

import disks
from manifests import manifest
from product import BINARY, clean_environment, run
from reports import assert_loaded, files_of, listing, rows_of


@pytest.fixture
def shell(account, place):
    """Runs a command as the customer."""

    def shell(*arguments, check=True, **environment):
        return run(
            *arguments,
            home=place,
            check=check,
            PACKHORSE_ENDPOINT=account.server.api,
            **account.environment(),
            **environment,
        )

    return shell


@pytest.fixture
def manifest_file(account, place):
    """A manifest in a file, and its bucket."""
    bucket = account.bucket()
    path = place / "manifest.yaml"
    path.write_text(manifest(bucket, prefix="from-cli/"))
    return path, bucket


def test_the_whole_way_with_commands_only(account, shell, manifest_file, folder, station, place):
    path, bucket = manifest_file
    dry = shell("job", "create", path, "--type", "import", "--validate-only", "--output", "json")
    assert json.loads(dry.stdout)["job_id"].endswith("-VALIDATE-ONLY")
    made = json.loads(shell("job", "create", path, "--type", "import", "--output", "json").stdout)
    job_id = made["job_id"]
    status = json.loads(shell("job", "status", job_id, "--output", "json").stdout)
    assert status["progress_code"] == "Pending"
    shell("device", "prepare", folder, "--job", job_id)
    assert (folder / "SIGNATURE").read_text().strip() == made["signature_file_contents"].strip()
    path.write_text(manifest(bucket, prefix="updated/"))
    shell("job", "update", job_id, path)
    station.load(folder)
    status = json.loads(shell("job", "status", job_id, "--output", "json").stdout)
    assert status["progress_code"] == "Complete"
    assert_loaded(account, bucket, folder, rows_of(account, job_id), prefix="updated/")
    listed = [json.loads(line) for line in shell("job", "list", "--output", "json").stdout.split("\n") if line]
    assert [job["job_id"] for job in listed] == [job_id]


def test_cancel_and_list(shell, manifest_file):
    path, _ = manifest_file
    made = json.loads(shell("job", "create", path, "--type", "import", "--output", "json").stdout)
    shell("job", "cancel", made["job_id"])
    again = shell("job", "cancel", made["job_id"], check=False)
    assert again.returncode == 1
    assert "CanceledJobIdException" in again.stderr
    assert "canceled" in shell("job", "list").stdout.lower()


def test_faults_are_shown_with_code_and_text(shell, account):
    done = shell("job", "status", "99999999", check=False)
    assert done.returncode == 1
    assert "InvalidJobIdException" in done.stderr
    assert "No such job 99999999 for your account" in done.stderr


def test_every_problem_of_a_manifest_with_its_place(shell, place):
    path = place / "bad.yaml"
    path.write_text("manifestVersion: 2.0\nbucket: x\nacl: everybody\nignore:\n  - '('\n")
    done = shell("manifest", "check", path, "--type", "import", check=False)
    assert done.returncode == 1
    blocks = done.stdout.strip().split("\n\n")
    lines = [block.split("\n")[0] for block in blocks]
    assert all(line.startswith(f"{path}:") for line in lines), lines
    assert any(line.startswith(f"{path}:3:6: error: ") and "acl" in line for line in lines)
    for word in ("deviceId", "eraseDevice", "returnAddress", "bucket", "ignore"):
        assert any(word in line for line in lines), (word, lines)


def test_the_template_is_a_valid_manifest(shell, place):
    path = place / "new.yaml"
    path.write_text(shell("manifest", "new").stdout)
    shell("manifest", "check", path, "--type", "import")


def test_accounts_are_disabled_and_keys_rotated(server, place):
    account = server.account()
    bucket = account.bucket()
    answer = server.command("account", "rotate", account.name, "--output", "json")
    fresh = json.loads(answer.stdout)
    client = account.jobs()
    with pytest.raises(client.exceptions.ClientError) as fault:
        client.list_jobs()
    assert fault.value.response["Error"]["Code"] == "InvalidClientTokenId"
    account.access_key_id = fresh["access_key_id"]
    account.secret_access_key = fresh["secret_access_key"]
    assert account.jobs().list_jobs()["Jobs"] == []
    assert listing(account.s3(), bucket) == {}
    server.command("account", "disable", account.name)
    with pytest.raises(client.exceptions.ClientError):
        account.jobs().list_jobs()
    listed = server.command("account", "list").stdout
    assert account.name in listed and account.secret_access_key not in listed


def test_an_account_may_bring_a_secret_that_begins_with_a_hyphen(server):
    account = server.account(key=("AKIAWITHHYPHEN000001", "-begins-with-a-hyphen-0123456789abcdef"))
    assert account.jobs().list_jobs()["Jobs"] == []


def test_a_station_key_is_printed_as_json_without_being_asked(server):
    printed = json.loads(server.command("station-key", "create", "dock-of-json").stdout)
    assert printed["station"] == "dock-of-json" and len(printed["key"]) >= 32


def test_secrets_reach_neither_log_nor_error(server, account, create, station, folder):
    """After everything the other tests did to the shared server, too."""
    job = create(account, trueCryptPassword="hunter2-hunter2", pinCode="73519")
    done = station.load(job.sign(folder))
    said = server.log_text() + done.stdout + done.stderr
    for secret in (account.secret_access_key, server.key(), "hunter2-hunter2", "73519"):
        assert secret not in said


def test_secrets_are_not_readable_in_the_database(new_server):
    server = new_server()
    account = server.account()
    key = server.key()
    for path in server.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert account.secret_access_key.encode() not in content, path
            assert key.encode() not in content, path
    assert (server.data_dir / "master.key").stat().st_mode & 0o077 == 0


def test_unknown_configuration_keys_are_errors(place):
    path = place / "packhorse.toml"
    path.write_text('[server]\ndata_dri = "x"\n')
    done = run("config", "check", "--config", path, home=place, check=False)
    assert done.returncode == 1
    assert "data_dri" in done.stderr and "data_dir" in done.stderr
    wrong = run("config", "check", home=place, check=False, PACKHORSE_SERVER__LISTN="x")
    assert wrong.returncode == 1 and "PACKHORSE_SERVER__LISTN" in wrong.stderr


def test_flag_beats_environment_beats_file(place):
    path = place / "packhorse.toml"
    path.write_text('[object_store]\nregion = "from-file"\nendpoint = "http://file:1"\n')
    done = run(
        "config", "check", "--config", path, home=place, PACKHORSE_OBJECT_STORE__REGION="from-env"
    )
    assert "from-env" in done.stdout and "http://file:1" in done.stdout
    assert "from-file" not in done.stdout


@pytest.mark.parametrize("own", [True, False], ids=["own-folder", "sample"])
def test_quickstart_loads_and_verifies(place, tree, own):
    """The README's first command, on the bundled sample and on the user's own folder."""
    arguments = [disks.copy(tree, place / "mine")] if own else []
    done = run("quickstart", *arguments, "--keep", place / "kept", home=place, timeout=180)
    said = done.stdout + done.stderr
    assert "Complete" in said and "import-log-" in said
    if own:
        assert not (place / "mine" / "SIGNATURE").exists(), "the user's folder is not touched"
        assert files_of(place / "mine").keys() == files_of(tree).keys()


def test_quickstart_on_a_folder_with_a_bad_file_says_so(place, folder):
    (folder / "link").symlink_to("a.txt")
    done = run("quickstart", folder, home=place, check=False, timeout=120)
    assert done.returncode == 3
    assert "SymbolicLink" in done.stdout + done.stderr


def test_quickstart_leaves_nothing_behind(place, folder):
    before = set(place.iterdir())
    temporary = place / "tmp"
    temporary.mkdir()
    run("quickstart", folder, home=place, timeout=120, TMPDIR=temporary)
    assert list(temporary.iterdir()) == []
    assert {path for path in place.iterdir() if not path.name.startswith(".")} - before == {
        temporary
    }


def test_a_terminal_sees_progress_with_rate_and_time_left(server, account, create, place):
    """A pseudo-terminal of 100 columns: the bar is drawn there and nowhere else."""
    folder = disks.many_small(place / "disk", 400)
    disks.large_file(folder / "large.bin", 60 * disks.MIB)
    job = create(account)
    job.sign(folder)
    primary, secondary = pty.openpty()
    environment = clean_environment(
        place,
        PACKHORSE_STATION_KEY=server.key(),
        PACKHORSE_STATION__STATE_DIR=place / "state",
        TERM="xterm",
        COLUMNS="100",
    )
    command = [str(BINARY), "station", "load", str(folder), "--server", server.api]
    process = subprocess.Popen(
        command, env=environment, stdin=secondary, stdout=secondary, stderr=secondary
    )
    os.close(secondary)
    seen = b""
    while True:
        try:
            piece = os.read(primary, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    assert process.wait(60) == 0, seen
    text = seen.decode(errors="replace")
    assert "iB/s" in text and "iB" in text, text[-2000:]


def test_closed_pipes_are_no_error(account, shell, place):
    environment = clean_environment(
        place, PACKHORSE_ENDPOINT=account.server.api, **account.environment()
    )
    done = subprocess.run(
        ["sh", "-c", f'"{BINARY}" manifest new | head -n 1'],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "panicked" not in done.stderr and done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("serve",),
        ("quickstart",),
        ("station", "load"),
        ("station", "resume"),
        ("job", "create"),
        ("device", "prepare"),
        ("manifest", "check"),
        ("account", "create"),
        ("station-key", "create"),
    ],
    ids=lambda arguments: "-".join(arguments) or "packhorse",
)
def test_help_shows_an_example(arguments, place):
    text = run(*arguments, "--help", home=place).stdout
    assert "EXAMPLES:" in text and "packhorse" in text
