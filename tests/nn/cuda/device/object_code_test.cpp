#include <gmock/gmock.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace sagittal::nn::cuda {
namespace {

/// "75-real" for machine code, "90-virtual" for PTX: what nvcc packed into an object file. An image begins with its
/// magic number, its header's size and that of all that follows; so does each entry, with its kind and architecture.
std::set<std::string> architectures(const std::string& object) {
  constexpr std::uint32_t kMagic = 0xba55ed50;
  const auto read = [&]<class T>(std::size_t at, T value) {
    if (at + sizeof value <= object.size()) std::memcpy(&value, object.data() + at, sizeof value);
    return value;
  };
  std::set<std::string> found;
  const std::string magic(reinterpret_cast<const char*>(&kMagic), sizeof kMagic);
  for (std::size_t image = object.find(magic); image != std::string::npos; image = object.find(magic, image + 1)) {
    const std::size_t begin = image + read(image + 6, std::uint16_t{});
    const std::size_t end = begin + read(image + 8, std::uint64_t{});
    if (end > object.size()) continue;
    for (std::size_t entry = begin; entry + 32 <= end;) {
      const bool ptx = read(entry, std::uint16_t{}) == 1;
      found.insert(std::to_string(read(entry + 28, std::uint32_t{})) + (ptx ? "-virtual" : "-real"));
      entry += read(entry + 4, std::uint32_t{}) + read(entry + 8, std::uint64_t{});
    }
  }
  return found;
}

TEST(ObjectCode, has_kernels_for_each_architecture_and_ptx_for_later_ones) {
  std::ifstream file(SAGITTAL_CUDA_OBJECT, std::ios::binary);
  const std::string object{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(object.empty());
  EXPECT_THAT(architectures(object), testing::IsSupersetOf({"75-real", "80-real", "86-real", "89-real", "90-real"}));
  EXPECT_THAT(architectures(object), testing::Contains(testing::EndsWith("-virtual")));
}

}  // namespace
}  // namespace sagittal::nn::cuda
