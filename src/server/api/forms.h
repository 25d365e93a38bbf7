#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "interact/prompts.h"
#include "interact/session.h"
#include "server/http/query.h"
#include "server/http/request.h"
#include "server/http/response.h"
#include "volume/volume.h"

namespace sagittal::server {

inline constexpr std::uint64_t kMaxFormBytes = std::uint64_t{64} << 10;
/// JSON with a packed mask: of 700 million voxels.
inline constexpr std::uint64_t kMaxMaskForm = std::uint64_t{128} << 20;

/// The JSON object of a request's body; an empty body is an empty object. Error(bad_input) for other JSON and for more
/// than `max_parts` values in it, before anything is allocated for them.
Json body_object(const http::Request& request, std::size_t max_parts = 64);

/// `name` if people can read it: at most 200 bytes of UTF-8 without control characters. Error(bad_input) otherwise.
std::string checked_name(std::string name);

/// A number in a path, such as that of a segment; Error(not_found) for anything else.
int number_in_path(const http::Request& request, const char* name);

/// The only value of that field of the query, or `fallback` where there is none.
std::string query_or(const http::Query& query, const char* name, const std::string& fallback);
/// A whole number in the query.
std::optional<std::int64_t> query_number(const http::Query& query, const char* name);
/// "true" or "false" in the query.
bool query_flag(const http::Query& query, const char* name, bool fallback);

/// A box in array order (axis 0 slowest) as [[i0,i1],[j0,j1],[k0,k1]]; an empty one is all zeros.
Json bounds_json(const Box& box);

/// (i, j, k) and array order into each other.
inline Index3 reversed(const Index3& a) { return {a[2], a[1], a[0]}; }

/// The voxels of `box` of a segment's mask, packed, i fastest; empty for an empty box.
Bytes mask_bits(const interact::Session& session, int segment, const Box& box);

/// Voxels of a request as a volume: ?shape=3,4,5&type=int16&spacing_mm=..&origin_lps_mm=..&direction=.. Error(bad_input
/// | too_large) where they do not fit the query.
Volume parse_raw_volume(const http::Query& query, ByteView voxels);

/// {"bounds","mask"} of a new segment as an initial mask of an image of `shape` (array order) that does not predict.
interact::InitPrompt parse_initial_mask(const Json& json, const Index3& shape);

/// Error(bad_input) for a prompt that draws nothing.
void require_drawing(const interact::Prompt& prompt);

/// `json` as it is, or where the request asks for application/octet-stream: `mask` as the body and `json` in the header
/// Sagittal-Reply. Otherwise `json` has the mask as base64.
http::Response mask_response(const http::Request& request, Json json, Bytes mask);

/// 201 with the resource's own path.
http::Response created(const std::string& path, const Json& json);

}  // namespace sagittal::server
