#include "base/machine.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

namespace sagittal {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

int cores_in_affinity_mask() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string siblings =
        first_line(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    cores.insert(siblings.empty() ? fmt::format("cpu{}", cpu) : siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

/// CPUs granted by the cgroup's quota, or infinity.
double cgroup_cpu_quota() {
  std::istringstream v2(first_line("/sys/fs/cgroup/cpu.max"));
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) return std::strtod(quota.c_str(), nullptr) / period;
  const double v1 = std::strtod(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").c_str(), nullptr);
  const double v1_period = std::strtod(first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us").c_str(), nullptr);
  return v1 > 0 && v1_period > 0 ? v1 / v1_period : INFINITY;
}

std::uint64_t cgroup_memory_limit() {
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const std::string line = first_line(path);
    if (line.empty() || line == "max") continue;
    return std::strtoull(line.c_str(), nullptr, 10);
  }
  return UINT64_MAX;
}

std::uint64_t memory_total() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  file >> key >> kib;
  return kib * 1024;
}

}  // namespace

int available_cores() {
  const double quota = std::ceil(cgroup_cpu_quota());
  const int cores = cores_in_affinity_mask();
  return quota < cores ? std::max(1, static_cast<int>(quota)) : cores;
}

Machine inspect_machine() {
  Machine machine;
  machine.cores = available_cores();
  machine.memory_total_bytes = memory_total();
  machine.memory_limit_bytes = std::min(machine.memory_total_bytes, cgroup_memory_limit());
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const auto value = line.substr(std::min(line.size(), line.find(':') + 2));
    if (machine.cpu_model.empty() && line.starts_with("model name")) machine.cpu_model = value;
    if (!line.starts_with("flags")) continue;
    std::istringstream words(value);
    for (std::string flag; words >> flag;) {
      machine.avx2 |= flag == "avx2";
      machine.avx512 |= flag == "avx512bw";
      machine.avx512_bf16 |= flag == "avx512_bf16";
      machine.amx_bf16 |= flag == "amx_bf16";
    }
    break;
  }
  return machine;
}

std::uint64_t peak_resident_bytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace sagittal
