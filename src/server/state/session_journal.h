#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "interact/session.h"
#include "store/store.h"

namespace sagittal::server {

/// How the bytes of an image lie on the disk: as they came, so that keeping them costs no packing. `file`: an image
/// file of any format that `io::read_image` knows.
enum class ImageEncoding { voxels, nnia, gzip, file };

struct KeptImage {
  durable::Volumes::Pin volume;
  ImageEncoding encoding = ImageEncoding::voxels;
  ScalarType type = ScalarType::u8;
  Index3 shape{};
  std::string series = {};                 ///< chosen in a file of several
  std::optional<std::int64_t> frame = {};  ///< the same
};

/// What the journal knows of a session that is in memory.
struct KeptSession {
  std::optional<KeptImage> image;      ///< of the session
  std::optional<KeptImage> new_image;  ///< on the disk, to be the session's
  std::string kind, head, note;        ///< as last written
  std::string model;                   ///< name of the one that works on the image; empty: not known
  bool auto_zoom = true;
  Json about = Json::object();     ///< what a dialect wants to find again
  std::uint64_t revision = 0;      ///< how often the session was changed
  std::uint64_t record_bytes = 0;  ///< since the image or the last snapshot
};

/// Sessions on the disk: the image as it was uploaded, and the record of what was done since, step by step. A session
/// is restored by replaying that, without the network. Any thread; one call at a time for each session.
class SessionJournal {
 public:
  /// `store` and `pool` must outlive this. `log` learns of sessions that are lost.
  SessionJournal(durable::Store& store, ThreadPool& pool, LogSink log);

  /// Throws Error(io) where the disk is full.
  KeptImage put_image(ImageEncoding encoding, ScalarType type, const Index3& shape, ByteView bytes);

  /// What is kept under that key, to begin with: no image is read yet.
  std::optional<KeptSession> find(const std::string& key) const;
  /// Makes a new `session` what was kept, at most `max_bytes` of it. Error(bad_input | not_found) where that is
  /// damaged.
  void load(const std::string& key, KeptSession& kept, interact::Session& session, std::uint64_t max_bytes) const;
  /// The same, as it was when its image came: for another model than the one that it is of.
  void load_without_record(const KeptSession& kept, interact::Session& session, std::uint64_t max_bytes) const;

  /// Brings the disk up to what `session`, `note` and `kept` are now: it is there, completely, when the call returns.
  /// Throws Error(io) with nothing changed on the disk; the session is ahead of it then.
  void write(const std::string& key, KeptSession& kept, interact::Session& session, const std::string& note);

  /// The entry of a session without image, so that it is known after a restart.
  void announce(const std::string& key, const std::string& kind);
  void set_note(const std::string& key, const std::string& note) { store_.set_note(key, note); }
  void erase(const std::string& key) { store_.erase(key); }
  /// The session cannot be restored: says so in the log and forgets it.
  void give_up(const std::string& key, const char* why);

  durable::Store& store() { return store_; }
  void log(LogLevel level, std::string_view message) const {
    if (log_) log_(level, message);
  }

 private:
  void load_image(const KeptImage& image, interact::Session& session, std::uint64_t max_bytes) const;
  void load_file(const KeptImage& image, ByteView file, interact::Session& session, std::uint64_t max_bytes) const;

  durable::Store& store_;
  ThreadPool& pool_;
  const LogSink log_;
};

/// `head` of an entry: what `SessionJournal` and a dialect say of a session. Error(bad_input) for anything else.
Json parse_head(const std::string& head);
/// All of what the journal keeps of a session but its records. Error(bad_input) for anything else.
KeptSession parse_kept(const durable::Entry& entry);

}  // namespace sagittal::server
