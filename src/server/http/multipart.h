#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sagittal::server::http {

/// One part of a multipart/form-data body. `content` is a view of the body given.
struct Part {
  std::string name;
  std::string filename;  ///< empty where the part has none
  std::string content_type;
  ByteView content;
};

/// The boundary of a `multipart/…` Content-Type; empty where the value is not multipart or the boundary is not 1 to 70
/// characters.
std::string multipart_boundary(std::string_view content_type);

/// Splits a body at its boundary, RFC 7578: at most 16 parts, at most 8 KiB of header each. Copies no content. Throws
/// Error(bad_input) for a body that is truncated, has no such boundary, or a part without a name.
std::vector<Part> parse_multipart(ByteView body, std::string_view boundary);

/// The part called `name`, or Error(bad_input) listing those that are there.
const Part& find_part(const std::vector<Part>& parts, std::string_view name);

}  // namespace sagittal::server::http
