#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "hub/image/image_manifest.h"
#include "hub/image/image_reference.h"
#include "hub/image/registry.h"
#include "hub/image/registry_login.h"

// What a registry answers, the name that it was asked for, and the file with passwords for it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  const std::string_view text = as_text({data, size});
  const auto read = [](const auto& parse) {
    try {
      parse();
    } catch (const Error&) {
    }
  };
  read([&] { hub::parse_image_manifest(text, "amd64"); });
  read([&] { hub::image_config_from(hub::to_json(hub::parse_image_config(text))); });
  read([&] {
    const auto reference = hub::parse_image_reference(text);
    const std::string whole = hub::to_string(reference);
    if (hub::to_string(hub::parse_image_reference(whole)) != whole) __builtin_trap();
  });
  hub::parse_token_challenge(text);
  read([&] { hub::parse_registry_login(text, "a.b"); });
  return 0;
}
