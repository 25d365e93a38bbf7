#include "hub/runnable.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::hub {
namespace {

std::string text_at(const Json& object, const char* key) {
  return json_get_or<std::string>(object, key, "a model card", "");
}

LicenceTerms terms_of(const Json& card, bool published) {
  const Json licence = json_get_or<Json>(card, "licence", "a model card", Json::object());
  const std::string weights = text_at(licence, "weights_text"), code = text_at(licence, "code_text");
  LicenceTerms terms;
  terms.id = text_at(licence, "weights");
  if (terms.id.empty() && published) terms.id = text_at(licence, "code");
  if (terms.id.empty() && published) terms.id = "unstated";
  if (!terms.needed()) return terms;
  terms.text = fmt::format("weights: {}; code: {}", weights.empty() ? "not stated" : weights,
                           code.empty() ? "not stated" : code);
  const Json use = json_get_or<Json>(licence, "commercial_use", "a model card", nullptr);
  if (use.is_boolean()) terms.commercial_use = use.get<bool>();
  return terms;
}

}  // namespace

Runnable runnable_of(const Json& card) {
  Runnable model{text_at(card, "name"), text_at(card, "title"), text_at(card, "source"), {}};
  if (text_at(card, "kind") == "interactive")
    throw Error(ErrorCode::unsupported,
                fmt::format("{} answers prompts and does not run by itself: open a scan with it in a viewer, or "
                            "`sagittal segment --model {}`",
                            model.name, model.name));
  model.licence = terms_of(card, model.source == "mhub");
  return model;
}

Json terms_json(const LicenceTerms& terms) {
  return {{"id", terms.id},
          {"text", terms.text},
          {"commercial_use", terms.commercial_use ? Json(*terms.commercial_use) : Json()}};
}

}  // namespace sagittal::hub
