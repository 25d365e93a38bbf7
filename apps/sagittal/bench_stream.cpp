#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"
#include "bench_graph.h"
#include "commands.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/crc64.h"
#include "stream/igtl/endpoint.h"

namespace sagittal::commands {
namespace {

using Clock = std::chrono::steady_clock;

struct StreamOptions {
  int seconds = 5;
  bool json = false;
};

/// Frames of random content, more of them than a cache holds, so that each is fetched from memory as a new one would
/// be.
class Source {
 public:
  static Source pictures(std::uint16_t width, std::uint16_t height, std::uint8_t components) {
    constexpr std::size_t frames = 8;
    Source out;
    igtl::Image image;
    image.components = components;
    image.frame.size = image.frame.part_size = {width, height, 1};
    out.type_ = "IMAGE";
    out.content_ = igtl::write_image_head(image);
    std::uint32_t state = 1;
    for (std::size_t n = 0; n < frames; ++n) {
      auto bytes = std::make_shared<Bytes>(image.part_bytes());
      for (std::uint8_t& byte : *bytes) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
      out.frames_.push_back(std::move(bytes));
    }
    return out;
  }
  static Source transforms() {
    Source out;
    out.type_ = "TRANSFORM";
    out.content_ = igtl::write_transform({1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3});
    out.frames_.push_back(std::make_shared<Bytes>());
    return out;
  }

  /// Its time of sending is in the header, as nanoseconds of the steady clock.
  void send(igtl::Endpoint& to) {
    const auto& frame = frames_[next_++ % frames_.size()];
    igtl::Outgoing message{.type = type_, .device = "Bench"};
    message.content = content_;
    message.bulk = *frame;
    message.timestamp = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
    to.send(std::move(message), frame);
  }

