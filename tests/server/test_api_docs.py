"""The commands of docs/api.md, as they stand there."""
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from native_client import nifti
from running_server import scan

PAGE = Path(__file__).resolve().parents[2] / "docs/api.md"


def test_the_commands_of_the_page_work(server, tmp_path):
    for tool in ("curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    (tmp_path / "scan.nii.gz").write_bytes(nifti(scan()))
    script = re.search(r"one after the other -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "API": f"{server.url}/api/v1"})
    assert done.returncode == 0, done.stderr
    assert '"name":"Liver"' in done.stdout and '"bounds"' in done.stdout
    for name in ("liver.nii.gz", "all.seg.nrrd", "prompts.json"):
        assert (tmp_path / name).stat().st_size > 0, name


def test_the_lines_of_python_follow_a_mask(server):
    """A viewer's mask, kept current as the page says."""
    import base64

    from native_client import Client
    client = Client(server.url)
    session = client.open(client.upload(nifti(scan())))
    session.add_segment()
    reply = client.ask("POST", f"{session.path}/segments/1/prompts", json={"type": "point", "ijk": [16, 14, 12]})
    names = {"reply": reply, "np": np, "base64": base64, "mask": np.zeros(session.shape, np.uint8)}
    exec(re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1), names)  # noqa: S102
    assert np.array_equal(names["mask"], session.bits(1))
