#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "terms/terms.h"
#include "volume/geometry.h"

namespace sagittal::server {

/// A segment as its users know it.
struct NativeSegment {
  int number = 1;  ///< its own for as long as the session lives
  int slot = 0;    ///< segment of the `interact::Session`; those of removed segments are used again
  std::string name;
  Rgb colour{};
  std::string term;  ///< id in the table of terms; empty: none
  std::uint64_t revision = 0;
  std::uint64_t owed = 0;   ///< the revision whose prompt was to predict, but was stopped by a newer one
  std::string origin = {};  ///< of an imported one: which segment of which file of which job; else empty
};

/// What a native session is beside its image, masks and history; the journal keeps it with them.
struct NativeSession {
  std::string volume = {};                 ///< SHA-256
  std::string name = {};                   ///< of the volume
  std::string series = {};                 ///< of a volume with several
  std::optional<std::int64_t> frame = {};  ///< the same
  Geometry geometry{};
  std::string created = {};  ///< 2026-01-31T12:00:00Z
  std::string address = {};  ///< of its client, where there are no keys
  bool shared = false;
  std::uint64_t revision = 0;  ///< goes up with every change
  int next_number = 1;
  std::vector<NativeSegment> segments{};

  /// Error(not_found) where there is none of that number.
  NativeSegment& segment(int number);
  /// The smallest slot that no segment has.
  int free_slot() const;
};

Json to_json(const NativeSession& session);
/// Error(bad_input) for what `to_json` cannot have written.
NativeSession parse_native_session(const Json& json);

/// "#rrggbb" and back; Error(bad_input) for another form.
std::string colour_text(const Rgb& colour);
Rgb parse_colour(const std::string& text);

/// {"id","name","colour","category","type","modifier","region"}; codes are {"value","scheme","meaning"} or null.
Json term_json(const terms::Term& term);

/// The time now, as in `NativeSession::created`.
std::string timestamp();

}  // namespace sagittal::server
