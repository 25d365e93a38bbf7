#pragma once
#include "base/json.h"
#include "hub/card.h"

namespace sagittal::hub {

/// What a list shows of a model; what is unknown is null or an empty list. Both forms are the native API's and are
/// described in docs/hub.md.
Json entry_json(const ModelCard& card);

/// Everything.
Json card_json(const ModelCard& card);

}  // namespace sagittal::hub
