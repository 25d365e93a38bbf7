#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stream/operator.h"

namespace sagittal::stream {

/// A type of operators, as pipeline files name it.
struct OperatorType {
  std::string name;         ///< "igtl_input"
  std::string description;  ///< one sentence
  std::function<std::unique_ptr<Operator>()> make;
};

/// The types that pipelines may use: a value, made by the program and handed down.
class OperatorRegistry {
 public:
  /// Error(conflict) for a name that is there.
  void add(OperatorType type);
  template <class T>
  void add(std::string name, std::string description) {
    add({std::move(name), std::move(description), [] { return std::make_unique<T>(); }});
  }

  /// Error(not_found) that names those there are, nearest first.
  const OperatorType& find(std::string_view name) const;
  std::unique_ptr<Operator> make(std::string_view name) const { return find(name).make(); }
  const std::vector<OperatorType>& types() const { return types_; }

 private:
  std::vector<OperatorType> types_;  // by name
};

/// {"name", "description", "inputs": [{"name", "type"}], "outputs", and what `Setup::describe` gives}.
Json describe(const OperatorType& type);

/// Raised whenever a header of src/stream changes in a way that plug-ins must be built again for.
inline constexpr int kPluginVersion = 3;

/// Loads a shared library with operators and adds them. It stays loaded, and runs with all rights of this program: only
/// files that a person named. Error(not_found | bad_input) for what is none, Error(unsupported) for another version.
void load_plugin(const std::filesystem::path& file, OperatorRegistry& registry);

}  // namespace sagittal::stream

/// In one source file of a plug-in: SAGITTAL_PLUGIN(registry) { registry.add<Invert>("invert", "Inverts grey values.");
/// }
#define SAGITTAL_PLUGIN(registry)                                                   \
  extern "C" __attribute__((visibility("default"))) int sagittal_plugin_version() { \
    return sagittal::stream::kPluginVersion;                                        \
  }                                                                                 \
  extern "C" __attribute__((visibility("default"))) void sagittal_plugin_operators( \
      sagittal::stream::OperatorRegistry& registry)
