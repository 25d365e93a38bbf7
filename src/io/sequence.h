#pragma once
#include <cstdint>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "volume/pose.h"
#include "volume/volume.h"

namespace sagittal::io {

/// Name and text, in the order of the file. Names of a frame's fields are without their "Seq_Frame0000_"; texts are as
/// they stand, byte for byte, without the line's end.
using SequenceFields = std::vector<std::pair<std::string, std::string>>;

/// The text of a field; none where there is no such name.
std::optional<std::string_view> field_of(const SequenceFields& fields, std::string_view name);

/// A recording of two-dimensional frames, as Plus writes them (.igs.mha, .mha; .igs.nrrd and .nrrd are read).
struct SequenceHeader {
  std::int64_t width = 0, height = 0;  ///< of a frame as it is given: brought to MF
  std::int64_t channels = 1;           ///< 1 grey, 3 RGB; interleaved
  ScalarType type = ScalarType::u8;    ///< u8, u16, i16 or f32
  std::int64_t frames = 0;
  /// Letters of UltrasoundImageOrientation, of the frames as they are given; empty: not said. Rows of MF go from near
  /// (at the transducer) to far, columns from the marked to the unmarked side. A third letter is passed on.
  std::string orientation;
  std::string image_type;  ///< UltrasoundImageType, "BRIGHTNESS", "RGB_COLOR"; empty: not said
  SequenceFields fields;   ///< what else the header says
};

struct SequenceFrame {
  Buffer pixels;  ///< [height, width, channels], C order, native byte order
  SequenceFields fields;

  /// Of the field "Timestamp", in seconds of the recording's own clock.
  std::optional<double> timestamp_s() const;
};

/// A transform of a frame, such as "ProbeToTracker". None where the frame has no such field; not valid unless its
/// status is OK or is not said. Error(bad_input) where it is not 16 numbers of an affine transform.
struct FrameTransform {
  Affine affine;
  bool valid = true;
};
std::optional<FrameTransform> transform_of(const SequenceFields& fields, std::string_view name);
/// Names of all transforms of a frame, "ProbeToTracker", in the order of its fields.
std::vector<std::string> transform_names(const SequenceFields& fields);
/// The two fields of a transform, numbers with all their digits.
void set_transform(SequenceFields& fields, std::string_view name, const FrameTransform& transform);

/// Gives the frames one by one; holds the texts of all frames and the pixels of one. Not for use by several threads at
/// once. Frames of type BRIGHTNESS or RGB_COLOR (or of none) are brought to MF, others are left as they are. Limits,
/// before anything is allocated: 64 MiB of header, 2^20 frames, 2^28 bytes a frame.
class SequenceReader {
 public:
  /// Throws Error(not_found | bad_input | unsupported | too_large).
  explicit SequenceReader(const std::filesystem::path& path);
  /// The same from a stream at its beginning, which must be seekable. `what` names it in errors.
  SequenceReader(std::unique_ptr<std::istream> file, std::string what);
  SequenceReader(SequenceReader&&) noexcept;
  ~SequenceReader();

  const SequenceHeader& header() const;
  /// The fields of a frame without its pixels.
  const SequenceFields& fields(std::int64_t frame) const;
  /// False at the end. Memory of `frame` is used again where it fits. Error(bad_input) for damaged or missing pixels.
  bool next(SequenceFrame& frame);
  /// Back to the first frame.
  void rewind();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::io
