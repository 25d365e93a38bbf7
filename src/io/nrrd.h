#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/image_header.h"

namespace sagittal::io {

bool looks_like_nrrd(ByteView start);

/// Parses the header at the start of `file`; for an attached file `data_offset` is where it ends. Spaces named by
/// direction (left-posterior-superior, RAS, ...) are turned to LPS; nameless ones are taken as LPS. One axis may be no
/// space axis (components, time points): its entries are the frames. Error(bad_input | unsupported) names `what`.
ImageHeader parse_nrrd_header(ByteView file, std::string_view what);

/// The "key:=value" pairs of the header, their escapes resolved; of a key given twice, the first. Error(bad_input)
/// names `what`.
std::map<std::string, std::string> nrrd_key_values(ByteView file, std::string_view what);

/// The text of a header, up to and with the empty line, for voxels stored gzipped or raw; `data_file` is empty for an
/// attached file.
std::string nrrd_header(const Volume& volume, bool compressed, std::string_view data_file);

/// The same for an attached, gzipped file in which each voxel has `layers` values together, with key-value pairs.
std::string nrrd_header(const Geometry& geometry, ScalarType type, std::int64_t layers,
                        const std::map<std::string, std::string>& key_values);

}  // namespace sagittal::io
