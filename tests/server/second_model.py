"""A model beside the one in the box: the same network under another name, with a licence of its own and without lassos."""
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL, SECOND = "sagittal-small", "second-model"
LICENCE = "CC BY-NC-SA 4.0"


def second_model(folder: Path, name: str = SECOND) -> Path:
    copy = Path(shutil.copytree(ROOT / "models" / SMALL, folder / name))
    (copy / "LICENSE").write_text(f"\n{LICENCE}\n")
    info = json.loads((copy / "inference_info.json").read_text())
    info["supported_interactions"]["lasso"] = False
    (copy / "inference_info.json").write_text(json.dumps(info))
    return copy
