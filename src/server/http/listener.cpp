#include "server/http/listener.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "server/http/connection.h"

namespace sagittal::server::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {
constexpr milliseconds kFarewell{1000};  ///< for the goodbyes of WebSockets
}

struct Listener::State {
  State(const ListenerOptions& options, const Router& router, WorkQueue& queue, ExchangeObserver observe, Admit admit)
      : shared(std::make_shared<Shared>(options, router, queue, std::move(observe), std::move(admit))),
        acceptor(context),
        retry(context) {}

  void listen() {
    const ListenerOptions& options = shared->options;
    const std::string where = fmt::format("cannot listen on {}:{}", options.host, options.port);
    error_code error;
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
    if (error || found.empty())
      throw Error(ErrorCode::io, fmt::format("{}: no such address: {}", where, error.message()));
    auto chosen =
        std::find_if(found.begin(), found.end(), [](const auto& entry) { return entry.endpoint().address().is_v4(); });
    if (chosen == found.end()) chosen = found.begin();
    const tcp::endpoint endpoint = chosen->endpoint();
    if (!options.public_refusal.empty() && !endpoint.address().is_loopback()) {
      throw Error(ErrorCode::wrong_usage, options.public_refusal);
    }
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return;
    if (error == asio::error::address_in_use) {
      throw Error(ErrorCode::io,
                  fmt::format("{}: the port is in use, perhaps by another server; choose another", where));
    }
    throw Error(ErrorCode::io, fmt::format("{}: {}", where, error.message()));
  }

  void accept() {
    acceptor.async_accept(asio::make_strand(context), [this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();
      if (shared->has_room()) start_connection(std::move(socket), shared);
      accept();
    });
  }

  /// Out of file descriptors, most likely: without a pause this would spin.
  void accept_later() {
    shared->close_some_waiting();
    retry.expires_after(milliseconds(100));
    retry.async_wait([this](error_code error) {
      if (!error) accept();
    });
  }

  void work() {
    while (true) {
      try {
        context.run();
        return;
      } catch (const std::exception&) {
        // Out of memory inside one connection: its handler was dropped, and the connection with it.
      }
    }
  }

  void drain(milliseconds grace) {
    if (threads.empty()) return;
    shared->draining = true;
    asio::post(context, [this] {
      error_code ignored;
      acceptor.close(ignored);
      retry.cancel();
    });
    const auto end = Clock::now() + grace;
    const auto busy = [this] {
      return shared->answering > 0 || shared->queue.running() > 0 || shared->queue.waiting() > 0;
    };
    while (busy() && Clock::now() < end) std::this_thread::sleep_for(milliseconds(5));
    shared->close_web_sockets();
    const auto farewell = Clock::now() + std::min(grace, kFarewell);
    while (shared->web_sockets > 0 && Clock::now() < farewell) std::this_thread::sleep_for(milliseconds(5));
  }

  void stop(milliseconds grace) {
    if (threads.empty()) return;
    drain(grace);
    context.stop();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    shared->close_all();
  }

  std::shared_ptr<Shared> shared;
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work_guard{context.get_executor()};
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  std::vector<std::thread> threads;
};

Listener::Listener(const ListenerOptions& options, const Router& router, WorkQueue& queue, ExchangeObserver observe,
                   Admit admit)
    : state_(std::make_unique<State>(options, router, queue, std::move(observe), std::move(admit))) {
  state_->shared->load_tls();
  state_->listen();
  state_->accept();
  for (int i = 0; i < std::max(1, options.threads); ++i) {
    state_->threads.emplace_back([this] { state_->work(); });
  }
}

Listener::~Listener() { stop(milliseconds(0)); }

std::uint16_t Listener::port() const {
  error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

std::size_t Listener::connections() const { return state_->shared->count(); }

void Listener::drain(milliseconds grace) { state_->drain(grace); }

void Listener::stop(milliseconds grace) { state_->stop(grace); }

void Listener::reload_tls() { state_->shared->load_tls(); }

}  // namespace sagittal::server::http
