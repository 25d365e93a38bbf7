"""The original's v2 server on the CPU with CUDA's semantics: `original_server.py ARGUMENTS...` of nninteractive-server."""
import sys

from nnInteractive.inference.inference_session import nnInteractiveInferenceSession
from nnInteractive.inference.server.main import main

from original import follow_cuda

if __name__ == "__main__":
    choices, predict = follow_cuda(), nnInteractiveInferenceSession._predict

    def repeatable(*args, **kwargs):
        choices.drawn = 0
        return predict(*args, **kwargs)

    nnInteractiveInferenceSession._predict = repeatable
    sys.exit(main())
