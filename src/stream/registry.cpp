#include "stream/registry.h"

#include <dlfcn.h>

#include <algorithm>

#include <fmt/format.h>

#include "stream/names.h"

namespace sagittal::stream {
namespace {

template <class Function>
Function function_of(void* library, const char* name, const std::filesystem::path& file) {
  auto* const found = reinterpret_cast<Function>(::dlsym(library, name));
  if (found == nullptr) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: no plug-in: it has no \"{}\"", file.string(), name));
  }
  return found;
}

template <class Port>
Json ports(const std::vector<Port*>& all) {
  Json list = Json::array();
  for (const Port* port : all) list.push_back({{"name", port->name()}, {"type", port->type().name}});
  return list;
}

}  // namespace

void OperatorRegistry::add(OperatorType type) {
  const auto place =
      std::lower_bound(types_.begin(), types_.end(), type.name,
                       [](const OperatorType& known, const std::string& name) { return known.name < name; });
  if (place != types_.end() && place->name == type.name) {
    throw Error(ErrorCode::conflict, fmt::format("there are two operator types \"{}\"", type.name));
  }
  types_.insert(place, std::move(type));
}

const OperatorType& OperatorRegistry::find(std::string_view name) const {
  for (const OperatorType& type : types_) {
    if (type.name == name) return type;
  }
  throw Error(ErrorCode::not_found,
              fmt::format("there is no operator type \"{}\"{}", name, there_are_of(types_, name)));
}

Json describe(const OperatorType& type) {
  const auto op = type.make();
  Setup setup;
  op->setup(setup);
  Json described = setup.describe();
  described["name"] = type.name;
  described["description"] = type.description;
  described["inputs"] = ports(setup.inputs());
  described["outputs"] = ports(setup.outputs());
  return described;
}

void load_plugin(const std::filesystem::path& file, OperatorRegistry& registry) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) {
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no such file", file.string()));
  }
  // An absolute path: a bare name would be looked for in the system's folders.
  void* const library = ::dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: cannot be loaded: {}", file.string(), ::dlerror()));
  }
  const int version = function_of<int (*)()>(library, "sagittal_plugin_version", file)();
  if (version != kPluginVersion) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: made for version {} of plug-ins, this is {}; build it again",
                                                    file.string(), version, kPluginVersion));
  }
  function_of<void (*)(OperatorRegistry&)>(library, "sagittal_plugin_operators", file)(registry);
}

}  // namespace sagittal::stream
