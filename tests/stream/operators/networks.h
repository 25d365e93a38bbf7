#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "nn/safetensors.h"

namespace sagittal::stream::test {

/// A folder with a network of one 1 x 1 convolution: (x, 1 - x), or (1 - x, x) where `swapped`.
inline std::filesystem::path write_network(const std::string& name, bool swapped, bool flips) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / fmt::format("networks_{}", getpid()) / name;
  std::filesystem::create_directories(folder);
  const Json graph{{"format", "sagittal-graph"},
                   {"version", 1},
                   {"name", name},
                   {"inputs", {{{"name", "x"}, {"shape", {2, 2, 1}}}}},
                   {"preprocessing", {{"divide_by_maximum", true}, {"flip_vertically", flips}}},
                   {"nodes",
                    {{{"name", "c"},
                      {"op", "conv2d"},
                      {"inputs", {"x"}},
                      {"filters", 2},
                      {"kernel", {1, 1}},
                      {"stride", {1, 1}},
                      {"dilation", {1, 1}},
                      {"padding", {0, 0, 0, 0}},
                      {"bias", true}}}},
                   {"outputs", {"c"}}};
  std::ofstream(folder / "network.json") << graph.dump();
  nn::StateDict weights;
  weights.add("c.weight", {1, 1, 1, 2}, swapped ? std::vector<float>{-1, 1} : std::vector<float>{1, -1});
  weights.add("c.bias", {2}, swapped ? std::vector<float>{1, 0} : std::vector<float>{0, 1});
  write_file_atomically(folder / "weights.safetensors", nn::write_safetensors(weights));
  return folder;
}

}  // namespace sagittal::stream::test
