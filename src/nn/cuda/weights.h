#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/cuda/card.h"
#include "nn/tensor.h"

namespace sagittal::nn::cuda {

/// The parameters of a network in a card's memory, each put there when first asked for, in the form that kernels want;
/// channels are padded with zeros. Pointers hold while the object lives. One thread at a time.
class CardWeights {
 public:
  CardWeights(StateDict weights, Card& card, Queue& queue) : weights_(std::move(weights)), card_(card), queue_(queue) {}

  /// [out][kd][kh][kw][in] of a convolution's [out, in, kd, kh, kw], whose inputs are groups, each padded on its own.
  const Half* convolution(const std::string& name, int outputs, const std::vector<int>& input_groups);
  /// [(kd, kh, kw, out)][in] of a transposed convolution's [in, out, kd, kh, kw].
  const Half* upsampling(const std::string& name, int inputs, int outputs);
  /// Null where the name is unknown.
  const float* vector(const std::string& name, int channels);
  /// A norm that adds the bias and scales by 1.
  const float* bias_as_norm(const std::string& name, int channels);
  /// A norm that changes nothing.
  const float* identity(int channels);
  /// [class][channel] of a head's [class, channel, 1, 1, 1], and its bias, 0 where there is none.
  const float* head(const std::string& name, int classes, int channels);
  const float* head_bias(const std::string& name, int classes);

  /// To be called when a program is complete.
  void forget_originals() const { weights_.forget_pages(); }

 private:
  std::vector<float> values(const std::string& name) const;
  template <class T>
  const T* keep(const std::string& form, const std::string& name, const std::function<std::vector<T>()>& make);

  StateDict weights_;
  Card& card_;
  Queue& queue_;
  std::map<std::pair<std::string, std::string>, CardMemory> kept_;  // by form and name
};

}  // namespace sagittal::nn::cuda
