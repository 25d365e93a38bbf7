#pragma once
#include <array>
#include <cstdint>

namespace sagittal::io {

/// A DICOM tag as (group << 16) | element.
using DicomTag = std::uint32_t;

namespace tags {
inline constexpr DicomTag kSopClass = 0x00080016, kSopInstance = 0x00080018, kModality = 0x00080060,
                          kSeriesDescription = 0x0008103E, kSliceThickness = 0x00180050,
                          kSpacingBetweenSlices = 0x00180088, kSeriesUid = 0x0020000E, kSeriesNumber = 0x00200011,
                          kAcquisition = 0x00200012, kInstance = 0x00200013, kPosition = 0x00200032,
                          kOrientation = 0x00200037, kTemporalPosition = 0x00200100, kSamples = 0x00280002,
                          kPhotometric = 0x00280004, kFrames = 0x00280008, kRows = 0x00280010, kColumns = 0x00280011,
                          kPixelSpacing = 0x00280030, kBitsAllocated = 0x00280100, kBitsStored = 0x00280101,
                          kHighBit = 0x00280102, kPixelRepresentation = 0x00280103, kIntercept = 0x00281052,
                          kSlope = 0x00281053, kSharedGroups = 0x52009229, kFrameGroups = 0x52009230,
                          kPlanePosition = 0x00209113, kPlaneOrientation = 0x00209116, kPixelMeasures = 0x00289110,
                          kValueTransformation = 0x00289145, kFrameContent = 0x00209111, kTemporalIndex = 0x00209128,
                          kPixelData = 0x7FE00010, kTransferSyntax = 0x00020010;
}  // namespace tags

/// Elements of segmentations (PS3.3 C.8.20) and of what they share with their images.
namespace tags {
inline constexpr DicomTag kStudyUid = 0x0020000D, kCharacterSet = 0x00080005, kBodyPart = 0x00180015,
                          kFrameOfReference = 0x00200052, kContentLabel = 0x00700080, kContentDescription = 0x00700081,
                          kContentCreator = 0x00700084, kReferencedSeries = 0x00081115,
                          kReferencedInstances = 0x0008114A, kReferencedClass = 0x00081150,
                          kReferencedInstance = 0x00081155, kReferencedFrame = 0x00081160,
                          kDerivationImage = 0x00089124, kSourceImage = 0x00082112, kCodeValue = 0x00080100,
                          kCodeScheme = 0x00080102, kCodeMeaning = 0x00080104, kLongCodeValue = 0x00080119,
                          kUrnCodeValue = 0x00080120, kAnatomicRegion = 0x00082218,
                          kAnatomicRegionModifier = 0x00082220, kSegmentationType = 0x00620001, kSegments = 0x00620002,
                          kSegmentCategory = 0x00620003, kSegmentNumber = 0x00620004, kSegmentLabel = 0x00620005,
                          kSegmentDescription = 0x00620006, kAlgorithmType = 0x00620008, kAlgorithmName = 0x00620009,
                          kSegmentIdentification = 0x0062000A, kReferencedSegment = 0x0062000B,
                          kDisplayCieLab = 0x0062000D, kMaxFractional = 0x0062000E, kSegmentType = 0x0062000F,
                          kFractionalType = 0x00620010, kSegmentTypeModifier = 0x00620011, kTrackingId = 0x00620020,
                          kTrackingUid = 0x00620021;

/// How an RTSTRUCT says which images it was drawn on.
inline constexpr DicomTag kReferencedFrameOfReference = 0x30060010, kRtReferencedStudy = 0x30060012,
                          kRtReferencedSeries = 0x30060014;

/// Patient, study and trial: the same in every series of a study.
inline constexpr std::array<DicomTag, 29> kSubject{
    0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00081030, 0x00100010, 0x00100020, 0x00100021,
    0x00100030, 0x00100032, 0x00100040, 0x00101010, 0x00101020, 0x00101030, 0x00102160, 0x00104000,
    0x00120010, 0x00120020, 0x00120021, 0x00120030, 0x00120031, 0x00120040, 0x00120042, 0x00120050,
    0x00120062, 0x00120063, 0x0020000D, 0x00200010, 0x00201040};

/// What a segmentation says of itself.
inline constexpr std::array<DicomTag, 6> kOfSegmentation{kSeriesDescription,  kSeriesNumber,   kContentLabel,
                                                         kContentDescription, kContentCreator, kBodyPart};
}  // namespace tags

}  // namespace sagittal::io
