#include "segment/composition_cleaning.h"

#include <gtest/gtest.h>

#include <map>

#include "base/base64.h"
#include "base/json.h"

namespace sagittal::segment {
namespace {

Volume volume_of(const Json& vector, const char* key) {
  Geometry geometry;
  for (std::size_t a = 0; a < 3; ++a) {
    geometry.size[a] = vector.at("size").at(a).get<std::int64_t>();
    geometry.spacing_mm[a] = vector.at("spacing").at(a).get<double>();
  }
  const Bytes bytes = decode_base64(vector.at(key).get<std::string>(), key);
  std::vector<std::uint8_t> voxels;
  for (const auto byte : bytes) voxels.push_back(static_cast<std::uint8_t>(byte));
  return make_volume<std::uint8_t>(geometry, voxels);
}

Volume cleaned(const Json& vector) {
  const auto function = vector.at("function").get<std::string>();
  const Volume labels = volume_of(vector, "labels");
  if (function == "separate") return separate_vertebrae(labels);
  if (function == "refine") return refine_vertebrae(labels, volume_of(vector, "bodies"));
  if (function == "small") return without_small_parts(labels, 1, 24, vector.at("mm3").get<double>());
  return clean_body(labels);
}

// tests/parity/make_cleaning_vectors.py: what TotalSegmentator's own functions gave.
TEST(CompositionCleaning, IsTotalSegmentators) {
  const Json vectors =
      parse_json(as_text(read_file(SAGITTAL_SOURCE_DIR "/tests/segment/cleaning_vectors.json", 1 << 20)), "vectors");
  std::map<std::string, int> seen;
  for (const Json& vector : vectors.at("cases")) {
    const Volume found = cleaned(vector), expected = volume_of(vector, "expected");
    const auto ours = found.as<std::uint8_t>(), theirs = expected.as<std::uint8_t>();
    const auto name = vector.at("function").get<std::string>();
    std::int64_t different = 0;
    for (std::size_t n = 0; n < theirs.size(); ++n) different += ours[n] != theirs[n];
    ++seen[name];
    EXPECT_EQ(different, 0) << name << " " << seen[name];
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(CompositionCleaning, NothingStaysNothing) {
  Geometry geometry;
  geometry.size = {2, 3, 4};
  const std::vector<std::uint8_t> nothing(24, 0);
  const Volume empty = make_volume<std::uint8_t>(geometry, nothing);
  for (const Volume& found : {separate_vertebrae(empty), clean_body(empty), refine_vertebrae(empty, empty)}) {
    for (const std::uint8_t label : found.as<std::uint8_t>()) EXPECT_EQ(label, 0);
  }
}

}  // namespace
}  // namespace sagittal::segment
