#include "hub/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxValues = 20'000;
constexpr std::size_t kMaxDepth = 32;

/// Builds the tree from the parser's events, so that limits hold before memory is taken.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view what) : what_(what) {}
  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { add(nullptr); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Error(ErrorCode::unsupported, fmt::format("{}, line {}: YAML aliases are not read", what_, mark.line + 1));
  }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string& value) override {
    add(value);
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
  std::vector<Open> open_;
  Json root_;
  std::size_t values_ = 0;
};

}  // namespace

Json parse_yaml(std::string_view text, std::string_view what) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder tree(what);
    parser.HandleNextDocument(tree);
    return tree.take();
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not YAML: {}", what, error.what()));
  }
}

}  // namespace sagittal::hub
