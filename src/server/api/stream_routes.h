#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/http/router.h"
#include "server/state/events.h"
#include "stream/running.h"

namespace sagittal::server {

/// Tells who listens how a pipeline goes on, twice a second. Any thread; `events` outlives it.
class StreamEvents {
 public:
  explicit StreamEvents(Events& events);
  StreamEvents(const StreamEvents&) = delete;
  StreamEvents& operator=(const StreamEvents&) = delete;
  ~StreamEvents();

  /// Hears the pipeline's description, statistics with it, until it ends; then {"type": "closed"}.
  std::shared_ptr<Events::Listener> listen(const std::shared_ptr<stream::RunningPipeline>& pipeline,
                                           const std::string& owner);

 private:
  void loop();

  Events& events_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<stream::RunningPipeline>> watched_;  // by id; guarded by mutex_
  bool stopping_ = false;                                                    // guarded by mutex_
  std::thread thread_;
};

/// What the routes of streams work with; all of it outlives them.
struct StreamServices {
  stream::RunningPipelines& pipelines;
  StreamEvents& events;
};

/// /api/v1/streams: the machine's pipelines, started by name. A stream belongs to the key that started it.
std::vector<http::Route> stream_routes(const StreamServices& services);

}  // namespace sagittal::server
