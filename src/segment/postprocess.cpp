#include "segment/postprocess.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "volume/components.h"

namespace sagittal::segment {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxSteps = 4096;
constexpr int kMaxLabel = 65534;

int label_of(const Json& value, std::string_view what) {
  if (value.is_number_integer() && value >= 0 && value <= kMaxLabel) return value.get<int>();
  throw Error(ErrorCode::bad_input, fmt::format("{}: label {}, expected 0 to {}", what, value.dump(), kMaxLabel));
}

/// "labels_or_regions": a label, a region (a list), or a list of either.
void collect_labels(const Json& value, std::string_view what, std::vector<int>& out) {
  if (!value.is_array()) return out.push_back(label_of(value, what));
  for (const Json& one : value) collect_labels(one, what, out);
}

KeepLargest parse_step(const Json& function, const Json& options, std::string_view what) {
  constexpr const char* known = "remove_all_but_largest_component_from_segmentation";
  if (function != known) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: step {}, the only known one is {}", what, function.dump(), known));
  }
  KeepLargest step;
  collect_labels(json_get<Json>(options, "labels_or_regions", what), what, step.labels);
  step.background = label_of(json_get_or<Json>(options, "background_label", what, 0), what);
  return step;
}

template <class T>
void keep_largest(std::span<T> labels, const Index3& shape, const KeepLargest& step) {
  std::vector<bool> chosen(kMaxLabel + 2, false);
  for (const int label : step.labels) chosen[static_cast<std::size_t>(label)] = true;
  std::vector<std::uint8_t> mask(labels.size());
  for (std::size_t n = 0; n < labels.size(); ++n) mask[n] = chosen[labels[n]];
  const Components components(mask, shape, 1, Connectivity::full);
  const auto largest = std::max_element(components.sizes().begin(), components.sizes().end());
  for (const Components::Run& run : components.runs()) {
    if (components.sizes().begin() + run.component == largest) continue;
    T* row = labels.data() + run.row * shape[2];
    std::fill(row + run.begin, row + run.end, static_cast<T>(step.background));
  }
}

template <class T>
Volume postprocess_as(const Volume& labels, const std::vector<KeepLargest>& steps) {
  const std::span<const T> before = labels.as<T>();
  Buffer copy(before.size_bytes());
  std::copy(before.begin(), before.end(), copy.as<T>().begin());
  const Index3& size = labels.geometry().size;
  for (const KeepLargest& step : steps) keep_largest(copy.as<T>(), {size[2], size[1], size[0]}, step);
  return Volume(labels.geometry(), labels.type(), std::move(copy));
}

}  // namespace

std::vector<KeepLargest> parse_postprocessing(std::string_view text, std::string_view what) {
  const Json json = parse_json(text, what);
  const auto functions = json_get<Json>(json, "postprocessing_fns", what);
  const auto options = json_get<Json>(json, "postprocessing_kwargs", what);
  if (!functions.is_array() || !options.is_array() || functions.size() != options.size() ||
      functions.size() > kMaxSteps) {
    throw Error(
        ErrorCode::bad_input,
        fmt::format("{}: \"postprocessing_fns\" and \"postprocessing_kwargs\" are no lists of one length", what));
  }
  std::vector<KeepLargest> steps;
  for (std::size_t n = 0; n < functions.size(); ++n) steps.push_back(parse_step(functions[n], options[n], what));
  return steps;
}

std::vector<KeepLargest> read_postprocessing(const std::filesystem::path& path) {
  return parse_postprocessing(as_text(read_file(path, kMaxJsonBytes)), path.string());
}

Volume postprocess(const Volume& labels, const std::vector<KeepLargest>& steps) {
  return labels.type() == ScalarType::u16 ? postprocess_as<std::uint16_t>(labels, steps)
                                          : postprocess_as<std::uint8_t>(labels, steps);
}

}  // namespace sagittal::segment
