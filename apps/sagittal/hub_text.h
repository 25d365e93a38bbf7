#pragma once
#include "base/json.h"

namespace sagittal {

/// The hub's answers for people, on standard output. Colours are shown on a terminal, unless NO_COLOR is set.

/// `list` as hub::Hub::list makes it.
void print_models(const Json& list);

/// `card` as hub::Hub::card makes it.
void print_card(const Json& card);

}  // namespace sagittal
