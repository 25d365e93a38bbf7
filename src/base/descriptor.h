#pragma once
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/bytes.h"

namespace sagittal {

/// Owner of an open file or folder; a negative number is none.
class Descriptor {
 public:
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }

  explicit operator bool() const { return fd >= 0; }

  int fd;
};

/// Writes all of it. Error(io) names `path`.
void write_all(const Descriptor& file, ByteView bytes, const std::filesystem::path& path);

}  // namespace sagittal
