#pragma once
#include <filesystem>
#include <memory>
#include <span>

#include "io/sequence.h"

namespace sagittal::io {

/// Writes a recording as .mha that Plus, 3D Slicer and `SequenceReader` read. Pixels go to a temporary file beside it
/// as they come; the recording appears whole with `finish`, or not at all. Texts of the frames are held in memory, at
/// most 64 MiB. Not for use by several threads at once.
class SequenceWriter {
 public:
  /// Of `header` width, height, channels, type, orientation (empty: MF) , image_type (empty: by the channels) and
  /// fields count. Throws Error(bad_input | io | not_found).
  SequenceWriter(const std::filesystem::path& path, const SequenceHeader& header, bool compressed = true);
  SequenceWriter(const SequenceWriter&) = delete;
  SequenceWriter& operator=(const SequenceWriter&) = delete;
  ~SequenceWriter();

  /// `pixels` as `SequenceFrame` holds them. Error(bad_input) for another size, for names or texts that do not fit a
  /// line, and beyond 2^20 frames; Error(io) where it cannot be written, Error(conflict) after `finish`.
  void append(std::span<const std::byte> pixels, const SequenceFields& fields);
  /// Needs at least one frame, else Error(bad_input). Error(io) where it cannot be written.
  void finish();

 private:
  void check_open() const;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::io
