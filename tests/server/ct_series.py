"""A CT series as files, written with pydicom."""
import io
import os
import time

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

STUDY = "1.2.826.0.1.3680043.8.498.1"
SPACING, THICKNESS, ORIGIN = [0.75, 0.5], 2.0, [-20.0, 10.0, -100.0]


def instances(voxels: np.ndarray, series: str, study: str = STUDY, description: str = "Thorax 1.0") -> list:
    """One data set for each plane of [k, j, i]."""
    made = []
    for k, plane in enumerate(voxels):
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = CTImageStorage
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = f"{series}.{k + 1}"
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, f"{study}.9"
        d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Doe^Jane", "4711", "", ""
        d.StudyDate, d.StudyTime, d.StudyID, d.AccessionNumber, d.ReferringPhysicianName = "20250102", "101500", "1", "", ""
        d.Modality, d.SeriesDescription, d.SeriesNumber, d.InstanceNumber = "CT", description, 3, k + 1
        d.Manufacturer = "none"
        d.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + THICKNESS * k]
        d.ImageOrientationPatient, d.PixelSpacing, d.SliceThickness = [1, 0, 0, 0, 1, 0], SPACING, THICKNESS
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = *plane.shape, 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
        d.RescaleIntercept, d.RescaleSlope = 0, 1
        d.PixelData = plane.astype("<i2").tobytes()
        made.append(d)
    return made


def encode(instance: Dataset) -> bytes:
    with io.BytesIO() as file:
        pydicom.dcmwrite(file, instance, enforce_file_format=True)
        return file.getvalue()


def write(folder, voxels: np.ndarray, series: str, **more) -> None:
    """Files in two sub-folders, with names that say nothing; a minute old."""
    for n, instance in enumerate(instances(voxels, series, **more)):
        path = folder / "AB"[n % 2] / f"IM{n:04d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(instance))
        os.utime(path, (time.time() - 60, time.time() - 60))
