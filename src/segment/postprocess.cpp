#include "segment/postprocess.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

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

/// Version 1 writes its sizes as Python would print them: "{(1, 2): 96.5, 1: 12.0}".
class SizeReader {
 public:
  SizeReader(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  std::map<std::vector<int>, double> read() {
    std::map<std::vector<int>, double> sizes;
    expect('{');
    while (!accept('}')) {
      const std::vector<int> labels = read_labels();
      expect(':');
      sizes[labels] = read_number<double>();
      if (!accept(',') && peek() != '}') fail();
    }
    return sizes;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"min_valid_object_sizes\" is broken at character {}", what_, at_));
  }
  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail();
  }
  template <class T>
  T read_number() {
    peek();
    const std::size_t end = std::min(text_.find_first_of(",:)} ", at_), text_.size());
    const auto number = parse_number<T>(text_.substr(at_, end - at_));
    if (!number) fail();
    at_ = end;
    return *number;
  }
  std::vector<int> read_labels() {
    if (!accept('(')) return {read_number<int>()};
    std::vector<int> labels;
    while (!accept(')')) {
      labels.push_back(read_number<int>());
      if (!accept(',') && peek() != ')') fail();
    }
    return labels;
  }

  std::string_view text_, what_;
  std::size_t at_ = 0;
};

/// "for_which_classes": labels and lists of labels that count as one; "min_valid_object_sizes" may spare some parts.
std::vector<KeepLargest> parse_steps_v1(const Json& json, std::string_view what) {
  const auto classes = json_get<Json>(json, "for_which_classes", what);
  if (!classes.is_array() || classes.size() > kMaxSteps) throw_json_type(json, "for_which_classes", what);
  const auto text = json_get_or<std::string>(json, "min_valid_object_sizes", what, "None");
  std::optional<std::map<std::vector<int>, double>> sizes;
  if (text != "None") sizes = SizeReader(text, what).read();
  std::vector<KeepLargest> steps;
  for (const Json& one : classes) {
    KeepLargest step;
    step.connectivity = Connectivity::faces;
    step.keeps_equals = true;
    collect_labels(one, what, step.labels);
    if (sizes) {
      const auto found = sizes->find(step.labels);
      if (found == sizes->end()) {
        throw Error(ErrorCode::bad_input, fmt::format("{}: \"min_valid_object_sizes\" lacks {}", what, one.dump()));
      }
      step.keeps_from_mm3 = found->second;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

template <class T>
void keep_largest(std::span<T> labels, const Index3& shape, double voxel_mm3, const KeepLargest& step) {
  std::vector<bool> chosen(kMaxLabel + 2, false);
  for (const int label : step.labels) chosen[static_cast<std::size_t>(label)] = true;
  std::vector<std::uint8_t> mask(labels.size());
  for (std::size_t n = 0; n < labels.size(); ++n) mask[n] = chosen[labels[n]];
  const Components components(mask, shape, 1, step.connectivity);
  const auto largest = std::max_element(components.sizes().begin(), components.sizes().end());
  const auto stays = [&](std::int32_t component) {
    const auto size = components.sizes().begin() + component;
    if (size == largest || (step.keeps_equals && *size == *largest)) return true;
    return step.keeps_from_mm3 && static_cast<double>(*size) * voxel_mm3 >= *step.keeps_from_mm3;
  };
  for (const Components::Run& run : components.runs()) {
    if (stays(run.component)) continue;
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
  const Vec3& mm = labels.geometry().spacing_mm;
  for (const KeepLargest& step : steps) {
    keep_largest(copy.as<T>(), {size[2], size[1], size[0]}, mm[0] * mm[1] * mm[2], step);
  }
  return Volume(labels.geometry(), labels.type(), std::move(copy));
}

}  // namespace

std::vector<KeepLargest> parse_postprocessing(std::string_view text, std::string_view what) {
  const Json json = parse_json(text, what);
  if (json.is_object() && json.contains("for_which_classes")) return parse_steps_v1(json, what);
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
