#pragma once
#include <omp.h>

#include <optional>

#include <oneapi/dnnl/dnnl.hpp>

namespace sagittal::nn::cpu {

/// Number of OpenMP threads that this host thread's primitives use; restored at the end of the scope.
class OmpThreads {
 public:
  explicit OmpThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;
  ~OmpThreads() { omp_set_num_threads(before_); }

 private:
  int before_;
};

struct ConvolutionShape {
  dnnl::memory::desc input, weights, output;
  std::optional<dnnl::memory::desc> bias;
  dnnl::memory::dims strides, padding_before, padding_after;
  float slope = 1;               // of a leaky ReLU on the result
  bool logistic = false;         // 1 / (1 + exp(-x)) of the result
  dnnl::memory::dims gaps = {};  // between the taps of the kernel; empty: none

  dnnl::memory::dims dilations() const { return gaps.empty() ? dnnl::memory::dims(strides.size(), 0) : gaps; }
};

inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

inline dnnl::primitive_attr convolution_attributes(const ConvolutionShape& s) {
  dnnl::primitive_attr attributes = user_scratchpad();
  if (s.slope == 1 && !s.logistic) return attributes;
  const auto kind = s.logistic ? dnnl::algorithm::eltwise_logistic : dnnl::algorithm::eltwise_relu;
  dnnl::post_ops activation;
#if DNNL_VERSION_MAJOR >= 3
  activation.append_eltwise(kind, s.slope, 0);
#else
  activation.append_eltwise(1, kind, s.slope, 0);
#endif
  attributes.set_post_ops(activation);
  return attributes;
}

// oneDNN 3 merged operation descriptors into primitive descriptors.
#if DNNL_VERSION_MAJOR >= 3
inline dnnl::convolution_forward::primitive_desc describe_convolution(const dnnl::engine& engine,
                                                                      const ConvolutionShape& s) {
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  return {engine,   kind,      algorithm,     s.input,          s.weights,       s.bias.value_or(dnnl::memory::desc()),
          s.output, s.strides, s.dilations(), s.padding_before, s.padding_after, convolution_attributes(s)};
}
inline dnnl::matmul::primitive_desc describe_matmul(const dnnl::engine& engine, const dnnl::memory::desc& a,
                                                    const dnnl::memory::desc& b, const dnnl::memory::desc& bias,
                                                    const dnnl::memory::desc& c) {
  return {engine, a, b, bias, c, user_scratchpad()};
}
#else
inline dnnl::convolution_forward::primitive_desc describe_convolution(const dnnl::engine& engine,
                                                                      const ConvolutionShape& s) {
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::desc description(kind, algorithm, s.input, s.weights,
                                                    s.bias.value_or(dnnl::memory::desc()), s.output, s.strides,
                                                    s.dilations(), s.padding_before, s.padding_after);
  return {description, convolution_attributes(s), engine};
}
inline dnnl::matmul::primitive_desc describe_matmul(const dnnl::engine& engine, const dnnl::memory::desc& a,
                                                    const dnnl::memory::desc& b, const dnnl::memory::desc& bias,
                                                    const dnnl::memory::desc& c) {
  return {dnnl::matmul::desc(a, b, bias, c), user_scratchpad(), engine};
}
#endif

}  // namespace sagittal::nn::cpu
