"""Segments with names: sagittal convert, info and segment between DICOM SEG, .seg.nrrd and NIfTI, beside highdicom."""
import gzip
import json
import shutil
import subprocess

import highdicom
import numpy
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS, SLICES = 11, 13, 6  # 143 pixels: frames are not byte aligned
SPACING = (0.8, 0.7, 2.5)  # rows, columns, slices
AXES = numpy.array([[0.96, 0.28, 0.0], [-0.224, 0.768, 0.6]])  # of columns and rows; oblique
ORIGIN = numpy.array([-10.5, 20.25, 33.0])


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A folder with an oblique CT series; its data sets in the order of slices."""
    folder = tmp_path_factory.mktemp("series")
    study, uid, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
    normal = numpy.cross(AXES[0], AXES[1])
    for k in range(SLICES):
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = CTImageStorage
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
        d.SpecificCharacterSet = "ISO_IR 100"
        d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Müller^Eva", "P7", "19700102", "F"
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, uid, frame_of_reference
        d.StudyDate, d.StudyTime, d.StudyID, d.AccessionNumber = "20260102", "101112", "S1", "A1"
        d.ReferringPhysicianName, d.PositionReferenceIndicator, d.Modality = "", "", "CT"
        d.SeriesNumber, d.InstanceNumber, d.Manufacturer = 3, k + 1, "Maker"
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.ImagePositionPatient = [f"{v:.9g}" for v in ORIGIN + k * SPACING[2] * normal]
        d.ImageOrientationPatient = AXES.flatten().tolist()
        d.PixelSpacing, d.SliceThickness = list(SPACING[:2]), SPACING[2]
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
        d.RescaleIntercept, d.RescaleSlope, d.RescaleType = -1024, 1, "HU"
        d.PixelData = (numpy.arange(ROWS * COLUMNS, dtype=numpy.uint16) * 7 + 100 * k).tobytes()
        d.save_as(folder / f"{SLICES - k}.dcm", enforce_file_format=True)  # files in another order than slices
    images = [pydicom.dcmread(p) for p in folder.iterdir()]
    return folder, sorted(images, key=lambda d: d.InstanceNumber)


@pytest.fixture
def masks():
    """Two overlapping masks, [segment, k, j, i]; the first and last slice are empty."""
    out = numpy.zeros((2, SLICES, ROWS, COLUMNS), numpy.uint8)
    out[0, 1:4, 2:8, 3:9] = 1
    out[1, 2:5, 4:10, 5:12] = 1
    out[1, 3, 5, 6] = 0
    return out


def seg_nrrd(path, masks):
    """The masks as 3D Slicer writes overlapping segments, LabelValue 1 in each layer."""
    normal = numpy.cross(AXES[0], AXES[1])
    steps = [AXES[0] * SPACING[1], AXES[1] * SPACING[0], normal * SPACING[2]]
    vectors = " ".join("(" + ",".join(repr(float(v)) for v in step) + ")" for step in steps)
    entry = "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    tail = "~Anatomic codes - DICOM master list~^^~^^|"
    header = (
        f"NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\n"
        f"sizes: {len(masks)} {COLUMNS} {ROWS} {SLICES}\nspace directions: none {vectors}\n"
        f"kinds: list domain domain domain\nencoding: gzip\nspace origin: ({','.join(map(str, ORIGIN))})\n"
        f"Segment0_Color:=0.866667 0.509804 0.396078\nSegment0_ID:=Segment_1\nSegment0_LabelValue:=1\n"
        f"Segment0_Layer:=0\nSegment0_Name:=Liver\n"
        f"Segment0_Tags:=Segmentation.Status:inprogress|TerminologyEntry:{entry}~SCT^10200004^Liver~^^{tail}\n")
    if len(masks) > 1:
        header += (
            f"Segment1_Color:=0.72549 0.4 0.32549\nSegment1_ID:=Segment_2\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n"
            f"Segment1_Name:=Niere links\nSegment1_Tags:=TerminologyEntry:{entry}~SCT^64033007^Kidney~SCT^7771000^Left{tail}"
            f"DICOM.SegmentAlgorithmType:SEMIAUTOMATIC|DICOM.SegmentAlgorithmName:Grow|\n")
    voxels = numpy.ascontiguousarray(numpy.moveaxis(masks, 0, -1))
    path.write_bytes(header.encode() + b"\n" + gzip.compress(voxels.tobytes()))
    return path


def run(sagittal, *args):
    result = sagittal(*args)
    assert result.returncode == 0, result.stderr
    return result


def values_of(seg, slices=SLICES):
    """[segment, k, j, i] of a SEG by highdicom, along the series' normal."""
    volume = seg.get_volume(combine_segments=False, rescale_fractional=False)
    assert volume.array.shape[0] == slices
    array = numpy.moveaxis(volume.array, -1, 0)
    normal = numpy.cross(AXES[0], AXES[1])
    towards = numpy.array(volume.direction)[:, 0]
    return array if numpy.dot(towards, normal) > 0 else array[:, ::-1]


