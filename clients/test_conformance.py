"""Unmodified clients of the service, old and new, against a real server: client x case.

Clients run side by side, each in a thread with a driver process and an account of its own; a test
waits for the outcome of its cell.
"""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from conformance import actions, clients, faults
from conformance.actions import Scene
from conformance.driver import Driver
from conformance.stage import Stage, access

CASES = {**actions.CASES, **faults.CASES}
# More than cores: the commands among the clients wait for the server half of their time.
CLIENTS_AT_ONCE = 4


def cells():
    """Every cell that the client can fill."""
    for client in clients.CLIENTS:
        for column in CASES:
            if column not in client.actions_absent and column not in client.unreachable:
                yield pytest.param(client, column, id=f"{client}/{column}")


class Runs:
    """The outcomes of all cells that were asked for, computed client by client."""

    def __init__(self, stage, wanted):
        self.stage = stage
        self.outcomes = {cell: Future() for cell in wanted}
        self.pool = ThreadPoolExecutor(CLIENTS_AT_ONCE)
        for client in dict.fromkeys(client for client, _ in wanted):
            columns = [column for of, column in wanted if of == client]
            self.pool.submit(self._run, client, columns)

    def _run(self, client, columns):
        """A driver that cannot start fails all cells of its client."""
        try:
            account = self.stage.server.account()
            scene = Scene(self.stage, Driver(client, self.stage.place), access(account), "")
            scene.bucket = account.bucket()
        except BaseException as error:
            for column in columns:
                self.outcomes[client, column].set_exception(error)
            return
        for column in columns:
            try:
                self.outcomes[client, column].set_result(CASES[column](scene))
            except BaseException as error:
                self.outcomes[client, column].set_exception(error)
        scene.driver.close()


@pytest.fixture(scope="session")
def runs(scratch, request):
    missing = clients.missing()
    if missing:
        pytest.fail(f"not installed: {', '.join(missing)}; run `make setup`")
    place = scratch / "conformance"
    place.mkdir()
    stage = Stage(place)
    here = [item for item in request.session.items if item.originalname == "test_conformance"]
    wanted = [(item.callspec.params["client"], item.callspec.params["column"]) for item in here]
    runs = Runs(stage, wanted)
    yield runs
    runs.pool.shutdown(cancel_futures=True)
    stage.close()


@pytest.mark.parametrize("client, column", list(cells()))
def test_conformance(runs, client, column):
    runs.outcomes[client, column].result()
