"""tools/gpu_check.sh where there is no GPU."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def check(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run([root / "tools/gpu_check.sh", *arguments], capture_output=True, text=True, timeout=120)


def test_it_is_bash() -> None:
    assert subprocess.run(["bash", "-n", ROOT / "tools/gpu_check.sh"]).returncode == 0


def test_a_dry_run_prints_every_step_and_judges_nothing() -> None:
    done = check("--dry-run", "run")
    assert done.returncode == 0
    for step in ("bench engine --device cuda:0", "nn_cuda_test", "parity_test", "--tool memcheck", "--tool racecheck",
                 "--tool initcheck", "gpu.py", "passes", "clicks"):
        assert step in done.stdout
    assert "PASS" not in done.stdout and "FAIL" not in done.stdout


def test_a_dry_run_prints_what_has_to_be_prepared() -> None:
    assert "make PRESET=cuda" in check("--dry-run", "prepare").stdout


def test_without_a_build_everything_fails(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    os.symlink(ROOT / "benchmarks", tmp_path / "benchmarks")
    script = tmp_path / "tools/gpu_check.sh"
    script.write_bytes((ROOT / "tools/gpu_check.sh").read_bytes())
    script.chmod(0o755)
    done = check("run", root=tmp_path)
    sentences = [line for line in done.stdout.splitlines() if line.startswith("== ")]
    assert done.returncode == 1
    assert "PASS" not in done.stdout
    assert done.stdout.count("FAIL  ") == len(sentences) >= 10


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_it_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    done = check(*arguments)
    assert done.returncode == 2
    assert "gpu_check.sh prepare" in done.stderr
