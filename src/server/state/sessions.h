#pragma once
#include <any>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "interact/session.h"
#include "server/state/models.h"
#include "server/state/packed_mask.h"
#include "server/state/session_journal.h"
#include "server/state/upload_note.h"

namespace sagittal::server {

/// One client's work.
struct ClientSession {
  ClientSession(Models::Model model, ThreadPool& pool) : session(std::move(model), pool) {}

  std::mutex mutex;           ///< hold it while using `session`
  interact::Session session;  ///< guarded by `mutex`
  PackedMask packed;          ///< the active segment's mask as last sent; guarded by `mutex`
  ByteMask bytes;             ///< the same for clients that take bytes; guarded by `mutex`
  KeptSession kept;           ///< guarded by `mutex`
  UploadNote upload;
  std::any note;                       ///< what a dialect keeps in memory alone; guarded by `mutex`
  std::atomic<bool> restored = false;  ///< the session is what the journal says; set under `mutex`
  std::atomic<bool> ended = false;     ///< nothing of it is kept any more

  /// An image is there and is the one that the client shows. Needs `mutex`.
  bool has_image() const { return session.has_image() && !upload.image_is_lost(); }
};

struct UploadLimits {
  std::uint64_t max_image_bytes = std::uint64_t{4} << 30;  ///< body of an image
  std::uint64_t max_mask_bytes = std::uint64_t{1} << 30;   ///< compressed body of a mask, lasso or scribble
};

struct SessionLimits {
  std::size_t max_sessions = 64;                            ///< with an image; as many again may be empty
  std::uint64_t max_memory_bytes = std::uint64_t{8} << 30;  ///< of all sessions, as far as they can be estimated
  std::chrono::seconds min_idle{10};        ///< a session with an image that was used more recently is never dropped
  std::size_t max_sessions_per_owner = 64;  ///< those of one owner of a key
  std::chrono::seconds unload_after{600};   ///< with a journal
  std::chrono::seconds keep_for{86400};     ///< with a journal
  std::uint64_t max_data_bytes = 0;         ///< of the journal, all in all; 0: what the disk has
};

class Sessions;

/// One request's turn with a client's session, which is that of nobody else meanwhile.
class Turn {
 public:
  /// `model`: that the session is to have; null: the one it has.
  Turn(Sessions& sessions, std::string key, std::shared_ptr<ClientSession> client, const Models::Model& model = {});
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  /// Counts the session's memory. What was done to it and not kept is taken back, where there is a journal.
  ~Turn();

  ClientSession& operator*() const { return *client_; }
  ClientSession* operator->() const { return client_.get(); }

  /// The session had another model before this turn: of what was done to its image nothing is left.
  bool changed_model() const { return changed_model_; }

  /// The image that the request brings is on the disk when this returns, in one of its encodings; `set_image` and
  /// `keep` make it the session's. Throws Error(io).
  void put_image(ImageEncoding encoding, ScalarType type, const Index3& shape, ByteView bytes);
  /// The same for an image that is on the disk already.
  void use_image(KeptImage image);
  /// All that was done is on the disk when this returns: to be called before the answer. `about`: what the dialect
  /// wants to find again. Throws Error(io); the session is then as it was before the turn.
  void keep();
  void keep(Json about);

 private:
  Sessions& sessions_;
  const std::string key_;
  const std::shared_ptr<ClientSession> client_;
  const std::unique_lock<std::mutex> lock_;
  const bool changed_model_;
};

/// The sessions of all clients by key. Bounded in number and memory: the longest unused one makes room, and its client
/// is asked for its image again. With a journal a session of `begin` is only unloaded, and comes back with its next
/// request. All functions may be called from any thread.
class Sessions {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// `pool` and `journal` must outlive this and every session handed out. Without `journal` all is in memory.
  Sessions(Models models, ThreadPool& pool, const SessionLimits& limits, Clock clock = std::chrono::steady_clock::now,
           SessionJournal* journal = nullptr);

  /// Waits for the session of that client, restores it where it is not in memory. Throws like `get` and
  /// `reserve_image`, Error(io) where it cannot be read now, and Error(conflict) where its model is not here; the
  /// journal keeps it for a server that has the model.
  Turn begin(const std::string& key) { return begin(key, limits_.min_idle); }
  /// With `model`, for a request that names one or brings an image, the session is one with that. Where it has another,
  /// here or not, it starts over from its image; that counts once the turn is kept.
  Turn begin(const std::string& key, std::chrono::seconds min_idle, const Models::Model& model = {});

