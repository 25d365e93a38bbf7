#include "base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/error.h"

namespace sagittal {

Bytes random_bytes(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = ::getrandom(bytes.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Error(ErrorCode::io, "the system gives no random numbers");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::string random_hex(std::size_t bits) { return to_hex(random_bytes(bits / 8)); }

}  // namespace sagittal
