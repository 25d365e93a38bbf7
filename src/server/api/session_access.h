#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/api/native_session.h"
#include "server/api/services.h"
#include "server/http/request.h"
#include "server/state/predictions.h"

namespace sagittal::server {

/// A request's turn with the session that its path names.
struct NativeTurn {
  std::string id;
  Turn& turn;
  NativeSession native;
  std::string owner = {};
  bool is_owner = true;

  interact::Session& session() const { return turn->session; }
};

/// The sessions of the native API, found by the id in a request's path. Any thread.
class SessionAccess {
 public:
  explicit SessionAccess(ApiServices services) : services_(std::move(services)) {}

  const ApiServices& services() const { return services_; }

  /// Calls `act(NativeTurn&)`, the session being its own meanwhile. Error(not_found) where the caller has no session of
  /// that id.
  template <class Act>
  auto with_session(const http::Request& request, Act&& act) {
    const Found found = find(request);
    Turn turn = services_.sessions.begin(found.lease->session_key, services_.leases.limits().idle);
    NativeTurn native{found.id, turn, load(found, turn), found.owner, found.is_owner};
    return act(native);
  }

  /// What was done is on the disk when this returns, and in `list`.
  void save(NativeTurn& native);
  void save(const std::string& id, const std::string& owner, Turn& turn, const NativeSession& native);

  /// A line for each session of the caller.
  Json list(const Caller& caller);
  void forget(const std::string& id);

  void publish(const std::string& id, const Json& event) const {
    if (services_.events != nullptr) services_.events->publish(id, event);
  }
  bool has_listeners(const std::string& id) const {
    return services_.events != nullptr && services_.events->has_listeners(id);
  }

  /// Without waiting for the session. Error(not_found) where the caller has none of that id; Error(conflict) where it
  /// is another's.
  void require(const http::Request& request) const { find(request); }
  void require_owner(const http::Request& request) const;
  std::uint64_t revision(const http::Request& request);

  Predictions& predictions() { return predictions_; }

 private:
  struct Found {
    std::string id;
    std::string owner;
    std::shared_ptr<Lease> lease;
    bool is_owner = true;
  };
  struct Known {
    std::string owner;
    NativeSession native;
    std::string model;  ///< its name
  };
  Found find(const http::Request& request) const;
  NativeSession load(const Found& found, Turn& turn);
  void forget_ended();
  std::optional<Known> look_up(const std::string& id, const std::string& owner);

  const ApiServices services_;
  Predictions predictions_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  // by id, as last saved; guarded by mutex_
};

/// Error(conflict) where the session is another's.
void require_owner(const NativeTurn& native);

/// What the API says of a model's prompts, a session and one of its segments.
Json describe_prompts(const interact::Capabilities& can);
Json describe_session(const NativeTurn& native);
Json describe_segment(const NativeTurn& native, const NativeSegment& segment);
Json describe_segments(const NativeTurn& native);

/// Cubic millimetres of a voxel, in millilitres.
double voxel_ml(const Geometry& geometry);

}  // namespace sagittal::server
