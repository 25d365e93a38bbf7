#include "nn/cpu/peak.h"

#include <algorithm>
#include <chrono>

#include "nn/cpu/conv/kernels.h"
#include "nn/cpu/parallel.h"

namespace sagittal::nn::cpu {
namespace {

constexpr std::int64_t kThousands = 200'000;  // of each thread and trial, at least
constexpr double kShortest = 2e-3;            // seconds: a trial that threads need no time to begin
constexpr int kTrials = 5;

template <class T>
double peak_of(int threads) {
  double peak = 0;
  for (const conv::Kernels<T>* kernels : conv::widest_kernels<T>()) {
    std::int64_t thousands = kThousands;
    for (int trial = 0; trial < kTrials;) {
      const auto start = std::chrono::steady_clock::now();
      parallel_for(threads, threads, [&](std::int64_t) { kernels->spin(thousands); });
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      peak = std::max(peak, 2e3 * static_cast<double>(thousands) * threads / seconds.count());
      if (seconds.count() < kShortest) {
        thousands *= 2;
      } else {
        ++trial;
      }
    }
  }
  return peak;
}

}  // namespace

double measure_peak(Precision precision, int threads) {
  if (precision == Precision::automatic) precision = automatic_precision();
  return precision == Precision::bf16 ? peak_of<Bf16>(threads) : peak_of<float>(threads);
}

}  // namespace sagittal::nn::cpu
