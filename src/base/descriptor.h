#pragma once
#include <unistd.h>

namespace sagittal {

/// Owner of an open file or folder; a negative number is none.
class Descriptor {
 public:
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }

  const int fd;
};

}  // namespace sagittal
