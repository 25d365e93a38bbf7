"""The FFmpeg plug-in in whole pipelines: a clip as IMAGE and as VIDEO, the VIDEO decoded by another sagittal, against the pictures
that the program ffmpeg takes from the clip. Run by `make test-video`."""
import functools
import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
PIPELINES = ROOT / "plugins/ffmpeg/pipelines"
sys.path.insert(0, str(ROOT / "tests/stream/igtl/peers"))
from igtl_wire import PATIENCE_S, Connection, Message, free_port, status  # noqa: E402


@pytest.fixture(scope="module")
def plugin(program):
    library = Path(program).resolve().parents[1] / "lib/libsagittal_ffmpeg.so"
    if not library.exists():
        pytest.skip(f"{library} is not built (-DSAGITTAL_FFMPEG=ON)")
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    return library


@pytest.fixture
def ultrasound(plugin, shared_data):
    file = shared_data / "us_pocus/Reg_Image_181206_crop.mp4"
    if not file.exists():
        pytest.skip(f"no clip at {file}")
    return file


@pytest.fixture
def made_up(plugin, tmp_path):
    file = tmp_path / "clip.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=192x144:rate=20", "-t", "3", "-c:v", "libx264", "-pix_fmt", "yuv420p",
                    file], check=True)
    return file


@functools.cache
def probe(file, entry: str) -> str:
    return subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", f"stream={entry}", "-of", "csv=p=0", file],
                          capture_output=True, text=True, check=True).stdout.strip()


def pictures(file) -> np.ndarray:
    """Brightness of all, by ffmpeg: [pictures, rows, columns]."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-vf", "extractplanes=y", "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, int(probe(file, "height")), int(probe(file, "width")))


@contextmanager
def running(program, plugin, pipeline, ports, *settings):
    command = [program, "stream", "run", PIPELINES / pipeline, "--plugin", plugin, "--json",
               *(word for setting in settings for word in ("--set", setting))]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result = {}
    try:
        for port in ports:
            wait_for(port, process)
        yield result
    finally:
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    result.update({one["name"]: one["counters"] for one in json.loads(out)["operators"]})


def wait_for(port, process):
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None:
        try:
            return Connection.to(port).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def images(port, count, device):
    """Pictures with the number that their time in the video says, in a client that understands metadata."""
    connection = Connection.to(port)
    connection.send(Message("STATUS", "", status(), 2))
    found = []
    while len(found) < count:
        message = connection.receive()
        if message.type == "IMAGE" and "VideoTime" in message.metadata:
            assert message.device == device
            columns, rows = struct.unpack_from(">HH", message.content, 6)
            found.append((float(message.metadata["VideoTime"]), np.frombuffer(message.content[72:], np.uint8).reshape(rows, columns)))
    connection.close()
    return found


def number_of(file, seconds, total) -> int:
    up, down = map(int, probe(file, "r_frame_rate").split("/"))
    return round(seconds * up / down) % total


def noise_db(found, expected) -> float:
    return 10 * np.log10(255**2 / max(1e-9, np.mean((found.astype(float) - expected) ** 2)))


@pytest.mark.parametrize("source, codec", [("made_up", "H264"), ("ultrasound", "VP90")])
def test_a_clip_goes_as_image_and_as_video_and_is_decoded_again(program, plugin, request, source, codec):
    clip = request.getfixturevalue(source)
    truth = pictures(clip)
    plain, encoded, decoded = free_port(), free_port(), free_port()
    with running(program, plugin, "video_to_slicer.yaml", [plain, encoded], f"clip.file={clip}", f"images.port={plain}", f"videos.port={encoded}",
                 f"encode.codec={codec}", "videos.header_version='2'") as sent:
        with running(program, plugin, "decode_video.yaml", [decoded], f"video.port={encoded}", f"slicer.port={decoded}") as taken:
            for seconds, picture in images(plain, 5, "Clip"):
                np.testing.assert_array_equal(picture, truth[number_of(clip, seconds, len(truth))])
            numbers = []
            for seconds, picture in images(decoded, 20, "Clip"):
                numbers.append(number_of(clip, seconds, len(truth)))
                assert noise_db(picture, truth[numbers[-1]]) > 30
            # Each picture behind the last, round after round.
            assert all((after - before) % len(truth) == 1 for before, after in zip(numbers, numbers[1:]))
    assert taken["decode"]["damaged"] == 0 and taken["decode"]["frames"] >= 20
    assert sent["encode"]["key_frames"] >= 1 and sent["clip"]["damaged"] == 0


def test_a_camera_that_is_not_there_is_said(program, plugin, tmp_path):
    """No camera is tried: kernels of test machines have none, and v4l2loopback is a module of its own."""
    file = tmp_path / "camera.yaml"
    file.write_text("pipeline: 1\noperators:\n  camera: {type: camera, device: /dev/no_video}\n  log: {type: log}\nflows:\n  - camera -> log\n")
    done = subprocess.run([program, "stream", "run", file, "--plugin", plugin], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode != 0 and "/dev/no_video" in done.stderr and "camera" in done.stderr
