#include "hub/card.h"

#include <algorithm>

namespace sagittal::hub {
namespace {

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

}  // namespace

std::vector<std::string> ModelCard::modalities() const {
  std::vector<std::string> out;
  for (const CardInput& input : inputs) {
    for (const std::string& modality : input.modalities) add_once(out, modality);
  }
  return out;
}

std::vector<std::string> ModelCard::body_parts() const {
  std::vector<std::string> out;
  for (const CardInput& input : inputs) add_once(out, input.body_part);
  return out;
}

std::optional<bool> commercial_use(const ModelCard& card) {
  const Licence& code = card.code_licence;
  const Licence& weights = card.weights_licence;
  if (code.commercial_use == false || weights.commercial_use == false) return false;
  if (weights.applies() && !weights.commercial_use) return std::nullopt;
  return code.commercial_use;
}

std::string_view name_of(ModelEngine engine) {
  switch (engine) {
    case ModelEngine::nnunet_v1:
      return "nnunet_v1";
    case ModelEngine::nnunet_v2:
      return "nnunet_v2";
    case ModelEngine::totalsegmentator:
      return "totalsegmentator";
    case ModelEngine::nninteractive:
      return "nninteractive";
    case ModelEngine::other:
      return "other";
    case ModelEngine::unknown:
      break;
  }
  return "unknown";
}

std::string_view name_of(Source source) { return source == Source::mhub ? "mhub" : "local"; }

}  // namespace sagittal::hub
