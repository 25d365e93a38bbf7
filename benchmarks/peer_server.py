"""The nnInteractive v2 server as it is, with a clock on its network.

    peer_server.py USE ARGUMENTS...     as `nninteractive-server ARGUMENTS...`

After each pass the file USE holds the processor seconds that the process spent in the network so far.
"""
import sys
import time
from pathlib import Path

from nnInteractive.inference.inference_session import nnInteractiveInferenceSession
from nnInteractive.inference.server.main import main


def clocked(load, use: Path):
    """`load`, with its network clocked."""
    def wrapper(*args, **kwargs) -> dict:
        artifacts = load(*args, **kwargs)
        total, begun = 0.0, 0.0

        def begin(*_) -> None:
            nonlocal begun
            begun = time.process_time()

        def end(*_) -> None:
            nonlocal total
            total += time.process_time() - begun
            use.write_text(repr(total))

        artifacts["network"].register_forward_pre_hook(begin)
        artifacts["network"].register_forward_hook(end)
        return artifacts
    return wrapper


if __name__ == "__main__":
    Session = nnInteractiveInferenceSession
    Session._load_model_artifacts_from_disk = clocked(Session._load_model_artifacts_from_disk, Path(sys.argv.pop(1)))
    sys.exit(main())
