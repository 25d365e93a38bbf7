#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sagittal {

/// Processors this process may use: its affinity mask, cut by the cgroup's quota (v1 and v2), at least 1. Of several
/// hardware threads on one core, one counts.
int available_cores();

/// What this machine offers, read once at the call. Memory in bytes; `memory_limit` honours the cgroup.
struct Machine {
  std::string cpu_model;
  int cores = 1;
  std::uint64_t memory_total_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;
  bool avx2 = false;
  bool avx512 = false;
  bool avx512_bf16 = false;
  bool amx_bf16 = false;
};
Machine inspect_machine();

/// Largest resident set of this process so far, in bytes.
std::uint64_t peak_resident_bytes();

}  // namespace sagittal
