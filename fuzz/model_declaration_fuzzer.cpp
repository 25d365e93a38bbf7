#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "interact/guide_model.h"

// The input is a checkpoint folder's sagittal.json. What is accepted names a folder beside it.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto found =
        sagittal::interact::parse_declaration(sagittal::parse_json(sagittal::as_text({data, size}), "fuzz"));
    if (found.guide_folder.find_first_of("/.\\") != std::string::npos) __builtin_trap();
  } catch (const sagittal::Error& error) {
    if (error.code() != sagittal::ErrorCode::bad_input) __builtin_trap();
  }
  return 0;
}
