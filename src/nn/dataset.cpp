#include "nn/dataset.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/json_order.h"
#include "base/text.h"

namespace sagittal::nn {
namespace {

constexpr int kMaxLabel = 65534;
constexpr std::size_t kMaxLabels = 4096;
constexpr std::size_t kMaxChannels = 1024;

[[noreturn]] void refuse(std::string_view what, const std::string& problem) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, problem));
}

int label_value(const Json& value, std::string_view name, std::string_view what) {
  const bool fits = value.is_number_integer() && value >= 0 && value <= kMaxLabel;
  if (!fits) {
    refuse(what, fmt::format("label \"{}\" is {}, expected whole numbers from 0 to {}", name, value.dump(), kMaxLabel));
  }
  return value.get<int>();
}

std::vector<int> label_values(const Json& value, std::string_view name, std::string_view what) {
  if (!value.is_array()) return {label_value(value, name, what)};
  std::set<int> values;
  for (const Json& one : value) values.insert(label_value(one, name, what));
  if (values.empty()) refuse(what, fmt::format("label \"{}\" is an empty list", name));
  return {values.begin(), values.end()};
}

/// The label that a text is; nothing for other texts.
std::optional<int> label_number(const std::string& text) {
  const auto number = parse_number<int>(text);
  return number && *number >= 0 && *number <= kMaxLabel ? number : std::nullopt;
}

DatasetLabel read_label(const std::string& key, const Json& value, std::string_view what) {
  if (!value.is_string()) return {key, label_values(value, key, what)};
  const auto number = label_number(key);
  if (!number) refuse(what, fmt::format("label \"{}\" is \"{}\", expected a number", key, value.get<std::string>()));
  return {value.get<std::string>(), {*number}};
}

std::vector<std::string> read_channels(const Json& dataset, std::string_view what) {
  const char* key = dataset.contains("modality") ? "modality" : "channel_names";
  const auto channels = json_get<Json>(dataset, key, what);
  if ((!channels.is_object() && !channels.is_array()) || channels.size() > kMaxChannels) {
    throw_json_type(dataset, key, what);
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto& name = channels.is_array() ? channels[i] : json_get<Json>(channels, std::to_string(i).c_str(), what);
    names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
  return names;
}

void read_labels(const Json& labels, const std::vector<std::string>& order, std::string_view what, Dataset& out) {
  if (order.size() > kMaxLabels) refuse(what, fmt::format("{} labels, the limit is {}", order.size(), kMaxLabels));
  for (const std::string& key : order) {
    DatasetLabel label = read_label(key, labels.at(key), what);
    if (label.name == "ignore") {
      if (label.values.size() != 1 || label.values[0] == 0) refuse(what, "\"ignore\" is no single label");
      out.ignore_label = label.values[0];
    } else if (label.values != std::vector{0}) {
      out.labels.push_back(std::move(label));
    }
  }
}

/// Heads are counted, so labels must be 1, 2, 3 and so on.
void check_labels(const Dataset& dataset, std::string_view what) {
  const std::vector<int> foreground = dataset.foreground();
  for (std::size_t i = 0; i < foreground.size(); ++i) {
    if (foreground[i] != static_cast<int>(i) + 1) {
      refuse(what, fmt::format("the labels skip {}, expected all from 0 to {}", i + 1, foreground.back()));
    }
  }
}

std::vector<int> read_class_order(const Json& json, const Dataset& dataset, std::string_view what) {
  const auto several = [](const DatasetLabel& label) { return label.values.size() > 1; };
  if (std::none_of(dataset.labels.begin(), dataset.labels.end(), several)) return {};
  const auto order = json_get<Json>(json, "regions_class_order", what);
  if (!order.is_array() || order.size() != dataset.labels.size()) {
    refuse(what,
           fmt::format("\"regions_class_order\" is {}, expected one label for each of {} regions",
                       order.is_array() ? std::to_string(order.size()) + " labels" : "no list", dataset.labels.size()));
  }
  std::vector<int> out;
  const int highest = dataset.foreground().back();
  for (const Json& value : order) {
    out.push_back(label_value(value, "regions_class_order", what));
    if (out.back() > highest) {
      refuse(what, fmt::format("\"regions_class_order\" paints {}, the highest label is {}", out.back(), highest));
    }
  }
  return out;
}

}  // namespace

int Dataset::heads() const {
  return static_cast<int>(has_regions() ? regions_class_order.size() : foreground().size() + 1);
}

std::vector<int> Dataset::foreground() const {
  std::set<int> all;
  for (const DatasetLabel& label : labels) all.insert(label.values.begin(), label.values.end());
  all.erase(0);
  return {all.begin(), all.end()};
}

std::string Dataset::name_of(int label) const {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (has_regions() ? regions_class_order[i] == label : labels[i].values[0] == label) return labels[i].name;
  }
  return {};
}

Dataset parse_dataset(std::string_view text, std::string_view what) {
  const Json json = parse_json(text, what);
  if (!json.is_object()) refuse(what, "expected an object");
  Dataset out;
  out.channel_names = read_channels(json, what);
  const auto labels = json_get<Json>(json, "labels", what);
  if (!labels.is_object()) throw_json_type(json, "labels", what);
  read_labels(labels, json_key_order(text, "labels", what), what, out);
  check_labels(out, what);
  out.regions_class_order = read_class_order(json, out, what);
  out.reader_writer = json_get_or<std::string>(json, "overwrite_image_reader_writer", what, "");
  return out;
}

}  // namespace sagittal::nn
