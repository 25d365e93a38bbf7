#include "nn/cuda/weights.h"

#include <fmt/format.h>

#include "base/error.h"
#include "nn/cuda/program.h"

namespace sagittal::nn::cuda {
namespace {

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

std::vector<float> CardWeights::values(const std::string& name) const {
  const TensorView* found = weights_.find(name);
  if (found == nullptr) throw Error(ErrorCode::internal, fmt::format("no parameter {}", name));
  return to_float(*found);
}

template <class T>
const T* CardWeights::keep(const std::string& form, const std::string& name,
                           const std::function<std::vector<T>()>& make) {
  CardMemory& memory = kept_[{form, name}];
  if (!memory) {
    const std::vector<T> made = make();
    CardMemory fresh = card_.allocate(made.size() * sizeof(T));
    queue_.upload(fresh.get(), std::as_bytes(std::span(made)));
    queue_.wait();  // `made` ends here
    memory = std::move(fresh);
  }
  return reinterpret_cast<const T*>(memory.get());
}

const Half* CardWeights::convolution(const std::string& name, int outputs, const std::vector<int>& input_groups) {
  return keep<Half>("convolution", name, [&] {
    const std::vector<float> from = values(name + ".weight");
    std::int64_t inputs = 0, stored = 0;
    for (const int group : input_groups) {
      inputs += group;
      stored += padded(group);
    }
    const std::int64_t taps = std::ssize(from) / (outputs * inputs);
    std::vector<Half> to(to_size(padded(outputs) * taps * stored));
    for (std::int64_t out = 0; out < outputs; ++out) {
      std::int64_t input = 0, place = 0;
      for (const int group : input_groups) {
        for (int channel = 0; channel < group; ++channel, ++input) {
          for (std::int64_t tap = 0; tap < taps; ++tap) {
            to[to_size((out * taps + tap) * stored + place + channel)] =
                to_half(from[to_size((out * inputs + input) * taps + tap)]);
          }
        }
        place += padded(group);
      }
    }
    return to;
  });
}

const Half* CardWeights::upsampling(const std::string& name, int inputs, int outputs) {
  return keep<Half>("upsampling", name, [&] {
    const std::vector<float> from = values(name + ".weight");
    const std::int64_t taps = std::ssize(from) / (inputs * outputs), stored = padded(inputs);
    std::vector<Half> to(to_size(taps * padded(outputs) * stored));
    for (std::int64_t in = 0; in < inputs; ++in) {
      for (std::int64_t out = 0; out < outputs; ++out) {
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          to[to_size((tap * padded(outputs) + out) * stored + in)] =
              to_half(from[to_size((in * outputs + out) * taps + tap)]);
        }
      }
    }
    return to;
  });
}

const float* CardWeights::vector(const std::string& name, int channels) {
  if (weights_.find(name) == nullptr) return nullptr;
  return keep<float>("vector", name, [&] {
    std::vector<float> to = values(name);
    to.resize(to_size(padded(channels)));
    return to;
  });
}

const float* CardWeights::bias_as_norm(const std::string& name, int channels) {
  return keep<float>("bias as norm", name, [&] {
    std::vector<float> to(to_size(padded(channels)), 1.0F);
    const std::vector<float> bias = values(name);
    to.insert(to.end(), bias.begin(), bias.end());
    to.resize(to_size(2 * padded(channels)));
    return to;
  });
}

const float* CardWeights::identity(int channels) {
  return keep<float>("identity", std::to_string(channels), [&] {
    std::vector<float> to(to_size(padded(channels)), 1.0F);
    to.resize(to_size(2 * padded(channels)));
    return to;
  });
}

const float* CardWeights::head(const std::string& name, int classes, int channels) {
  return keep<float>("head", name, [&] {
    const std::vector<float> from = values(name + ".weight");
    std::vector<float> to(to_size(classes * padded(channels)));
    for (int cls = 0; cls < classes; ++cls) {
      for (int channel = 0; channel < channels; ++channel) {
        to[to_size(cls * padded(channels) + channel)] = from[to_size(cls * channels + channel)];
      }
    }
    return to;
  });
}

const float* CardWeights::head_bias(const std::string& name, int classes) {
  return keep<float>("head's bias", name, [&] {
    return weights_.find(name + ".bias") ? values(name + ".bias") : std::vector<float>(to_size(classes));
  });
}

}  // namespace sagittal::nn::cuda