  /// The session of that client, empty where there was none. It is not dropped while the pointer lives, nor for another
  /// client before it was unused for `min_idle`. Never costs another client its image. Throws Error(unavailable) where
  /// too many empty ones are in use at this moment.
  std::shared_ptr<ClientSession> get(const std::string& key) { return get(key, limits_.min_idle); }
  std::shared_ptr<ClientSession> get(const std::string& key, std::chrono::seconds min_idle);

  /// Ends that session, once nobody uses it any more; nothing of it is kept.
  void drop(const std::string& key);

  /// Brings the journal up to what `upload` of that session says, where it is kept.
  void keep_note(const std::string& key);
  /// An upload of that client begins: should it be interrupted by the end of this process, the image here is not the
  /// one that the client shows.
  void note_upload_begins(const std::string& key);

  /// To be called every few seconds: unloads sessions that were not used for `unload_after`, tells the journal when
  /// others were used last, and ends those of kind "client" that were not used for `keep_for`.
  void sweep();

  /// Makes room for an image that takes `bytes` in that session, before it is set. Throws Error(too_large) for what
  /// never fits, Error(unavailable) for what does not fit beside sessions that are not idle.
  void reserve_image(const std::string& key, std::uint64_t bytes);

  /// Makes room for `needed` bytes in the journal: the longest unused sessions end, those of the last ten minutes
  /// never. Throws Error(too_large) for what never fits, Error(unavailable) for what does not fit beside them.
  void make_disk_room(std::uint64_t needed);
  /// Further bytes that `max_data_bytes` bounds together with the journal. To be set before the first session.
  void count_too(std::function<std::uint64_t()> others) { other_data_bytes_ = std::move(others); }

  /// Corrects the estimate after work on `client`, the session of that key; its mutex is held.
  void count_memory(const std::string& key, const ClientSession& client);

  /// Sessions with an image.
  std::size_t count() const;
  /// Keys that begin with `prefix` of sessions with an image, in memory or in the journal, in order.
  std::vector<std::string> with_image(const std::string& prefix) const;
  const SessionLimits& limits() const { return limits_; }
  std::uint64_t memory_bytes() const;
  const Models& models() const { return models_; }
  /// That of whoever names none.
  const Models::Model& model() const { return models_.first(); }
  ThreadPool& pool() { return pool_; }
  SessionJournal* journal() const { return journal_; }
  std::chrono::steady_clock::time_point now() const { return clock_(); }

  /// Stops every prediction, now and later: the server is going down.
  void cancel_all() { cancel_.cancel(); }
  const CancelToken& cancel_token() const { return cancel_; }
  /// Stops where every prediction does, or once `also` is cancelled.
  RunControl control(const CancelToken& also) const { return {{}, CancelToken{cancel_, also}}; }

 private:
  struct Entry {
    std::shared_ptr<ClientSession> session;
    std::chrono::steady_clock::time_point last_used;
    std::uint64_t memory_bytes = 0;
    std::chrono::seconds min_idle{};
  };
  using Dropped = std::shared_ptr<ClientSession>;
  friend class Turn;

  std::shared_ptr<ClientSession> make_client() const;
  bool restore(const std::string& key, ClientSession& client, const Models::Model& wanted);
  bool read_or_give_up(const std::string& key, ClientSession& client, const Models::Model& wanted);
  bool read(const std::string& key, ClientSession& client, const Models::Model& wanted);
  interact::Session make_session(const Models::Model& model) const;
  void unload(ClientSession& client) const;
  void expire();
  void keep_data_limit();
  bool end_unused(const std::string& key, std::chrono::seconds unused_for);

  bool droppable(const Entry& entry) const;
  Dropped drop_longest_unused(const std::string& except, bool with_image);
  std::size_t count_sessions(bool with_image) const;
  void keep_quota(const std::string& key, Dropped& dropped);
  std::uint64_t used_bytes() const;

  const Models models_;
  ThreadPool& pool_;
  const SessionLimits limits_;
  const Clock clock_;
  SessionJournal* const journal_;
  CancelToken cancel_;
  std::function<std::uint64_t()> other_data_bytes_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
};

}  // namespace sagittal::server
