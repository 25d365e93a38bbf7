#include "hub/jobs/holder.h"

#include <fstream>

#include "base/error.h"
#include "base/random.h"

namespace sagittal::hub {
namespace {

/// The number of this machine's start, as the kernel gives it.
std::string boot() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string digits;
  for (char c = 0; digits.size() < 32 && in.get(c);) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) digits += c;
  }
  return digits.empty() ? "0" : digits;
}

}  // namespace

std::string machine_name() { return boot(); }

Holder::Holder(const std::filesystem::path& folder)
    : folder_(folder), name_(machine_name() + "-" + random_hex(64)), lock_(folder / name_) {}

Holder::~Holder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_ / name_, ignored);
}

bool is_gone(const std::filesystem::path& folder, const std::string& name) {
  if (!name.starts_with(machine_name() + "-") || name.find('/') != std::string::npos) return false;
  try {
    if (!std::filesystem::exists(folder / name)) return true;
    const durable::FolderLock taken(folder / name);
  } catch (const Error&) {
    return false;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder / name, ignored);
  return true;
}

}  // namespace sagittal::hub
