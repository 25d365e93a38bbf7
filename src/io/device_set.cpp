#include "io/device_set.h"

#include <string>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "base/xml.h"
#include "io/header_text.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kMaxText = 4 << 20;
constexpr std::size_t kMaxTransforms = 1024;

using Attributes = XmlAttributes;

class Reader {
 public:
  explicit Reader(std::string_view what) : what_(what) {}
  DeviceSet read(std::string_view xml);

 private:
  [[noreturn]] void reject(const std::string& why, ErrorCode code = ErrorCode::bad_input) const {
    throw Error(code, fmt::format("{}: {}", what_, why));
  }
  void start(const std::vector<std::string>& path, const Attributes& attributes);
  void add_transform(const Attributes& attributes);
  void set_reconstruction(const Attributes& attributes);
  void set_compounding(const Attributes& attributes, ReconstructionOptions& options) const;
  void set_holes(const Attributes& attributes);

  std::vector<double> numbers(const Attributes& attributes, const char* name, std::size_t count) const;
  std::string word(const Attributes& attributes, const char* name, const char* fallback) const {
    const auto found = attributes.find(name);
    return lower_case(found == attributes.end() ? fallback : found->second);
  }
  bool flag(const Attributes& attributes, const char* name) const {
    const std::string value = word(attributes, name, "off");
    return value == "on" || value == "true";
  }

  std::string what_;
  std::string element_;  // that is read
  DeviceSet set_;
  bool fill_holes_ = false;
};

std::vector<double> Reader::numbers(const Attributes& attributes, const char* name, std::size_t count) const {
  const auto found = attributes.find(name);
  if (found == attributes.end()) reject(fmt::format("{} lacks {}", element_, name));
  auto values = numbers_of(found->second, what_);
  if (values.size() != count) reject(fmt::format("{} has {} numbers, expected {}", name, values.size(), count));
  return values;
}

void Reader::add_transform(const Attributes& attributes) {
  const auto from = attributes.find("From"), to = attributes.find("To");
  if (from == attributes.end() || to == attributes.end()) reject("a Transform without From or To");
  if (set_.transforms.size() == kMaxTransforms) reject("more than 1024 transforms", ErrorCode::too_large);
  set_.transforms.push_back({{from->second, to->second}, affine_from_rows(numbers(attributes, "Matrix", 16))});
}

/// Older files say whether pixels are averaged, newer ones how they are joined.
void Reader::set_compounding(const Attributes& attributes, ReconstructionOptions& options) const {
  const std::string mode = word(attributes, "CompoundingMode", flag(attributes, "Compounding") ? "mean" : "latest");
  if (mode == "mean" || mode == "undefined_compounding_mode") {
    options.compounding = Compounding::mean;
  } else if (mode == "latest") {
    options.compounding = Compounding::latest;
  } else if (mode == "maximum") {
    options.compounding = Compounding::maximum;
  } else if (mode == "importance_mask") {
    options.compounding = Compounding::importance;
  } else {
    reject(fmt::format("CompoundingMode {}", mode.substr(0, 40)), ErrorCode::unsupported);
  }
}

void Reader::set_reconstruction(const Attributes& attributes) {
  DeviceSetReconstruction found;
  const auto spacing = numbers(attributes, "OutputSpacing", 3);
  found.spacing_mm = {spacing[0], spacing[1], spacing[2]};
  const std::string interpolation = word(attributes, "Interpolation", "nearest_neighbor");
  found.options.linear = interpolation == "linear";
  if (!found.options.linear && interpolation != "nearest_neighbor") {
    reject(fmt::format("Interpolation {}", interpolation.substr(0, 40)), ErrorCode::unsupported);
  }
  set_compounding(attributes, found.options);
  if (attributes.contains("ClipRectangleOrigin") && attributes.contains("ClipRectangleSize")) {
    const auto origin = whole_numbers_of(attributes.find("ClipRectangleOrigin")->second, what_);
    const auto size = whole_numbers_of(attributes.find("ClipRectangleSize")->second, what_);
    if (origin.size() < 2 || size.size() < 2) reject("a clip rectangle of less than two numbers");
    found.options.clip = {origin[0], origin[1], size[0], size[1]};
  }
  if (attributes.contains("PixelRejectionThreshold")) {
    found.options.reject_below = static_cast<float>(numbers(attributes, "PixelRejectionThreshold", 1)[0]);
  }
  fill_holes_ = flag(attributes, "FillHoles");
  set_.reconstruction = std::move(found);
}

void Reader::set_holes(const Attributes& attributes) {
  if (!fill_holes_ || !set_.reconstruction) return;
  if (const std::string type = word(attributes, "Type", ""); type != "stick") {
    reject(fmt::format("hole filling of type {}, expected STICK", type.substr(0, 40)), ErrorCode::unsupported);
  }
  const auto whole = [&](const char* name) {
    const double value = numbers(attributes, name, 1)[0];
    if (!(value >= 1 && value <= 1000)) reject(fmt::format("{} {}", name, value));
    return static_cast<int>(value);
  };
  set_.reconstruction->holes = HoleFilling{whole("StickLengthLimit"), whole("NumberOfSticksToUse")};
}

void Reader::start(const std::vector<std::string>& path, const Attributes& attributes) {
  element_ = path.back();
  const bool is_definition = path.size() > 1 && path[path.size() - 2] == "CoordinateDefinitions";
  if (element_ == "Transform" && is_definition) add_transform(attributes);
  if (element_ == "VolumeReconstruction" && attributes.contains("OutputSpacing")) set_reconstruction(attributes);
  if (element_ == "HoleFillingElement") set_holes(attributes);
}

DeviceSet Reader::read(std::string_view xml) {
  read_xml(xml, what_, [this](const auto& path, const Attributes& attributes) { start(path, attributes); },
           {.bytes = kMaxText});
  return std::move(set_);
}

}  // namespace

DeviceSet parse_device_set(std::string_view xml, std::string_view what) { return Reader(what).read(xml); }

DeviceSet read_device_set(const std::filesystem::path& path) {
  return parse_device_set(as_text(read_file(path, kMaxText)), path.filename().string());
}

}  // namespace sagittal::io
