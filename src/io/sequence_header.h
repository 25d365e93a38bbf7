#pragma once
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "io/image_header.h"
#include "io/sequence.h"

namespace sagittal::io {

/// The header of a recording, and where and how its pixels lie in the file.
struct SequenceFile {
  SequenceHeader header;  ///< width and height as stored
  std::vector<SequenceFields> frames;
  Encoding encoding = Encoding::raw;  ///< raw, zlib or gzip
  bool big_endian = false;
  std::uint64_t data_offset = 0;
};

constexpr std::uint64_t kMaxSequenceHeader = 64 << 20;
constexpr std::int64_t kMaxSequenceFrames = 1 << 20;

/// Reads the header from the start of `file`, MetaImage or NRRD. Errors name `what`.
SequenceFile read_sequence_header(std::istream& file, std::string_view what);

/// "Seq_Frame0012_": what the names of a frame's fields begin with.
constexpr std::string_view kFramePrefix = "Seq_Frame";

}  // namespace sagittal::io
