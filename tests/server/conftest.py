"""Servers for the tests of this folder."""
import os

import pytest

from running_server import Server


@pytest.fixture(scope="session")
def model() -> list:
    """Options that name a model: SAGITTAL_TEST_MODEL, else the one in the box."""
    chosen = os.environ.get("SAGITTAL_TEST_MODEL")
    return ["--model", chosen] if chosen else []


@pytest.fixture(scope="module")
def server(program, model):
    running = Server(program, *model)
    yield running
    running.process.kill()
    running.process.wait()
