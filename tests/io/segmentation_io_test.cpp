#include "io/segmentation_io.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "expect_error.h"
#include "io/nifti.h"
#include "io/nifti_labels.h"
#include "io/sample_segments.h"
#include "scratch.h"

namespace sagittal::io {
namespace {

Segmentation without_overlap() {
  Segmentation s = sample_segmentation();
  s.segments.erase(s.segments.begin() + 1);
  return s;
}

TEST(SegmentationFiles, EveryFormatKeepsSegmentsWithNames) {
  const Scratch folder;
  for (const char* name : {"a.seg.nrrd", "a.nrrd", "a.dcm", "a.nii", "a.nii.gz"}) {
    Segmentation s = without_overlap();
    if (std::string(name) == "a.dcm") s.segments[1].number = 2;
    write_segmentation(s, folder / name);
    EXPECT_TRUE(holds_segments(folder / name)) << name;
    const Segmentation back = read_segmentation(folder / name);
    expect_same_segments(s, back);
    expect_near(s.geometry, back.geometry, 1e-6);
  }
}

TEST(SegmentationFiles, OthersKeepTheLabels) {
  const Scratch folder;
  for (const char* name : {"a.mha", "a.mhd", "a.npy"}) {
    write_segmentation(without_overlap(), folder / name);
    EXPECT_FALSE(holds_segments(folder / name)) << name;
    const Segmentation back = read_segmentation(folder / name);
    ASSERT_EQ(back.segments.size(), 2U);
    EXPECT_EQ(back.segments[1].number, 3);
    EXPECT_EQ(back.segments[1].mask, without_overlap().segments[1].mask);
  }
}

TEST(SegmentationFiles, OverlapsStayWhereLabelsCannotHoldThem) {
  const Scratch folder;
  for (const char* name : {"a.nii.gz", "a.mha"}) {
    EXPECT_ERROR(write_segmentation(sample_segmentation(), folder / name), ErrorCode::unsupported);
    EXPECT_FALSE(std::filesystem::exists(folder / name));
  }
}

TEST(NiftiLabels, APlainReaderSeesTheLabels) {
  const Segmentation s = without_overlap();
  const Bytes file = write_nifti_labels(s);
  const Volume labels = read_image(file, "a.nii");
  expect_same_voxels(labels, labels_of(s));
}

/// A .nii with one extension.
Bytes with_extension(std::int32_t code, std::string text) {
  Bytes file = write_nifti(labels_of(without_overlap()));
  text.resize((text.size() + 23) / 16 * 16 - 8, ' ');
  const std::int32_t head[2]{static_cast<std::int32_t>(text.size() + 8), code};
  Bytes extension(8);
  std::memcpy(extension.data(), head, 8);
  extension.insert(extension.end(), text.begin(), text.end());
  file[348] = 1;
  const auto offset = static_cast<float>(352 + extension.size());
  std::memcpy(file.data() + 108, &offset, 4);
  file.insert(file.begin() + 352, extension.begin(), extension.end());
  return file;
}

TEST(NiftiLabels, ReadsTheTableThatTotalSegmentatorWrites) {
  const Bytes file = with_extension(
      0,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]></Date>   "
      "<VolumeInformation Index=\"0\">   <LabelTable>\n<Label Key=\"1\" Red=\"1.0\" Green=\"0.5\" Blue=\"0\" "
      "Alpha=\"1\"><![CDATA[kidney_left]]></Label>\n<Label Key=\"9\" Red=\"1\"><![CDATA[absent]]></Label>\n"
      "  </LabelTable> </VolumeInformation></CaretExtension>");
  ASSERT_TRUE(has_nifti_labels(file));
  Segmentation s = without_overlap();
  apply_nifti_labels(file, s, "test");
  EXPECT_EQ(s.segments.size(), 2U);
  EXPECT_EQ(s.segments[0].name, "kidney_left");
  EXPECT_EQ(s.segments[0].codes->type.value, "64033007");
  EXPECT_EQ(s.segments[0].colour, (Rgb{255, 128, 0}));
}

TEST(NiftiLabels, ForgedExtensionsDoNoHarm) {
  for (const char* text :
       {"", "<CaretExtension><LabelTable><Label Key=\"1\"", "<CaretExtension><LabelTable><Label </Label>>",
        "<CaretExtension><LabelTable><Label Key=\"1e300\" Red=\"nan\">x</Label>"}) {
    Segmentation s = without_overlap();
    EXPECT_NO_THROW(apply_nifti_labels(with_extension(30, text), s, "test"));
    expect_same_segments(s, without_overlap());
  }
  Segmentation s = without_overlap();
  EXPECT_ERROR(apply_nifti_labels(with_extension(6, "sagittal segments\n{"), s, "test"), ErrorCode::bad_input);
  Bytes file = with_extension(30, "<CaretExtension><LabelTable>");
  file[352] = 0xFF, file[355] = 0x7F;  // longer than the file
  EXPECT_FALSE(has_nifti_labels(file));
  file[355] = 0xFF;  // negative
  EXPECT_FALSE(has_nifti_labels(file));
}

}  // namespace
}  // namespace sagittal::io
