#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "stream/frame.h"
#include "stream/message.h"

namespace sagittal::stream {

/// Recordings as Holoscan's stream recorder and replayer have them: NAME.gxf_entities holds the messages one after the
/// other, NAME.gxf_index when each was logged and where it lies. What that format has no place for (device, sequence,
/// metadata, the grid of a frame) is in a third file, NAME.notes, one JSON line for each message; a recording without
/// it, from Holoscan itself, is complete too. All little-endian (docs/spec/recording.md).

/// Numbers of one message, last axis fastest, packed.
struct RecordedTensor {
  std::string name;
  ScalarType type = ScalarType::u8;
  std::vector<std::int64_t> shape;  ///< 1 to kMaxRank axes; a picture: rows, columns, components
  SharedBytes data;                 ///< aligned for its type

  static constexpr std::size_t kMaxRank = 8, kMaxNameBytes = 1024;
};

/// What a message was, beside its numbers.
struct RecordedNote {
  bool frame = true;  ///< false: a tensor that is no picture
  std::string device;
  UtcTime acquired = 0;
  std::uint64_t sequence = 0;
  Metadata metadata = {};
  Geometry geometry;  ///< its size says nothing
};

struct RecordedMessage {
  UtcTime logged = 0;
  UtcTime acquired = 0;  ///< of Holoscan's own time stamp; 0: it has none
  std::vector<RecordedTensor> tensors;
  std::size_t left_out = 0;  ///< parts of kinds that are not understood
  std::optional<RecordedNote> note;

  static constexpr std::size_t kMaxTensors = 256;
};

/// Where GPU applications put the numbers when they replay.
enum class RecordedStorage : std::int32_t { pinned = 0, device = 1, system = 2 };

struct RecordingPlace {
  std::filesystem::path folder;
  std::string name;  ///< of the files, without their ends; Error(bad_input) for one with "/"

  std::filesystem::path index() const;
  std::filesystem::path entities() const;
  std::filesystem::path notes() const;
};

/// Writes a recording, a message at a time, each of them in the files before the next: what was added is there when the
/// process is killed. One thread.
class RecordingWriter {
 public:
  struct Options {
    RecordedStorage storage = RecordedStorage::system;
    bool notes = true;
    bool overwrite = false;
  };
  /// Makes the folder where there is none. Error(conflict) where such a recording is and `overwrite` is not set;
  /// Error(io).
  RecordingWriter(RecordingPlace place, Options options);

  /// Error(bad_input) for shapes and bytes that do not agree; Error(io), after which the recording ends before this
  /// message and takes no more.
  void add(std::span<const RecordedTensor> tensors, UtcTime logged, const RecordedNote& note);

  std::uint64_t messages() const { return messages_; }
  std::uint64_t bytes() const { return offset_; }

 private:
  void append(std::span<const RecordedTensor> tensors, const std::vector<Bytes>& heads);

  const RecordingPlace place_;
  const Options options_;
  Descriptor index_, entities_, notes_;
  std::uint64_t messages_ = 0, offset_ = 0;
  bool failed_ = false;
};

/// Reads any message of a recording, those of a recording that is still written too: as many as there were when it was
/// opened. Any thread.
class RecordingReader {
 public:
  static constexpr std::uint64_t kMaxMessages = std::uint64_t{1} << 24;

  /// Error(not_found | io) where a file cannot be read, Error(too_large) beyond kMaxMessages.
  explicit RecordingReader(RecordingPlace place);

  std::uint64_t size() const { return size_; }
  /// Error(bad_input) for a time after the year 2262; `n` < size().
  UtcTime logged(std::uint64_t n) const;
  /// Memory comes from `frames`. Error(bad_input) naming the message and what is wrong with it, Error(too_large).
  RecordedMessage read(std::uint64_t n, FramePool& frames) const;

 private:
  struct Record {
    std::uint64_t logged, size, offset;
  };
  Record record(std::uint64_t n) const;
  void find_notes();
  std::optional<RecordedNote> note_of(std::uint64_t n, UtcTime logged) const;

  const RecordingPlace place_;
  Descriptor index_, entities_, notes_;
  std::uint64_t size_ = 0, entities_size_ = 0;
  std::vector<std::uint64_t> note_starts_;  // one more than there are notes
};

}  // namespace sagittal::stream
