"""The short form of the load test: SAGITTAL_LOAD_SECONDS lengthens it."""
import os

import numpy as np
import pytest

import load


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_many_people_at_once_get_their_own_masks_and_no_error(program, model, encrypted, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")  # put back afterwards
        monkeypatch.delenv(name)
    seconds = float(os.environ.get("SAGITTAL_LOAD_SECONDS", 20)) / (4 if encrypted else 1)
    result = load.run(program, model, people=50 if seconds > 60 else 20, seconds=seconds, encrypted=encrypted)
    assert result["errors"] == [] and result["exit_code"] == 0
    assert result["prompts"] > 0
    earlier, last = np.mean(result["memory_mib_by_tenth"][4:7]), np.mean(result["memory_mib_by_tenth"][7:])
    assert last < 1.1 * earlier + 64, result["memory_mib_by_tenth"]
