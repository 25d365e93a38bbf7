#!/usr/bin/python3
"""A model that is called as MHub's are: DICOM series in, DICOM SEG out. It shares no code with the program that runs it."""
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, "/app/packages")
import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes

INPUT, OUTPUT = Path("/app/data/input_data"), Path("/app/data/output_data")


def find_series() -> dict:
    series = {}
    for path in sorted(INPUT.rglob("*.dcm")):
        image = pydicom.dcmread(path)
        assert path.name == f"{image.SOPInstanceUID}.dcm" and path.parent.name == image.SeriesInstanceUID
        series.setdefault(image.SeriesInstanceUID, []).append(image)
    return series


def segmentation_of(images: list, mask: np.ndarray) -> hd.seg.Segmentation:
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Vertebral column",
        segmented_property_category=codes.SCT.BodyStructure,
        segmented_property_type=pydicom.sr.coding.Code("421060004", "SCT", "Vertebral column structure"),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence("bright", codes.DCM.ArtificialIntelligence, "1"),
    )
    return hd.seg.Segmentation(
        source_images=images, pixel_array=mask, segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[description], series_instance_uid=hd.UID(), series_number=42,
        sop_instance_uid=hd.UID(), instance_number=1, manufacturer="MHub", manufacturer_model_name="bright",
        software_versions="1", device_serial_number="1", series_description="MHub.ai bright")


def main() -> None:
    assert sys.argv[1:] == ["--workflow", "default", "--print"], sys.argv
    assert os.listdir("/tmp") == [] and os.environ["OMP_NUM_THREADS"]
    print("Start DicomImporter", flush=True)
    for uid, images in find_series().items():
        images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
        print("Start BrightRunner", flush=True)
        stored = np.stack([image.pixel_array for image in images])
        mask = stored * float(images[0].RescaleSlope) + float(images[0].RescaleIntercept) > 300
        print("Start DsegConverter", flush=True)
        folder = OUTPUT / uid
        folder.mkdir()
        segmentation_of(images, mask.astype(np.uint8)).save_as(folder / "bright.seg.dcm")
        (folder / "bright.json").write_text(json.dumps({"voxels": int(mask.sum()), "images": len(images)}))
    sys.exit(3)  # as models do, it ends as it likes


main()
