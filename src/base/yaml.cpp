#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal {
namespace {

constexpr std::size_t kMaxValues = 20'000;
constexpr std::size_t kMaxDepth = 32;

/// YAML 1.1's truth values and null, and numbers that JSON writes alike; all else stays text.
Json typed_scalar(const std::string& value) {
  const std::string word = lower_case(value);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  if (word == "null") return nullptr;
  const std::size_t digits = value.starts_with('-') ? 1 : 0;
  const bool octal = value.size() > digits + 1 && value[digits] == '0' && value[digits + 1] != '.';
  if (octal) return value;
  if (const auto number = parse_number<std::int64_t>(value)) return *number;
  const bool decimal =
      value.find('.') != std::string::npos && value.find_first_not_of("-.0123456789") == std::string::npos;
  if (const auto number = parse_number<double>(value); decimal && number) return *number;
  return value;
}

/// Builds the tree from the parser's events, so that limits hold before memory is taken.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view what, YamlScalars scalars) : what_(what), scalars_(scalars) {}
  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { add(nullptr); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Error(ErrorCode::unsupported, fmt::format("{}, line {}: YAML aliases are not read", what_, mark.line + 1));
  }
  void OnScalar(const YAML::Mark&, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    const bool is_key = !open_.empty() && open_.back().value.is_object() && !open_.back().has_key;
    const bool plain = tag == "?";  // "!" where it is quoted
    add(scalars_ == YamlScalars::typed && plain && !is_key ? typed_scalar(value) : Json(value));
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Json value;
    std::string key = {};
    bool has_key = false;
  };

  void count() {
    if (++values_ > kMaxValues) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: more than {} values", what_, kMaxValues));
    }
  }
  void open(Json container) {
    count();
    if (open_.size() == kMaxDepth) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: nested deeper than {}", what_, kMaxDepth));
    }
    open_.push_back({std::move(container)});
  }
  void close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    place(std::move(value));
  }
  void add(Json value) {
    count();
    place(std::move(value));
  }
  void place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.is_array()) {
      parent.value.push_back(std::move(value));
    } else if (parent.has_key) {
      parent.value[parent.key] = std::move(value);
      parent.has_key = false;
    } else {
      if (!value.is_string()) {
        throw Error(ErrorCode::bad_input, fmt::format("{}: a key is {}, expected text", what_, value.type_name()));
      }
      parent.key = value.get<std::string>();
      parent.has_key = true;
    }
  }

  const std::string what_;
  const YamlScalars scalars_;
  std::vector<Open> open_;
  Json root_;
  std::size_t values_ = 0;
};

}  // namespace

Json parse_yaml(std::string_view text, std::string_view what, YamlScalars scalars) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder tree(what, scalars);
    parser.HandleNextDocument(tree);
    return tree.take();
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not YAML: {}", what, error.what()));
  }
}

}  // namespace sagittal
