#pragma once
#include <cstdint>
#include <exception>
#include <utility>

namespace sagittal::nn::cpu {

/// Calls `body(i)` for i in [0, count) on that many OpenMP threads; the first exception is rethrown here.
template <class Body>
void parallel_for(int threads, std::int64_t count, Body&& body) {
  std::exception_ptr failure;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t i = 0; i < count; ++i) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(sagittal_parallel_for)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace sagittal::nn::cpu
