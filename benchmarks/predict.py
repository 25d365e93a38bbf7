"""`sagittal predict` beside nnU-Net's own command, on the same scan, model, folds and mirroring: wall time of the whole command
and the largest resident memory of its processes.

    python benchmarks/predict.py --program build/release/bin/sagittal --scan ct.nii.gz [--precision fp32] [--mirror] [--repeat 1]

Needs nnunetv2 and torch. The network is a PlainConvUNet as nnU-Net plans it, with random weights: speed does not depend on them."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nibabel as nib
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/parity"))
import nnunet_models as m  # noqa: E402

# torch's large tensors without a page fault for each: the fastest that was found for it on CPUs.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def make_model(folder: Path, scan: nib.Nifti1Image, patch: int, classes: int) -> Path:
    network = m.architecture(3, [32, 64, 128, 256, 320], [[1, 1, 1]] + [[2, 2, 2]] * 4, [[3, 3, 3]] * 5, False)
    spacing = [float(z) for z in scan.header.get_zooms()[:3]][::-1]
    plan = m.plans("Dataset900_speed", {"3d_fullres": m.configuration(spacing, [patch] * 3, ["CTNormalization"], [False], network)},
                   [{"mean": 50, "std": 100, "median": 50, "min": -100, "max": 300, "percentile_00_5": -100, "percentile_99_5": 300}])
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0} | {f"organ {n}": n for n in range(1, classes)},
               "numTraining": 1, "file_ending": ".nii.gz"}
    weights = m.build_network(plan, dataset, "3d_fullres").state_dict()
    return m.write_folder(folder / f"{m.TRAINER}__{m.PLANS}__3d_fullres", plan, dataset, "3d_fullres", {"0": weights}, (0, 1, 2))


def tree_bytes(pid: int) -> int:
    """Proportional memory of a process and those it started."""
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
            todo += [int(c) for c in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total


def measured(command: list, environment: dict) -> dict:
    begin = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], env=os.environ | environment, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, tree_bytes(process.pid))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output = process.communicate()[0]
    watcher.join()
    if process.returncode:
        sys.exit(f"{command[0]} failed:\n{output}")
    return {"seconds": round(time.perf_counter() - begin, 2), "peak_gib": round(peak / 2**30, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sagittal")
    parser.add_argument("--scan", required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--patch", type=int, default=96)
    parser.add_argument("--classes", type=int, default=25)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mirror", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--peers", default="tuned", help="of default,tuned; empty: none")
    options = parser.parse_args()
    threads = {"OMP_NUM_THREADS": str(options.threads), "nnUNet_def_n_proc": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "in").mkdir()
        shutil.copy(options.scan, work / "in/case_0000.nii.gz")
        model = make_model(work, nib.load(options.scan), options.patch, options.classes)
        ours = [options.program, "predict", model, work / "in/case_0000.nii.gz", "-o", work / "ours.nii.gz", "--precision",
                options.precision, "--threads", options.threads]
        theirs = [Path(sys.executable).parent / "nnUNetv2_predict_from_modelfolder", "-i", work / "in", "-o", work / "out", "-m",
                  model, "-f", "0", "-device", "cpu", "-npp", "1", "-nps", "1", "--disable_progress_bar"]
        if not options.mirror:
            ours, theirs = [*ours, "--no-tta"], [*theirs, "--disable_tta"]
        for _ in range(options.repeat):
            row = {"scan": list(nib.load(options.scan).shape), "sagittal": measured(ours, {})}
            for peer in filter(None, options.peers.split(",")):
                row[f"nnunetv2 {peer}"] = measured(theirs, threads | (TUNED if peer == "tuned" else {}))
                labels = [np.asarray(nib.load(work / n).dataobj) for n in ("ours.nii.gz", "out/case.nii.gz")]
                row["agreement_percent"] = round(100 * float(np.mean(labels[0] == labels[1])), 3)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
