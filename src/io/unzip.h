#pragma once
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/zip.h"

namespace sagittal::io {

bool looks_zipped(ByteView start);

/// The content of an entry, stored or deflated, its checksum verified. Errors name `what`: bad_input for damage,
/// unsupported for other compressions, too_large beyond `max_bytes`, before memory for it is taken.
Buffer unzip(const ZipArchive& archive, const std::string& name, std::size_t max_bytes, std::string_view what);

}  // namespace sagittal::io
