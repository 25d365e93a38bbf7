#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/dicom_dataset.h"
#include "io/dicom_series.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sagittal::io::ReadOptions options;
  options.max_bytes = 1 << 22;
  options.frame = 0;
  options.fill_missing_slices = true;
  const sagittal::ByteView file(data, size);
  try {
    for (const auto& images : sagittal::io::images_of_file(file, "input")) {
      sagittal::io::describe_dicom(images, options);
      sagittal::io::read_dicom(images, options, [file](const auto&) {
        return sagittal::io::DicomBytes{file, nullptr};
      });
    }
  } catch (const sagittal::Error&) {
  }
  return 0;
}
