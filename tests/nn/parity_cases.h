#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "nn/architecture.h"

/// The networks whose answers by PyTorch are stored, with inputs and weights made of hashes.
namespace sagittal::nn::parity {

/// One entry of tests/parity/network.json.
struct Case {
  std::string name;
  UNet network;
  SpatialSize size{1, 1, 1};
  Json json;
  std::vector<float> values;  ///< sampled reference, every json["stride"]-th logit
};

const std::vector<Case>& cases();
const Case& case_named(std::string_view name);
std::vector<std::string> case_names();
std::vector<std::string> small_case_names();

std::size_t voxels(const SpatialSize& size);
std::vector<float> hashed_input(const Case& c);

/// Root mean square of what differs from the reference, in shares of the reference's.
double relative_error(const Case& c, const std::vector<float>& logits);

}  // namespace sagittal::nn::parity
