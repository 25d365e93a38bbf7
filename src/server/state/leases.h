#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/state/sessions.h"

namespace sagittal::server {

struct LeaseLimits {
  std::size_t max_leases = 64;
  std::chrono::seconds idle{600};         ///< without an action of the user
  std::chrono::seconds liveness{60};      ///< without any request
  std::chrono::seconds lifetime{86400};   ///< without any request, though nobody needs the place
  std::size_t max_leases_per_owner = 64;  ///< those of one owner of a key
  std::string kind = "lease";             ///< tells these leases from others in the journal
};

/// A client's claim to a session.
struct Lease {
  std::string session_key;
  // Guarded by the session's mutex.
  bool had_image = false;
  ScalarType target_type = ScalarType::u8;
  bool target_is_bool = false;
};

/// Claims by token. One whose times are over is given up only when its place is needed, so that a laptop that slept
/// finds its work again; where the sessions have a journal it costs no place and stays for its lifetime. All functions
/// may be called from any thread; Error(gone) for a token that is not known.
class Leases {
 public:
  using Clock = Sessions::Clock;

  /// `sessions` must outlive this. Leases in its journal go on where they were.
  Leases(Sessions& sessions, const LeaseLimits& limits, Clock clock = std::chrono::steady_clock::now);

  /// A new token: 32 hexadecimal digits nobody can guess, of no use to another owner. Error(unavailable) where every
  /// lease is in use.
  std::string claim(const std::string& owner = {});
  /// Ends the lease and its session; nothing where there is none.
  void release(const std::string& token, const std::string& owner = {});

  /// The lease; an action of the user.
  std::shared_ptr<Lease> use(const std::string& token, const std::string& owner = {});
  /// The client lives: seconds until the lease counts as idle. `peek` leaves no trace.
  double beat(const std::string& token, const std::string& owner = {});
  double peek(const std::string& token, const std::string& owner = {}) const;

  /// Whether others than the owner may use it too, with their own keys. Error(gone) where there is no such lease.
  void share(const std::string& token, bool shared);
  /// Those of that owner.
  std::vector<std::string> tokens_of(const std::string& owner) const;

  /// Calls `act(turn)` with the lease's session its own; what it did is kept before its result is returned. `model`: as
  /// in `Sessions::begin`.
  template <class Act>
  auto with_turn(const Lease& lease, Act&& act, const Models::Model& model = {}) {
    Turn turn = sessions_.begin(lease.session_key, limits_.idle, model);
    auto result = act(turn);
    turn.keep(describe(lease));
    return result;
  }

  /// To be called every few seconds: tells the journal when leases were used, ends those over their lifetime.
  void sweep();

  /// What the journal should keep of a lease. Guarded by the session's mutex.
  static Json describe(const Lease& lease);
  /// What the journal kept of a lease. Error(bad_input) for anything else.
  static Lease parse(const durable::Entry& entry);

  std::size_t count() const;
  const LeaseLimits& limits() const { return limits_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    std::shared_ptr<Lease> lease;
    Time last_seen, last_active;
    std::string owner;
    bool shared = false;
  };
  using Entries = std::map<std::string, Entry>;

  void require(const std::string& token, const std::string& owner) const;
  double remaining_seconds(const Entry& entry) const;
  bool is_over(const Entry& entry, Time now) const;
  void end(Entries::iterator entry);
  /// Ends the one that is over for longest, of `owner` or of anybody. False: all are in use.
  bool make_room(const std::string* owner, Time now);
  void restore();
  void make_place(const std::string& owner, Time now);

  Sessions& sessions_;
  const LeaseLimits limits_;
  const Clock clock_;
  mutable std::mutex mutex_;
  Entries entries_;  // guarded by mutex_
};

}  // namespace sagittal::server
