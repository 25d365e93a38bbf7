#include "segmentation_output.h"

#include <fmt/format.h>

#include "base/error.h"
#include "io/segmentation_io.h"

namespace sagittal {

void check_mask_output(const std::filesystem::path& output) {
  if (io::can_write_image(output) || io::is_segmentation_name(output)) return;
  throw Error(ErrorCode::wrong_usage,
              fmt::format("cannot write '{}': name it .nii.gz, .seg.nrrd, .dcm, .nrrd, .mha or .npy", output.string()));
}

std::optional<io::DicomSource> source_for(const std::filesystem::path& output, const std::filesystem::path& image,
                                          const io::ReadOptions& read) {
  if (output.extension() != ".dcm") return std::nullopt;
  return io::read_dicom_source(image, read);
}

void write_placed(const io::Segmentation& segmentation, const std::optional<io::DicomSource>& source,
                  const std::filesystem::path& output) {
  io::write_segmentation(source ? io::placed_on(segmentation, *source) : segmentation, output);
}

}  // namespace sagittal
