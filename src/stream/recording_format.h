#pragma once
#include <cstdint>
#include <functional>
#include <span>

#include "stream/recording.h"

namespace sagittal::stream {

/// The bytes of Holoscan's recordings; recording.h is what others use.

/// Where a message comes from: fills all of `to` with what starts at `offset`, which the caller has checked.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::uint8_t> to)>;

inline constexpr std::size_t kIndexRecordBytes = 24, kEntityHeaderBytes = 40, kComponentHeaderBytes = 32,
                             kTensorHeaderBytes = 116;

/// Parts, their names, types and numbers of a message of `size` bytes. Error(bad_input | too_large).
RecordedMessage read_entity(const ReadAt& read_at, std::uint64_t size, FramePool& frames);

/// All but the numbers of the tensors: for each, what comes before its numbers. The first begins with the message's own
/// header. Error(bad_input) for a tensor that cannot be written.
std::vector<Bytes> entity_heads(std::span<const RecordedTensor> tensors, std::uint64_t sequence,
                                RecordedStorage storage);
/// What `entity_heads` begins with, all there is where no tensor is.
Bytes index_record(UtcTime logged, std::uint64_t size, std::uint64_t offset);

/// Error(bad_input) unless shape and type ask for as many bytes as there are.
void check_tensor(const RecordedTensor& tensor);

/// One line without its end, and back. Error(bad_input) for a line that is none. Null where `logged` is another time:
/// it belongs to a recording that was here before.
std::string note_line(const RecordedNote& note, UtcTime logged);
std::optional<RecordedNote> parse_note(std::string_view line, UtcTime logged);
inline constexpr std::size_t kMaxNoteBytes = std::size_t{4} << 20;

}  // namespace sagittal::stream
