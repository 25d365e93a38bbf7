#pragma once
#include <omp.h>

#include <cstdint>
#include <exception>
#include <utility>

namespace sagittal::nn::cpu {

/// Calls `body(worker, i)` for i in [0, count) on that many OpenMP threads, the worker below `threads`; the first
/// exception is rethrown here.
template <class Body>
void parallel_for_workers(int threads, std::int64_t count, Body&& body) {
  std::exception_ptr failure;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t i = 0; i < count; ++i) {
    try {
      body(omp_get_thread_num(), i);
    } catch (...) {
#pragma omp critical(sagittal_parallel_for)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// The same, for a body that needs no memory of its worker.
template <class Body>
void parallel_for(int threads, std::int64_t count, Body&& body) {
  parallel_for_workers(threads, count, [&body](int, std::int64_t i) { body(i); });
}

}  // namespace sagittal::nn::cpu
