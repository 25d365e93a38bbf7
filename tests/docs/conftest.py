"""The server's helpers serve here too."""
import json
import os
import sys

import pytest

from doc_pages import ROOT

sys.path.append(str(ROOT / "tests/server"))


@pytest.fixture(scope="session")
def declared(sagittal, tmp_path_factory):
    """The program's commands by their names, as it declares them."""
    folder = tmp_path_factory.mktemp("reference")
    sagittal("reference", folder, env={"HOME": "~", "PATH": os.environ["PATH"]}).check_returncode()

    def below(command):
        yield command
        for one in command["commands"]:
            yield from below(one)

    return {command["name"]: command for command in below(json.loads((folder / "cli.json").read_text()))}
