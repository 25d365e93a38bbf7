#include "model_images.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/image/registry.h"
#include "hub/image/registry_login.h"
#include "hub/runners/container_runner.h"
#include "hub/runners/process.h"
#include "model_runner.h"

namespace sagittal {
namespace {

/// Takes the names from an engine's image that mean `name`; with its last one it goes.
std::uint64_t remove_from(const hub::ContainerRunner& engine, const hub::EngineImage& image, const std::string& name) {
  hub::EngineImage named = image;
  std::erase_if(named.tags, [&](const std::string& tag) {
    return !hub::is_called({.id = {}, .bytes = 0, .tags = {tag}, .pinned = {}}, name);
  });
  const bool goes = named.tags.size() == image.tags.size();
  engine.remove_image(goes ? image : named);
  return goes ? image.bytes : 0;
}

void find_in(hub::Engine which, const std::string& name, const CancelToken& cancel, HeldImages& found) {
  const std::string holder(hub::name_of(which));
  const auto program = hub::find_program(holder);
  if (!program) return;
  const auto engine = std::make_shared<const hub::ContainerRunner>(which, *program);
  try {
    for (const hub::EngineImage& image : engine->images(cancel)) {
      if (!hub::is_called(image, name)) continue;
      found.images.push_back({holder, image.bytes, [=] { return remove_from(*engine, image, name); }});
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) throw;
    found.silent.push_back(fmt::format("{}: {}", holder, error.what()));
  }
}

}  // namespace

HeldImages find_images(const std::string& image, const std::filesystem::path& data_directory,
                       const CancelToken& cancel) {
  HeldImages found;
  const hub::ImageReference reference = hub::parse_image_reference(image);
  const hub::ImageStore store = image_store(data_directory);
  for (const hub::StoredImage& stored : store.list()) {
    const bool same =
        reference.digest.empty() ? stored.reference == hub::to_string(reference) : stored.digest == reference.digest;
    if (!same) continue;
    found.images.push_back({"sagittal", stored.bytes, [=] { return store.remove(stored.digest); }});
  }
  for (const hub::Engine which : {hub::Engine::docker, hub::Engine::podman}) find_in(which, image, cancel, found);
  return found;
}

std::optional<std::uint64_t> bytes_to_fetch(const std::string& image, const RunControl& control) {
  try {
    const hub::ImageReference reference = hub::parse_image_reference(image);
    const auto login = hub::read_registry_login(hub::registry_login_file(), reference.registry);
    return hub::Registry(reference, login).resolve(control).manifest.bytes();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) throw;
    return std::nullopt;
  }
}

}  // namespace sagittal
