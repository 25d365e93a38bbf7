#include <cstring>

#include "base/error.h"
#include "stream/recording_format.h"

namespace {

using namespace sagittal;
using namespace sagittal::stream;

void read_message(ByteView bytes) {
  FramePool frames(0, std::size_t{16} << 20);
  const RecordedMessage message = read_entity(
      [&](std::uint64_t offset, std::span<std::uint8_t> to) {
        if (offset > bytes.size() || to.size() > bytes.size() - offset) __builtin_trap();
        if (!to.empty()) std::memcpy(to.data(), bytes.data() + offset, to.size());
      },
      bytes.size(), frames);
  for (const RecordedTensor& tensor : message.tensors) check_tensor(tensor);
  if (!message.tensors.empty()) static_cast<void>(entity_heads(message.tensors, 0, RecordedStorage::system));
}

}  // namespace

// One byte that chooses, then a message of a recording or a line of its notes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView bytes(data + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      read_message(bytes);
    } else if (const auto note = parse_note(as_text(bytes), 5)) {
      if (!parse_note(note_line(*note, 5), 5)) __builtin_trap();
    }
  } catch (const Error&) {
  }
  return 0;
}
