#include "nn/cpu/weights.h"

#include <algorithm>

#include "base/error.h"
#include "nn/cpu/activation.h"

namespace sagittal::nn::cpu {
namespace {

const TensorView& tensor_of(const StateDict& weights, const std::string& name) {
  const TensorView* found = weights.find(name);
  if (found == nullptr) throw Error(ErrorCode::bad_input, "the weights lack " + name);
  return *found;
}

int stored(const std::vector<int>& groups) {
  int sum = 0;
  for (const int group : groups) sum += padded(group);
  return sum;
}

}  // namespace

std::vector<float> WeightStore::values(const std::string& name) const {
  const TensorView& tensor = tensor_of(weights_, name);
  std::vector<float> values = to_float(tensor);
  weights_.forget_pages(tensor);
  return values;
}

std::vector<float> WeightStore::vector(const std::string& name, int channels, float fallback) const {
  std::vector<float> values(static_cast<std::size_t>(channels), fallback);
  if (const TensorView* found = weights_.find(name); found != nullptr) values = to_float(*found);
  values.resize(static_cast<std::size_t>(padded(channels)), 0.0F);
  return values;
}

template <class Fill>
PackedWeights WeightStore::pack(const std::string& name, const dnnl::memory::desc& plain,
                                const dnnl::memory::desc& wanted, Fill&& fill) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, packed] : packed_) {
    if (key == name && packed.layout == wanted) return packed;
  }
  packed_bytes_ += wanted.get_size();
  if (packing_ == Packing::counted) return packed_.emplace_back(name, PackedWeights{wanted, nullptr}).second;
  Buffer plain_values(plain.get_size());
  std::fill(plain_values.as<float>().begin(), plain_values.as<float>().end(), 0.0F);
  fill(values(name), plain_values.as<float>().data());
  const auto bytes = std::make_shared<Buffer>(wanted.get_size());
  dnnl::memory source(plain, engine_, plain_values.data());
  dnnl::memory target(wanted, engine_, bytes->data());
  dnnl::stream stream(engine_);
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
  packed_.emplace_back(name, PackedWeights{wanted, bytes});
  return packed_.back().second;
}

PackedWeights WeightStore::convolution(const std::string& name, int outputs, const std::vector<int>& input_groups,
                                       const SpatialSize& kernel, const dnnl::memory::desc& wanted) {
  const std::int64_t taps = voxels_of(kernel);
  const int stored_inputs = stored(input_groups);
  const dnnl::memory::desc plain({padded(outputs), stored_inputs, kernel[0], kernel[1], kernel[2]},
                                 dnnl::memory::data_type::f32, dnnl::memory::format_tag::oidhw);
  return pack(name, plain, wanted, [&](const std::vector<float>& from, float* to) {
    const float* source = from.data();
    for (int out = 0; out < outputs; ++out) {
      float* row = to + out * stored_inputs * taps;
      for (const int group : input_groups) {
        std::copy_n(source, group * taps, row);
        source += group * taps;
        row += padded(group) * taps;
      }
    }
  });
}

PackedWeights WeightStore::upsampling(const std::string& name, int inputs, int outputs, const SpatialSize& kernel,
                                      const dnnl::memory::desc& wanted) {
  const std::int64_t taps = voxels_of(kernel);
  const std::int64_t columns = taps * padded(outputs);
  const dnnl::memory::desc plain({padded(inputs), columns}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab);
  return pack(name, plain, wanted, [&](const std::vector<float>& from, float* to) {
    const float* source = from.data();
    for (int in = 0; in < inputs; ++in) {
      for (int out = 0; out < outputs; ++out) {
        for (std::int64_t tap = 0; tap < taps; ++tap) to[in * columns + tap * padded(outputs) + out] = *source++;
      }
    }
  });
}

std::shared_ptr<const Buffer> WeightStore::packed(const std::string& name, const std::string& form, std::size_t bytes,
                                                  const std::function<Buffer(const std::vector<float>&)>& make) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Buffer>& found = forms_[{name, form}];
  if (found) return found;
  found = std::make_shared<const Buffer>(packing_ == Packing::counted ? Buffer() : make(values(name)));
  packed_bytes_ += packing_ == Packing::counted ? bytes : found->size();
  return found;
}

std::size_t WeightStore::packed_bytes() const {
  const std::lock_guard lock(mutex_);
  return packed_bytes_;
}

}  // namespace sagittal::nn::cpu
