#pragma once
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "interact/history.h"
#include "interact/raster.h"

namespace sagittal::interact {

/// A session's record: what was done to it, as events one after the other. A step holds the cells it changed:
/// interaction channels as runs of equal voxels, masks as the bits that differ from before. Little-endian.
enum class RecordEvent : std::uint8_t {
  step = 1,  ///< `write_step`
  undo = 2,
  redo = 3,
  forget = 4,      ///< the history
  add = 5,         ///< a segment, which becomes active
  select = 6,      ///< u32: the segment
  waiting = 7,     ///< `write_focus`: of prompts that were not predicted yet
  noted_step = 8,  ///< `write_note`, `write_step`
};

template <class T>
void append(Bytes& out, const T& value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

void write_focus(Bytes& out, const std::optional<Focus>& focus);
std::optional<Focus> read_focus(ByteReader& in, const Index3& shape);

void write_note(Bytes& out, ByteView note);
Bytes read_note(ByteReader& in);

void write_step(Bytes& out, const Step& step);
/// `layers` after the step. Throws Error(bad_input) for what `write_step` cannot have written about layers like these.
Layers read_step(ByteReader& in, const Layers& layers);

/// What is recorded: an event is written, and room made for it, before the session changes, and kept once it has.
class Recorder {
 public:
  explicit Recorder(bool on) : on_(on) {}

  /// Nothing where the recorder is off. `write(out)` adds what the event has beside its kind.
  template <class Write>
  Bytes prepare(RecordEvent kind, Write&& write) {
    Bytes event;
    if (!on_) return event;
    event.push_back(static_cast<std::uint8_t>(kind));
    write(event);
    kept_.reserve(kept_.size() + event.size());
    return event;
  }
  Bytes prepare(RecordEvent kind) {
    return prepare(kind, [](Bytes&) {});
  }
  void keep(const Bytes& event) noexcept { kept_.insert(kept_.end(), event.begin(), event.end()); }

  Bytes take() { return std::exchange(kept_, {}); }
  bool switch_to(bool on) { return std::exchange(on_, on); }

 private:
  bool on_;
  Bytes kept_;
};

}  // namespace sagittal::interact
