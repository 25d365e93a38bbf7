#include "nn/parity_cases.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "nn/hashed_tensors.h"

namespace sagittal::nn::parity {
namespace {

std::vector<float> decode_floats(const std::string& base64) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(alphabet.find(c));
    if ((count += 6) >= 8) bytes.push_back(static_cast<std::uint8_t>(bits >> (count -= 8)));
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::vector<Case> read_cases() {
  const Bytes text = read_file(SAGITTAL_SOURCE_DIR "/tests/parity/network.json", 1 << 24);
  const Json index = parse_json(as_text(text), "network.json");
  std::vector<Case> cases;
  for (const Json& json : index.at("cases")) {
    Case c{json["name"], parse_architecture(json["configuration"], "network.json"), {1, 1, 1}, json, {}};
    c.network.input_channels = json["input_channels"];
    c.network.output_channels = json["output_shape"][0];
    const auto shape = json["input_shape"].get<std::vector<std::int64_t>>();
    std::copy(shape.begin(), shape.end(), c.size.end() - static_cast<std::ptrdiff_t>(shape.size()));
    c.values = decode_floats(json["values"]);
    cases.push_back(std::move(c));
  }
  return cases;
}

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all = read_cases();
  return all;
}

const Case& case_named(std::string_view name) {
  return *std::find_if(cases().begin(), cases().end(), [&](const Case& c) { return c.name == name; });
}

std::size_t voxels(const SpatialSize& size) { return static_cast<std::size_t>(size[0] * size[1] * size[2]); }

std::vector<float> hashed_input(const Case& c) {
  return hashed::uniform("input", voxels(c.size) * static_cast<std::size_t>(c.network.input_channels));
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const Case& c : cases()) names.push_back(c.name);
  return names;
}

std::vector<std::string> small_case_names() {
  std::vector<std::string> names = case_names();
  std::erase(names, "nninteractive_v1_full_size");
  return names;
}

double relative_error(const Case& c, const std::vector<float>& logits) {
  const auto stride = c.json["stride"].get<std::size_t>();
  double difference = 0, reference = 0;
  for (std::size_t i = 0; i < c.values.size(); ++i) {
    const double d = static_cast<double>(logits.at(i * stride)) - static_cast<double>(c.values[i]);
    difference += d * d;
    reference += static_cast<double>(c.values[i]) * static_cast<double>(c.values[i]);
  }
  return std::sqrt(difference / reference);
}

}  // namespace sagittal::nn::parity
