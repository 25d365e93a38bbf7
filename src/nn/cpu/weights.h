#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "base/buffer.h"
#include "nn/network.h"
#include "nn/tensor.h"

namespace sagittal::nn::cpu {

/// Weights in the layout a primitive wants, shared by all programs that want the same.
struct PackedWeights {
  dnnl::memory::desc layout;
  std::shared_ptr<const Buffer> bytes;
  dnnl::memory memory(const dnnl::engine& engine) const {
    return dnnl::memory(layout, engine, const_cast<std::byte*>(bytes->data()));
  }
};

enum class Packing {
  made,
  counted,  ///< for a plan, which is never run: packed weights are empty
};

/// The parameters of a network and the packed forms made of them so far. Any thread may call it.
class WeightStore {
 public:
  WeightStore(StateDict weights, dnnl::engine engine, Packing packing = Packing::made)
      : weights_(std::move(weights)), engine_(std::move(engine)), packing_(packing) {}

  const dnnl::engine& engine() const { return engine_; }
  const StateDict& originals() const { return weights_; }
  bool has(const std::string& name) const { return weights_.find(name) != nullptr; }
  /// To be called when a program is complete: the packed weights suffice until a new one is made.
  void forget_originals() const { weights_.forget_pages(); }
  /// All values of a parameter, which must exist.
  std::vector<float> values(const std::string& name) const;
  /// Values of a vector, padded with zeros; `fallback` everywhere where the name is unknown.
  std::vector<float> vector(const std::string& name, int channels, float fallback) const;

  /// Weights [out, in, kd, kh, kw] with padded channels, reordered to `wanted`.
  PackedWeights convolution(const std::string& name, int outputs, const std::vector<int>& input_groups,
                            const SpatialSize& kernel, const dnnl::memory::desc& wanted);
  /// Weights [in, out, kd, kh, kw] of a transposed convolution as a matrix [in, (kd, kh, kw, out)].
  PackedWeights upsampling(const std::string& name, int inputs, int outputs, const SpatialSize& kernel,
                           const dnnl::memory::desc& wanted);
  /// What `make` makes of all values of a parameter, once for each form: so many bytes.
  std::shared_ptr<const Buffer> packed(const std::string& name, const std::string& form, std::size_t bytes,
                                       const std::function<Buffer(const std::vector<float>&)>& make);
  /// Of all that is packed, or counted, so far.
  std::size_t packed_bytes() const;

 private:
  template <class Fill>
  PackedWeights pack(const std::string& name, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
                     Fill&& fill);

  StateDict weights_;
  dnnl::engine engine_;
  const Packing packing_;
  mutable std::mutex mutex_;
  std::size_t packed_bytes_ = 0;
  std::vector<std::pair<std::string, PackedWeights>> packed_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Buffer>> forms_;
};

}  // namespace sagittal::nn::cpu
