"""`sagittal stream play` and `record`: what is played is what is recorded."""
import json
import re
import signal
import subprocess
import time

import numpy as np
import pytest

FRAMES, HEIGHT, WIDTH = 12, 24, 32


def pixels() -> np.ndarray:
    return (np.arange(FRAMES * HEIGHT * WIDTH).reshape(FRAMES, HEIGHT, WIDTH) * 7 % 251).astype(np.uint8)


def write_sequence(file, step_s=0.03):
    fields = ["ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", "CompressedData = False",
              f"DimSize = {WIDTH} {HEIGHT} {FRAMES}", "ElementType = MET_UCHAR", "UltrasoundImageOrientation = MF"]
    for n in range(FRAMES):
        name = f"Seq_Frame{n:04}_"
        fields += [f"{name}ProbeToReferenceTransform = 1 0 0 {n} 0 1 0 0 0 0 1 0 0 0 0 1", f"{name}ProbeToReferenceTransformStatus = OK",
                   f"{name}Timestamp = {10 + n * step_s:.6f}"]
    file.write_bytes("\n".join([*fields, "ElementDataFile = LOCAL", ""]).encode() + pixels().tobytes())
    return file


def read_sequence(file) -> tuple:
    """Header lines as a dictionary, and the frames."""
    import zlib
    head, _, body = file.read_bytes().partition(b"ElementDataFile = LOCAL\n")
    fields = dict(line.split(" = ", 1) for line in head.decode().splitlines())
    data = zlib.decompress(body) if fields["CompressedData"] == "True" else body
    return fields, np.frombuffer(data, np.uint8).reshape([int(n) for n in reversed(fields["DimSize"].split())])


@pytest.fixture
def play(program):
    """Starts a player; gives its port and the process."""
    started = []

    def start(source, *args):
        process = subprocess.Popen([program, "stream", "play", source, "--port", "0", *map(str, args)], stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        started.append(process)
        return int(re.search(r" at 127\.0\.0\.1:(\d+)", process.stderr.readline())[1]), process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def record(sagittal, port, out, *args):
    done = sagittal("stream", "record", f"127.0.0.1:{port}", "-o", out, "--json", "--seconds", "20", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_sequence_is_recorded_as_it_is_played(play, sagittal, tmp_path):
    port, player = play(write_sequence(tmp_path / "played.igs.mha"), "--json")
    report = record(sagittal, port, tmp_path / "recorded.igs.mha", "--frames", FRAMES)
    assert (report["recorded"], report["dropped"]) == (FRAMES, 0)
    fields, frames = read_sequence(tmp_path / "recorded.igs.mha")
    assert np.array_equal(frames, pixels())
    numbers = [float(x) for x in fields["Seq_Frame0007_ProbeToReferenceTransform"].split()]
    assert numbers[3] in (6, 7, 8) and numbers[:3] == [1, 0, 0], "poses come in messages of their own"
    assert abs(float(fields["Seq_Frame0011_Timestamp"]) - 0.33) < 0.05
    assert list(tmp_path.glob("*.tmp")) == []
    assert player.wait(timeout=20) == 0 and json.loads(player.stdout.read())["state"] == "finished"


def test_a_folder_of_holoscans_format_is_recorded_and_played(play, sagittal, tmp_path):
    port, _ = play(write_sequence(tmp_path / "played.igs.mha"), "--speed", 3, "--device", "Probe")
    folder = tmp_path / "recording"
    assert record(sagittal, port, folder, "--frames", FRAMES)["recorded"] == FRAMES
    assert sorted(p.name for p in folder.iterdir()) == ["recording.gxf_entities", "recording.gxf_index", "recording.notes"]
    again, _ = play(folder, "--loop")
    report = record(sagittal, again, tmp_path / "again.mha", "--frames", FRAMES, "--device", "Probe")
    assert report["recorded"] == FRAMES
    assert np.array_equal(read_sequence(tmp_path / "again.mha")[1][:2], pixels()[:2])


def test_images_of_a_folder_are_played_and_ctrl_c_ends_a_recording(play, program, tmp_path):
    for n in range(2):
        np.save(tmp_path / f"{n}.npy", np.full((1, HEIGHT, WIDTH), 100 + n, np.uint8))
    port, _ = play(tmp_path, "--loop", "--now", "--frame-rate", 50)
    out = tmp_path / "recorded.igs.mha"
    recorder = subprocess.Popen([program, "stream", "record", f"localhost:{port}", "-o", out], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while "connected" not in recorder.stderr.readline():
        pass
    time.sleep(0.4)
    assert not out.exists(), "it appears whole"
    recorder.send_signal(signal.SIGINT)
    words, _ = recorder.communicate(timeout=20)
    assert recorder.returncode == 0 and "recorded" in words
    assert set(np.unique(read_sequence(out)[1])) == {100, 101}


def test_a_pipelines_results_are_recorded(sagittal, tmp_path):
    from stream_pipelines import write_pipeline
    file = write_pipeline(tmp_path)
    whole = sagittal("stream", "record", file, "-o", tmp_path / "out.mha", "--frames", 6, "--json")
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["recorded"] == 6 and read_sequence(tmp_path / "out.mha")[1].shape == (6, 12, 16)
    both = sagittal("stream", "record", file, "-o", tmp_path / "both", "--port", "folder", "--port", "smaller.out", "--frames", 3)
    assert both.returncode == 0, both.stderr
    assert {p.name for p in (tmp_path / "both").glob("*.gxf_index")} == {"folder.gxf_index", "smaller.gxf_index"}


@pytest.mark.parametrize("arguments, code, words", [
    (["PIPELINE", "-o", "out.nrrd"], 2, "igs.mha"),
    (["PIPELINE", "-o", "out.mha", "--port", "nothing"], 2, "smaller.out"),
    (["PIPELINE", "-o", "out.mha", "--port", "folder", "--port", "smaller"], 2, "choose one"),
    (["PIPELINE", "-o", "there.mha"], 1, "--overwrite"),
    (["localhost:99999", "-o", "out.mha"], 2, "host:port"),
    (["localhost:1", "-o", "out.mha", "--seconds", "0.3"], 1, "no image came"),
])
def test_what_cannot_be_recorded_is_said_and_leaves_nothing(sagittal, tmp_path, monkeypatch, arguments, code, words):
    from stream_pipelines import write_pipeline
    file = write_pipeline(tmp_path)
    (tmp_path / "there.mha").write_text("precious")
    monkeypatch.chdir(tmp_path)
    done = sagittal("stream", "record", *[file if a == "PIPELINE" else a for a in arguments])
    assert done.returncode == code and words in done.stderr, done.stderr
    assert not (tmp_path / "out.mha").exists() and (tmp_path / "there.mha").read_text() == "precious"


def test_what_cannot_be_played_is_said(sagittal, tmp_path):
    assert "there is no" in sagittal("stream", "play", tmp_path / "absent.mha").stderr
    (tmp_path / "empty").mkdir()
    assert "no images" in sagittal("stream", "play", tmp_path / "empty").stderr
    (tmp_path / "bad.mha").write_text("ObjectType = Image\nNDims = 3\n")
    assert sagittal("stream", "play", tmp_path / "bad.mha").returncode == 1
