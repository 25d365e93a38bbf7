#pragma once
#include <optional>
#include <string>

#include "base/json.h"

namespace sagittal::hub {

/// What somebody agrees to before a model runs for the first time.
struct LicenceTerms {
  std::string id;    ///< what is typed to accept it: of the weights, SPDX; "unstated" where the card names none
  std::string text;  ///< the card's words on weights and code
  std::optional<bool> commercial_use;

  /// False where there is nothing to agree to: a model of this machine that came without a licence.
  bool needed() const { return !id.empty(); }
};

/// A model as somebody wants to run it, from its card.
struct Runnable {
  std::string name, title, source;
  LicenceTerms licence;
};

/// `card` as Hub::card gives it. Error(unsupported) for a model that answers prompts and cannot run by itself.
Runnable runnable_of(const Json& card);

/// {"id","text","commercial_use"}.
Json terms_json(const LicenceTerms& terms);

}  // namespace sagittal::hub
