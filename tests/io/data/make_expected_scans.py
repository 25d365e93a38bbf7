#!/usr/bin/env python3
"""Writes expected_scans.json: what SimpleITK and nibabel read from the scans that real_scans_test.cpp reads.

Usage: make_expected_scans.py FOLDER_OF_SCANS   (needs SimpleITK, nibabel, numpy). Only scans whose licence allows
storing what is derived from them are listed.
"""
import json
import sys
import zlib
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk

TEMPLATES = Path("/usr/share/mricron/templates")
SCANS = [
    "sts_ct_pet_mr/STS_001/CT_image.nii.gz", "sts_ct_pet_mr/STS_001/PET_image.nii.gz",
    "sts_ct_pet_mr/STS_001/MR_T1_mask.nii.gz", "mr_ms_lesions/patient19_FLAIR.nii.gz", "mr_spine_sct/t2.nii.gz",
    "mr_spine_sct/t2s_uncropped.nii.gz", "mr_breast_dicomseg/image.nii.gz", "ct_totalseg/example_ct.nii.gz",
    "ct_totalseg/example_seg_dicom.nii.gz", "mr_totalseg/example_mr_sm.nii.gz", "pet_qin_0024/image.nii.gz",
    "us_prostate_deepreg/fixed_000002.nii.gz", "us_prostate_deepreg/fixed_000002_label.nii.gz",
    "nrrd_pyradiomics/brain1_image.nrrd", "nrrd_pyradiomics/brain1_label.nrrd", "dicomseg_dcmqi/liver_seg.nrrd",
    "dicomseg_dcmqi/23x38x3/nrrd/label.nrrd", "us_plus/SpinePhantomFreehandReconstructed.mha",
    "us_plus/BoneUltrasound_L14.igs.mha",
]
SERIES = ["ct_totalseg/dicom", "mr_breast_dicomseg/dicom", "pet_qin_0024/dicom", "dicomseg_dcmqi/ct-3slice",
          "dicomseg_dcmqi/23x38x3/image"]
DEBIAN = ["ch2.nii.gz", "ch2better.nii.gz", "inia19-t1-brain.nii.gz", "inia19-NeuroMaps.nii.gz", "aal.nii.gz"]


def summary(image, voxels):
    """Geometry in LPS, and a checksum of the values as float32 in [k, j, i] order."""
    values = np.ascontiguousarray(voxels, dtype=np.float32)
    return {"size": image.GetSize(), "spacing": image.GetSpacing(), "origin": image.GetOrigin(),
            "direction": image.GetDirection(), "crc32": zlib.crc32(values.tobytes())}


def read_series(folder):
    reader = sitk.ImageSeriesReader()
    best = max((reader.GetGDCMSeriesFileNames(str(folder), uid) for uid in reader.GetGDCMSeriesIDs(str(folder))), key=len)
    reader.SetFileNames(best)
    return reader.Execute()


def describe(path):
    image = read_series(path) if path.is_dir() else sitk.ReadImage(str(path))
    if path.name.endswith(".nii.gz"):  # slope and intercept in float64, as nibabel does
        return summary(image, np.asarray(nibabel.load(path).dataobj).transpose(2, 1, 0))
    return summary(image, sitk.GetArrayFromImage(image))


def main():
    root = Path(sys.argv[1])
    expected = {name: describe(root / name) for name in SCANS + SERIES if (root / name).exists()}
    expected |= {str(TEMPLATES / name): describe(TEMPLATES / name) for name in DEBIAN}
    missing = [name for name in SCANS + SERIES if name not in expected]
    Path(__file__).with_name("expected_scans.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    print(f"{len(expected)} scans; not found: {missing}")


if __name__ == "__main__":
    main()
