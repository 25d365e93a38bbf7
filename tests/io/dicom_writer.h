#pragma once
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "volume/geometry.h"

namespace sagittal::io {

/// A CT slice as an independent implementation writes it; change what a test is about.
struct SliceWriter {
  std::string series = "1.2.3";
  std::string instance;
  std::string modality = "CT";
  Vec3 position{-10, -20, 0};
  std::string orientation = "1\\0\\0\\0\\1\\0";
  std::string spacing = "0.7\\0.5";  // rows, columns
  int rows = 3, columns = 4, frames = 1, bits_stored = 12, number = 1;
  bool is_signed = false;
  std::string slope = "1", intercept = "0";
  std::vector<Uint16> pixels = std::vector<Uint16>(12, 7);
  std::vector<std::pair<DcmTagKey, std::string>> more{};  // other elements, as text

  void fill(DcmDataset& d) const {
    const std::string uid = instance.empty() ? series + "." + std::to_string(number) : instance;
    d.putAndInsertString(DCM_SOPClassUID, UID_CTImageStorage);
    d.putAndInsertString(DCM_SOPInstanceUID, uid.c_str());
    d.putAndInsertString(DCM_SeriesInstanceUID, series.c_str());
    d.putAndInsertString(DCM_Modality, modality.c_str());
    d.putAndInsertString(DCM_SeriesDescription, "Thorax \x1b[31m 2.0");
    d.putAndInsertString(DCM_InstanceNumber, std::to_string(number).c_str());
    d.putAndInsertString(DCM_ImagePositionPatient,
                         fmt::format("{}\\{}\\{}", position[0], position[1], position[2]).c_str());
    d.putAndInsertString(DCM_ImageOrientationPatient, orientation.c_str());
    d.putAndInsertString(DCM_PixelSpacing, spacing.c_str());
    d.putAndInsertString(DCM_SliceThickness, "2.5");
    d.putAndInsertUint16(DCM_SamplesPerPixel, 1);
    d.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
    if (frames > 1) d.putAndInsertString(DCM_NumberOfFrames, std::to_string(frames).c_str());
    d.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(rows));
    d.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(columns));
    d.putAndInsertUint16(DCM_BitsAllocated, 16);
    d.putAndInsertUint16(DCM_BitsStored, static_cast<Uint16>(bits_stored));
    d.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(bits_stored - 1));
    d.putAndInsertUint16(DCM_PixelRepresentation, is_signed ? 1 : 0);
    d.putAndInsertString(DCM_RescaleIntercept, intercept.c_str());
    d.putAndInsertString(DCM_RescaleSlope, slope.c_str());
    for (const auto& [tag, text] : more) d.putAndInsertString(tag, text.c_str());
    d.putAndInsertUint16Array(DCM_PixelData, pixels.data(), static_cast<unsigned long>(pixels.size()));
  }

  Bytes bytes(E_TransferSyntax syntax = EXS_LittleEndianExplicit) const {
    DcmFileFormat file;
    fill(*file.getDataset());
    EXPECT_TRUE(file.getDataset()->chooseRepresentation(syntax, nullptr).good());
    std::vector<char> memory(1 << 20);
    DcmOutputBufferStream stream(memory.data(), static_cast<offile_off_t>(memory.size()));
    file.transferInit();
    EXPECT_TRUE(file.write(stream, syntax, EET_UndefinedLength, nullptr).good());
    file.transferEnd();
    void* written = nullptr;
    offile_off_t length = 0;
    stream.flushBuffer(written, length);
    const auto* begin = static_cast<const std::uint8_t*>(written);
    return {begin, begin + length};
  }
};

}  // namespace sagittal::io