 private:
  std::string type_;
  Bytes content_;
  std::vector<std::shared_ptr<const Bytes>> frames_;
  std::size_t next_ = 0;
};

/// A sender and a receiver over loopback; what the receiver saw.
class Loopback {
 public:
  explicit Loopback(igtl::QueueLimits queue)
      : sender_({.port = 0, .queue = queue}, {}),
        receiver_(receiving_from(sender_), {.message = [this](const igtl::Arrival& arrival) { note(arrival); }}) {
    const auto deadline = Clock::now() + std::chrono::seconds(10);
    while (sender_.peers().empty()) {
      if (Clock::now() > deadline) throw Error(ErrorCode::unavailable, "no connection over loopback");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  igtl::Endpoint& sender() { return sender_; }
  igtl::Counters received() const { return receiver_.counters(); }
  void flush() {
    const auto deadline = Clock::now() + std::chrono::seconds(10);
    sender_.flush(std::chrono::seconds(10));
    while (receiver_.counters().received < sender_.counters().sent && Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  /// Latencies in ms, sorted, without those of the first messages.
  std::vector<double> latencies(std::size_t warm_up) {
    const std::lock_guard lock(mutex_);
    std::vector<double> out(latencies_.begin() + static_cast<std::ptrdiff_t>(std::min(warm_up, latencies_.size())),
                            latencies_.end());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  static igtl::EndpointSettings receiving_from(const igtl::Endpoint& sender) {
    igtl::EndpointSettings settings;
    settings.role = igtl::Role::client;
    settings.port = sender.port();
    return settings;
  }
  void note(const igtl::Arrival& arrival) {
    const Clock::time_point sent{Clock::duration(static_cast<std::int64_t>(arrival.message.header.timestamp))};
    const std::lock_guard lock(mutex_);
    latencies_.push_back(std::chrono::duration<double, std::milli>(arrival.steady - sent).count());
  }

  std::mutex mutex_;
  std::vector<double> latencies_;  // guarded by mutex_
  igtl::Endpoint sender_, receiver_;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Json flat_out(Source source, std::chrono::seconds time) {
  constexpr int warm_up = 20;
  Loopback loopback({.policy = igtl::QueuePolicy::block, .messages = 3});
  for (int n = 0; n < warm_up; ++n) source.send(loopback.sender());
  loopback.flush();
  const igtl::Counters before = loopback.received();
  const auto begin = Clock::now();
  while (Clock::now() - begin < time) source.send(loopback.sender());
  loopback.flush();
  const double seconds = seconds_since(begin);
  const igtl::Counters after = loopback.received();
  return {{"fps", static_cast<double>(after.received - before.received) / seconds},
          {"gbit_per_s", 8e-9 * static_cast<double>(after.received_bytes - before.received_bytes) / seconds},
          {"bad_checksums", after.bad_checksums}};
}

Json paced(Source source, double rate, std::chrono::seconds time) {
  const std::size_t warm_up = static_cast<std::size_t>(rate / 2);
  const auto period = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate));
  Loopback loopback({});
  const auto begin = Clock::now();
  for (auto next = begin; next < begin + time;) {
    std::this_thread::sleep_until(next);
    source.send(loopback.sender());
    next = std::max(next + period, Clock::now());  // a live source does not catch up
  }
  loopback.flush();
  const std::vector<double> sorted = loopback.latencies(warm_up);
  if (sorted.empty()) throw Error(ErrorCode::unavailable, "no message arrived over loopback");
  const auto share = [&](double part) {
    return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
  };
  const igtl::Counters sent = loopback.sender().counters();
  return {{"per_s", rate},           {"p50_ms", share(0.5)}, {"p99_ms", share(0.99)},
          {"max_ms", sorted.back()}, {"sent", sent.sent},    {"dropped", sent.dropped}};
}

void print_paced(const char* what, const Json& result) {
  fmt::print("{:<28} p50 {:.3f} ms, p99 {:.3f} ms, longest {:.3f} ms, {} sent, {} dropped\n", what,
             result["p50_ms"].get<double>(), result["p99_ms"].get<double>(), result["max_ms"].get<double>(),
             result["sent"].get<std::uint64_t>(), result["dropped"].get<std::uint64_t>());
}

void bench_stream(const StreamOptions& options) {
  const std::chrono::seconds time(options.seconds);
  const Machine machine = inspect_machine();
  Json result{{"cpu", machine.cpu_model}, {"cores", machine.cores}, {"checksum", igtl::crc64_method()}};
  result["flat_out_1080p_rgb"] = flat_out(Source::pictures(1920, 1080, 3), time);
  result["paced_1080p_rgb"] = paced(Source::pictures(1920, 1080, 3), 60, time);
  result["paced_640x480_gray"] = paced(Source::pictures(640, 480, 1), 60, time);
  result["paced_transform"] = paced(Source::transforms(), 1000, time);
  result["graph"] = bench_graph(time);
  if (options.json) {
    fmt::print("{}\n", result.dump());
    return;
  }
  fmt::print("OpenIGTLink over loopback, checksum by {}, {} ({} cores)\n", igtl::crc64_method(), machine.cpu_model,
             machine.cores);
  fmt::print("{:<28} {:.0f} frames/s, {:.1f} Gbit/s\n", "1920x1080 RGB, flat out",
             result["flat_out_1080p_rgb"]["fps"].get<double>(),
             result["flat_out_1080p_rgb"]["gbit_per_s"].get<double>());
  print_paced("1920x1080 RGB, 60 frames/s", result["paced_1080p_rgb"]);
  print_paced("640x480 gray, 60 frames/s", result["paced_640x480_gray"]);
  print_paced("TRANSFORM, 1000 a second", result["paced_transform"]);
  for (const char* threads : {"1", "2"}) {
    const Json& graph = result["graph"][fmt::format("threads_{}", threads)];
    fmt::print("{:<28} {:.2f} us flat out; 1000 a second: p50 {:.2f}, p99 {:.2f} us\n",
               fmt::format("An operator, {} thread(s)", threads), graph["flat_out_us_per_operator"].get<double>(),
               graph["paced_p50_us_per_operator"].get<double>(), graph["paced_p99_us_per_operator"].get<double>());
  }
}

}  // namespace

void add_bench_stream(CLI::App& bench) {
  const auto options = std::make_shared<StreamOptions>();
  CLI::App* command =
      bench.add_subcommand("stream", "Time OpenIGTLink between a sender and a receiver on this machine");
  command->add_option("--seconds", options->seconds, "For each of the measurements")->check(CLI::Range(1, 600));
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options] { bench_stream(*options); });
}

}  // namespace sagittal::commands
