// Compared with what SimpleITK and nibabel read: data/expected_scans.json, made by data/make_expected_scans.py.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>

#include "base/json.h"
#include "io/image_io.h"
#include "sample_volumes.h"

namespace sagittal::io {
namespace {

std::filesystem::path scans_folder() {
  const char* named = std::getenv("SAGITTAL_DATA");
  return named != nullptr ? named : SAGITTAL_SOURCE_DIR "/../shared/data";
}

Json expected_scans() {
  const Bytes text = read_file(SAGITTAL_SOURCE_DIR "/tests/io/data/expected_scans.json", 1 << 20);
  return parse_json(as_text(text), "expected_scans.json");
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  const Json expected = expected_scans();
  for (const auto& [name, entry] : expected.items()) all.push_back(name);
  return all;
}

class RealScan : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Scans, RealScan, testing::ValuesIn(names()), [](const auto& test) {
  std::string name = test.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

TEST_P(RealScan, IsReadAsSimpleItkReadsIt) {
  const auto path = scans_folder() / GetParam();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "not here: " << path;
  const Json expected = expected_scans()[GetParam()];
  const Volume volume = read_image(path);
  const auto direction = expected["direction"].get<std::array<double, 9>>();
  Geometry geometry{expected["size"], expected["spacing"], expected["origin"], {}};
  for (std::size_t i = 0; i < 9; ++i) geometry.direction[i / 3][i % 3] = direction[i];
  expect_near(geometry, volume.geometry(), 1e-6);
  const std::vector<float> values = to_float(volume);
  const auto* bytes = reinterpret_cast<const Bytef*>(values.data());
  EXPECT_EQ(crc32_z(0, bytes, values.size() * sizeof(float)), expected["crc32"].get<std::uint32_t>());
}

}  // namespace
}  // namespace sagittal::io
