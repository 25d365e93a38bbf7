#pragma once
#include <array>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/json.h"
#include "interact/capabilities.h"
#include "server/http/query.h"
#include "volume/box.h"

namespace sagittal::server {

/// Volumes and parameters as ITK-SNAP sends them: x, y, z with x fastest, turned here into array order (z, y, x). All
/// throw Error(bad_input | unsupported | too_large).

/// The entry of GET /v2/models.
Json describe_itksnap_model(const char* id, const interact::Capabilities& capabilities);

/// Shape [z, y, x] of one volume of float32, from the JSON that comes with it.
Index3 parse_itksnap_shape(std::string_view metadata);

/// The gzipped float32 values of a volume of that shape; exactly so many, and at most `max_bytes`.
Buffer unpack_itksnap_volume(ByteView compressed, const Index3& shape, std::uint64_t max_bytes, std::string_view what);

/// `point=x&point=y&point=z` or `x=&y=&z=`, whole numbers, as (z, y, x).
std::array<double, 3> parse_itksnap_point(const http::Query& query);
bool parse_itksnap_foreground(const http::Query& query);

}  // namespace sagittal::server
