#!/usr/bin/env python3
"""Makes the recordings beside this file with Holoscan's own tools, for tests/stream/recording_test.cpp.

    PYTHON make_recordings.py SCRIPTS

PYTHON has holoscan-cu12 4.6.0 and nvidia-cuda-runtime-cu12 (no GPU is needed); SCRIPTS is the folder `scripts` of
https://github.com/nvidia-holoscan/holoscan-sdk (v3.10.0.post1: gxf_entity_codec.py, convert_video_to_gxf_entities.py).

sdk: three pictures of 4 x 2 RGB, byte n of picture p is 10 p + n, 25 a second.
holoscan: VideoStreamRecorderOp; messages 0 to 3 hold "image", uint8 [4, 5, 3], byte n is n + message + 1, and a time
stamp, 123456790 + message; message 1 holds "second", int16 [0, 1, 2], and "image", float32 [4, 5] from 0 to 19; message
2 holds every second column of float32 [4, 10], which Holoscan writes as it should not be.
"""
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def with_script(scripts: Path) -> None:
    pictures = b"".join(bytes(10 * picture + n for n in range(4 * 2 * 3)) for picture in range(3))
    subprocess.run([sys.executable, scripts / "convert_video_to_gxf_entities.py", "--width", "4", "--height", "2",
                    "--framerate", "25", "--basename", "sdk", "--directory", HERE], input=pictures, check=True)


def with_recorder() -> None:
    from holoscan.conditions import CountCondition
    from holoscan.core import Application, Operator
    from holoscan.operators import VideoStreamRecorderOp

    class Source(Operator):
        def setup(self, spec):
            self.message = -1
            spec.output("out")

        def compute(self, op_input, op_output, context):
            self.message += 1
            tensors = {"image": (np.arange(60, dtype=np.uint8) + self.message + 1).reshape(4, 5, 3)}
            if self.message == 1:
                tensors = {"image": np.arange(20, dtype=np.float32).reshape(4, 5), "second": np.arange(3, dtype=np.int16)}
            if self.message == 2:
                tensors = {"image": np.arange(40, dtype=np.float32).reshape(4, 10)[:, ::2]}
            op_output.emit(tensors, "out", acq_timestamp=123456790 + self.message)

    class Recording(Application):
        def compose(self):
            source = Source(self, CountCondition(self, 4), name="source")
            recorder = VideoStreamRecorderOp(self, name="recorder", directory=str(HERE), basename="holoscan")
            self.add_flow(source, recorder)

    Recording().run()


if __name__ == "__main__":
    with_script(Path(sys.argv[1]).resolve())
    with_recorder()
