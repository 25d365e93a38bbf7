#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "hub/card_json.h"
#include "hub/card_reader.h"

/// The first byte chooses what the rest is: a model card, a workflow, a mhub.toml, or an answer of the web API.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal::hub;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 4 == 3) {
      std::vector<std::string> problems;
      for (const ModelCard& card : read_web_api(text, problems)) static_cast<void>(card_json(card).dump());
      return 0;
    }
    CardFiles files{"model", {{"meta.json", "{}"}}};
    const char* names[] = {"meta.json", "config/default.yml", "mhub.toml"};
    files.files[names[data[0] % 4]] = text;
    static_cast<void>(card_json(read_card(files)).dump());
  } catch (const sagittal::Error&) {
  }
  return 0;
}