def check_dicom(path):
    """Debian's dciodvfy finds no error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, timeout=60, check=False)
    errors = [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("Error")]
    assert "Segmentation" in found.stdout + found.stderr and not errors, "\n".join(errors[:10])


@pytest.fixture
def our_seg(sagittal, tmp_path, series, masks):
    source = seg_nrrd(tmp_path / "a.seg.nrrd", masks)
    run(sagittal, "convert", source, tmp_path / "a.dcm", "--source", series[0])
    return tmp_path / "a.dcm"


def test_highdicom_reads_our_masks_and_names(our_seg, masks):
    seg = highdicom.seg.segread(our_seg)
    assert (values_of(seg) == masks).all()
    liver, kidney = seg.get_segment_description(1), seg.get_segment_description(2)
    assert liver.segment_label == "Liver" and kidney.segment_label == "Niere links"
    assert liver.segmented_property_type == codes.SCT.Liver
    assert liver.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"
    assert kidney.algorithm_type.value == "SEMIAUTOMATIC" and kidney.SegmentAlgorithmName == "Grow"
    assert seg.SegmentsOverlap == "YES"


def test_our_seg_refers_to_its_series(our_seg, series):
    seg, image = pydicom.dcmread(our_seg), series[1][0]
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyID",
                 "AccessionNumber", "FrameOfReferenceUID"):
        assert str(getattr(seg, name)) == str(getattr(image, name)), name
    assert seg.SeriesInstanceUID != image.SeriesInstanceUID
    reference = seg.ReferencedSeriesSequence[0]
    assert reference.SeriesInstanceUID == image.SeriesInstanceUID
    assert {i.ReferencedSOPInstanceUID for i in reference.ReferencedInstanceSequence} == {d.SOPInstanceUID for d in series[1]}
    by_position = {tuple(map(float, d.ImagePositionPatient)): d.SOPInstanceUID for d in series[1]}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        at = numpy.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        nearest = min(by_position, key=lambda p: numpy.linalg.norm(at - p))
        assert numpy.linalg.norm(at - nearest) < 1e-6
        assert frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID == by_position[nearest]


def test_our_seg_conforms(our_seg):
    check_dicom(our_seg)


def test_a_seg_loses_nothing_on_the_way_through_nrrd(sagittal, tmp_path, our_seg, masks):
    run(sagittal, "convert", our_seg, tmp_path / "b.seg.nrrd")
    again = run(sagittal, "convert", tmp_path / "b.seg.nrrd", tmp_path / "c.dcm")
    assert again.stderr == ""
    first, last = pydicom.dcmread(our_seg), pydicom.dcmread(tmp_path / "c.dcm")
    new = {"SOPInstanceUID", "SeriesInstanceUID", "SeriesTime", "SeriesDate", "ContentTime", "ContentDate",
           "DimensionOrganizationSequence", "DimensionIndexSequence"}
    for element in first:
        if element.keyword not in new:
            assert last[element.tag] == element, element.keyword
    assert {e.tag for e in first} == {e.tag for e in last}
    assert (values_of(highdicom.seg.segread(tmp_path / "c.dcm")) == masks).all()
    check_dicom(tmp_path / "c.dcm")


def highdicom_seg(series, masks, kind, **more):
    codes_of = [codes.SCT.Liver, codes.SCT.Kidney]
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=n + 1, segment_label=f"part {n + 1}", segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes_of[n], algorithm_type="AUTOMATIC",
            algorithm_identification=highdicom.AlgorithmIdentificationSequence("Test", codes.DCM.ArtificialIntelligence, "1"),
            tracking_id=f"T{n}", tracking_uid=generate_uid(), anatomic_regions=[codes.SCT.Abdomen])
        for n in range(2)
    ]
    return highdicom.seg.Segmentation(
        source_images=series[1], pixel_array=numpy.moveaxis(masks, 0, -1), segmentation_type=kind,
        segment_descriptions=descriptions, series_instance_uid=generate_uid(), series_number=9,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="Other", manufacturer_model_name="Model",
        software_versions="1", device_serial_number="2", **more)


def read_seg_nrrd(path):
    """Header fields and [layer, k, j, i]."""
    header, _, voxels = path.read_bytes().partition(b"\n\n")
    fields = dict(line.replace(":=", ": ", 1).split(": ", 1) for line in header.decode().split("\n")
                  if ": " in line.replace(":=", ": ", 1) and not line.startswith("#"))
    sizes = [int(v) for v in fields["sizes"].split()]
    array = numpy.frombuffer(gzip.decompress(voxels), numpy.uint8).reshape(sizes[::-1])
    return fields, numpy.moveaxis(array, -1, 0) if len(sizes) == 4 else array[None]


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_a_seg_of_highdicom_is_read(sagittal, tmp_path, series, masks, kind):
    more, values = {}, masks
    if kind == "FRACTIONAL":
        more = {"max_fractional_value": 200, "fractional_type": "PROBABILITY"}
        values = masks * numpy.linspace(0.1, 1, COLUMNS, dtype=numpy.float32)
    theirs = highdicom_seg(series, values, kind, **more)
    theirs.save_as(tmp_path / "hd.dcm")
    expected = numpy.rint(values * 200).astype(numpy.uint8) if kind == "FRACTIONAL" else masks
    expected = expected[:, 1:5]  # highdicom leaves empty slices out
    run(sagittal, "convert", tmp_path / "hd.dcm", tmp_path / "hd.seg.nrrd")
    fields, layers = read_seg_nrrd(tmp_path / "hd.seg.nrrd")
    if kind == "BINARY":
        layers = numpy.stack([layers[n] == n + 1 for n in range(2)]).astype(numpy.uint8)
    assert (layers == expected).all()
    assert fields["Segment1_Name"] == "part 2" and "SCT^64033007^" in fields["Segment1_Tags"]
    run(sagittal, "convert", tmp_path / "hd.seg.nrrd", tmp_path / "back.dcm")
    check_dicom(tmp_path / "back.dcm")
    back = highdicom.seg.segread(tmp_path / "back.dcm")
    assert (values_of(back, 4) == expected).all()
    for n in (1, 2):
        ours, original = back.get_segment_description(n), theirs.get_segment_description(n)
        assert ours.segment_label == original.segment_label and ours.tracking_uid == original.tracking_uid
        assert ours.segmented_property_type == original.segmented_property_type
        assert ours.anatomic_regions[0] == codes.SCT.Abdomen and ours.algorithm_type == original.algorithm_type


def test_a_seg_comes_on_the_whole_grid_of_its_series(sagittal, tmp_path, series, masks):
    highdicom_seg(series, masks, "BINARY").save_as(tmp_path / "hd.dcm")  # without its empty slices
    run(sagittal, "convert", tmp_path / "hd.dcm", tmp_path / "hd.seg.nrrd", "--source", series[0])
    layers = read_seg_nrrd(tmp_path / "hd.seg.nrrd")[1]
    assert (numpy.stack([layers[n] == n + 1 for n in range(2)]) == masks).all()


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless"])
def test_a_compressed_fractional_seg_is_read(sagittal, tmp_path, series, masks, syntax):
    values = masks * numpy.float32(0.5)
    theirs = highdicom_seg(series, values, "FRACTIONAL", transfer_syntax_uid=getattr(pydicom.uid, syntax))
    theirs.save_as(tmp_path / "hd.dcm")
    report = json.loads(run(sagittal, "info", tmp_path / "hd.dcm", "--json").stdout)
    assert [s["voxels"] for s in report["segments"]] == [int(m.sum()) for m in masks]


def test_info_describes_a_seg(sagittal, our_seg, masks, series):
    report = json.loads(run(sagittal, "info", our_seg, "--json").stdout)
    assert report["kind"] == "binary" and report["overlapping"] and report["size"] == [COLUMNS, ROWS, SLICES]
    assert report["source_images"] == SLICES and report["source_series"] == series[1][0].SeriesInstanceUID
    assert numpy.allclose(report["origin_mm"], ORIGIN) and numpy.allclose(report["spacing_mm"], [0.7, 0.8, 2.5])
    assert [s["voxels"] for s in report["segments"]] == [int(m.sum()) for m in masks]
    assert report["segments"][0]["rgb"] == [221, 130, 101] and report["segments"][1]["modifier"]["meaning"] == "Left"
    text = run(sagittal, "info", our_seg).stdout
    assert "overlapping" in text and "#dd8265" in text and "Niere links" in text and "SCT:10200004" in text


def test_labels_get_names_and_codes(sagittal, tmp_path, series, masks):
    labels = masks[:1].copy()
    run(sagittal, "convert", seg_nrrd(tmp_path / "a.seg.nrrd", labels), tmp_path / "a.mha")  # without names
    run(sagittal, "convert", tmp_path / "a.mha", tmp_path / "b.nii.gz", "--label", "1=kidney_left")
    run(sagittal, "convert", tmp_path / "b.nii.gz", tmp_path / "c.dcm", "--source", series[0])
    segment = highdicom.seg.segread(tmp_path / "c.dcm").get_segment_description(1)
    assert segment.segment_label == "Left kidney" and segment.segmented_property_type == codes.SCT.Kidney
    other = run(sagittal, "convert", tmp_path / "a.mha", tmp_path / "d.seg.nrrd", "--label", "1=kidney l")
    assert "no term" in other.stderr and "LEFT_KIDNEY" in other.stderr
    wrong = sagittal("convert", tmp_path / "a.mha", tmp_path / "d.nii.gz", "--label", "7=LIVER")
    assert wrong.returncode == 1 and "no segment 7" in wrong.stderr
    assert sagittal("convert", tmp_path / "a.mha", tmp_path / "d.nii.gz", "--label", "LIVER").returncode == 2


def test_overlaps_are_not_flattened(sagittal, tmp_path, our_seg):
    result = sagittal("convert", our_seg, tmp_path / "a.nii.gz")
    assert result.returncode == 1 and "overlap" in result.stderr and ".seg.nrrd" in result.stderr
    assert not (tmp_path / "a.nii.gz").exists()


def test_the_patient_can_be_left_out(sagittal, tmp_path, our_seg):
    run(sagittal, "convert", our_seg, tmp_path / "a.seg.nrrd")
    assert b"Eva" in (tmp_path / "a.seg.nrrd").read_bytes()
    run(sagittal, "convert", our_seg, tmp_path / "a.seg.nrrd", "--no-patient")
    header = (tmp_path / "a.seg.nrrd").read_bytes()
    assert b"Eva" not in header and b"19700102" not in header
    run(sagittal, "convert", tmp_path / "a.seg.nrrd", tmp_path / "a.dcm")
    seg = pydicom.dcmread(tmp_path / "a.dcm")
    assert seg.PatientName == "" and seg.StudyInstanceUID == pydicom.dcmread(our_seg).StudyInstanceUID


def test_a_mask_of_another_grid_is_refused(sagittal, tmp_path, series, masks):
    source = seg_nrrd(tmp_path / "a.seg.nrrd", masks)
    moved = source.read_bytes().replace(b"-10.5,", b"-10.0,")
    source.write_bytes(moved)
    result = sagittal("convert", source, tmp_path / "a.dcm", "--source", series[0])
    assert result.returncode == 1 and "grid" in result.stderr and not (tmp_path / "a.dcm").exists()


def test_a_seg_without_images_says_so(sagittal, tmp_path, masks):
    result = run(sagittal, "convert", seg_nrrd(tmp_path / "a.seg.nrrd", masks), tmp_path / "a.dcm")
    assert "--source" in result.stderr
    check_dicom(tmp_path / "a.dcm")


def test_segment_writes_a_named_seg_of_a_dicom_folder(sagittal, tmp_path, series):
    result = run(sagittal, "segment", series[0], "-o", tmp_path / "m.dcm", "--name", "spleen", "--point", "6,5,3", "--json")
    seg = highdicom.seg.segread(tmp_path / "m.dcm")
    segment = seg.get_segment_description(1)
    assert segment.segment_label == "Spleen" and segment.segmented_property_type == codes.SCT.Spleen
    assert segment.algorithm_type.value == "SEMIAUTOMATIC" and segment.SegmentAlgorithmName.startswith("Sagittal ")
    assert int(values_of(seg).sum()) == json.loads(result.stdout)["voxels"]
    check_dicom(tmp_path / "m.dcm")
    run(sagittal, "segment", series[0], "-o", tmp_path / "m.seg.nrrd", "--name", "SPLEEN", "--point", "6,5,3")
    assert b"Segment0_Name:=Spleen\n" in (tmp_path / "m.seg.nrrd").read_bytes()
    assert b"Eva" not in (tmp_path / "m.seg.nrrd").read_bytes()


def test_segment_cannot_refer_to_an_image_that_is_not_dicom(sagittal, tmp_path, masks):
    image = seg_nrrd(tmp_path / "a.nrrd", masks[:1])
    result = sagittal("segment", image, "-o", tmp_path / "m.dcm", "--point", "6,5,3")
    assert result.returncode == 1 and "DICOM series" in result.stderr and not (tmp_path / "m.dcm").exists()


def test_a_real_seg_of_dcmqi_is_read_exactly(sagittal, shared_data, tmp_path):
    folder = shared_data / "dicomseg_dcmqi"
    run(sagittal, "convert", folder / "partial_overlaps.dcm", tmp_path / "a.seg.nrrd")
    run(sagittal, "convert", tmp_path / "a.seg.nrrd", tmp_path / "a.dcm", "--source", folder / "ct-3slice")
    theirs, ours = (highdicom.seg.segread(p).get_volume(combine_segments=False) for p in
                    (folder / "partial_overlaps.dcm", tmp_path / "a.dcm"))
    assert theirs.array.shape == ours.array.shape and (theirs.array == ours.array).all()
    assert numpy.allclose(theirs.affine, ours.affine)
    check_dicom(tmp_path / "a.dcm")


def test_a_real_seg_comes_on_the_grid_of_its_series(sagittal, shared_data, tmp_path):
    folder = shared_data / "pet_qin_0024"
    run(sagittal, "convert", folder / "seg.dcm", tmp_path / "a.nrrd", "--source", folder / "dicom")
    run(sagittal, "convert", folder / "label.nii.gz", tmp_path / "b.seg.nrrd", "--source", folder / "dicom", "--segments")
    assert (read_seg_nrrd(tmp_path / "a.nrrd")[1] == read_seg_nrrd(tmp_path / "b.seg.nrrd")[1]).all()


def test_a_real_folder_is_segmented_to_a_seg(sagittal, shared_data, tmp_path):
    folder = shared_data / "dicomseg_dcmqi/ct-3slice"
    run(sagittal, "segment", folder, "-o", tmp_path / "a.dcm", "--name", "liver", "--point", "150,250,1")
    check_dicom(tmp_path / "a.dcm")
    seg = highdicom.seg.segread(tmp_path / "a.dcm")
    image = pydicom.dcmread(folder / "01.dcm", stop_before_pixels=True)
    assert seg.StudyInstanceUID == image.StudyInstanceUID and seg.FrameOfReferenceUID == image.FrameOfReferenceUID
    assert len(seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 3
