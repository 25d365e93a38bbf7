#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "server/state/leases.h"

// The input is what the database says of a session: its head, a line end, and the note of its upload. Whatever is
// accepted names an image that can be, and is written back as what it was read from.

namespace sagittal::server {
namespace {

/// Whether `read()` accepts the input.
template <class Read>
bool accepts(Read&& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_input) __builtin_trap();
    return false;
  }
}

void check_image(const KeptImage& image) {
  std::int64_t room = kMaxVoxels;
  for (const std::int64_t size : image.shape) {
    if (size < 1 || size > room) __builtin_trap();
    room /= size;
  }
}

void check(std::string_view input) {
  const auto end = std::min(input.find('\n'), input.size());
  durable::Entry entry{.name = "lease x", .kind = "v2", .head = std::string(input.substr(0, end)), .volume = "volume"};
  if (end < input.size()) entry.note = input.substr(end + 1);
  KeptSession kept;
  if (accepts([&] { kept = parse_kept(entry); })) check_image(*kept.image);
  Lease lease;
  if (accepts([&] { lease = Leases::parse(entry); })) {
    entry.head = Json{{"about", Leases::describe(lease)}}.dump();
    const Lease again = Leases::parse(entry);
    if (again.had_image != lease.had_image || again.target_type != lease.target_type) __builtin_trap();
  }
  UploadNote note;
  if (accepts([&] { note.restore(entry.note); })) {
    UploadNote again;
    again.restore(note.text());
    if (again.image_is_lost() != note.image_is_lost()) __builtin_trap();
  }
}

}  // namespace
}  // namespace sagittal::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 1 << 16;
  if (size <= kMost) sagittal::server::check(sagittal::as_text({data, size}));
  return 0;
}
