#pragma once
#include <string>
#include <string_view>

namespace sagittal::nn {

/// Where networks run.
struct DeviceChoice {
  enum class Kind {
    automatic,  ///< cards where there are some whose answers are right, else the processor
    cpu,
    cuda,
  };
  static constexpr int kAllCards = -1;

  Kind kind = Kind::automatic;
  int card = kAllCards;  ///< of Kind::cuda, as CUDA counts

  /// As `parse_device` reads it.
  std::string text() const;

  bool operator==(const DeviceChoice&) const = default;
};

/// "auto", "cpu", "cuda" (all cards) or "cuda:N". Throws Error(wrong_usage).
DeviceChoice parse_device(std::string_view text);

}  // namespace sagittal::nn
