#include "nn/device/choice.h"

#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn {

std::string DeviceChoice::text() const {
  if (kind == Kind::automatic) return "auto";
  if (kind == Kind::cpu) return "cpu";
  return card == kAllCards ? "cuda" : fmt::format("cuda:{}", card);
}

DeviceChoice parse_device(std::string_view text) {
  using Kind = DeviceChoice::Kind;
  if (text == "auto") return {Kind::automatic};
  if (text == "cpu") return {Kind::cpu};
  if (text == "cuda") return {Kind::cuda};
  constexpr std::string_view one_card = "cuda:";
  if (text.starts_with(one_card)) {
    const std::string_view digits = text.substr(one_card.size());
    int card = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), card);
    if (failure == std::errc() && end == digits.data() + digits.size() && card >= 0) return {Kind::cuda, card};
  }
  throw Error(ErrorCode::wrong_usage, fmt::format("--device {}: expected auto, cpu, cuda or cuda:N", text));
}

}  // namespace sagittal::nn
