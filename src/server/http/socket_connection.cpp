#include "server/http/socket_connection.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "server/http/outbox.h"

namespace sagittal::server::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

constexpr std::size_t kMaxIncomingBytes = 4096;  ///< nothing that a peer says is needed
constexpr std::size_t kFragmentBytes = std::size_t{16} << 10;
constexpr std::size_t kKeyLength = 24;  ///< of Sec-WebSocket-Key
constexpr std::uint16_t kGoingDown = 1001, kNotAllowed = 1008;

/// A `Transport` that Beast can hold.
struct Stream {
  using executor_type = Transport::executor_type;

  executor_type get_executor() const { return transport->get_executor(); }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    transport->async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    transport->async_write_some(buffers, std::forward<Handler>(handler));
  }

  std::shared_ptr<Transport> transport;
};

void close_now(Transport& transport) {
  error_code ignored;
  transport.socket().shutdown(Transport::Socket::shutdown_both, ignored);
  transport.socket().close(ignored);
}

// Called by Beast: when a peer was silent for too long, and after the closing handshake.
void beast_close_socket(Stream& stream) { close_now(*stream.transport); }
template <class Handler>
void async_teardown(beast::role_type role, Stream& stream, Handler&& handler) {
  if (stream.transport->encrypted()) return stream.transport->async_say_end(std::forward<Handler>(handler));
  websocket::async_teardown(role, stream.transport->socket(), std::forward<Handler>(handler));
}

bool lists(std::string_view header, std::string_view token) {
  const auto elements = header_elements(header);
  return std::any_of(elements.begin(), elements.end(),
                     [&](auto element) { return equal_ignoring_case(element, token); });
}

class SocketConnection : public Connection {
 public:
  SocketConnection(std::shared_ptr<Transport> stream, std::shared_ptr<Shared> shared, std::string address,
                   Upgrade upgrade)
      : Connection(std::move(shared), std::move(address)),
        transport_(std::move(stream)),
        socket_(Stream{transport_}),
        recheck_(transport_->get_executor()),
        upgrade_(std::move(upgrade)) {
    set_waiting(false);
    ++shared_->web_sockets;
  }
  ~SocketConnection() override {
    if (outbox_) outbox_->detach();
    --shared_->web_sockets;
  }

  void start() {
    const ListenerOptions& options = shared_->options;
    socket_.set_option(websocket::stream_base::timeout{options.header_timeout, options.socket_idle, true});
    socket_.read_message_max(kMaxIncomingBytes);
    socket_.write_buffer_bytes(kFragmentBytes);
    socket_.set_option(websocket::stream_base::decorator([this](websocket::response_type& answer) {
      answer.set(beast::http::field::server, "sagittal/" SAGITTAL_VERSION);
      if (lists(upgrade_.head.header("Sec-WebSocket-Protocol"), upgrade_.route->web_socket)) {
        answer.set(beast::http::field::sec_websocket_protocol, upgrade_.route->web_socket);
      }
      for (const Header& header : upgrade_.answer_headers) answer.insert(header.name, header.value);
    }));
    beast::http::request<beast::http::empty_body> request(beast::http::verb::get, "/", 11);
    for (const Header& header : upgrade_.head.headers) request.insert(header.name, header.value);
    socket_.async_accept(request, [self = shared()](error_code error) {
      if (error) return self->close();
      self->on_open();
    });
  }

  void close() override { close_now(*transport_); }
  void close_if_waiting() override {}
  void go_away() override {
    asio::post(transport_->get_executor(), [self = shared()] {
      if (self->outbox_) return self->outbox_->close(kGoingDown, "the server goes down");
      self->close();
    });
  }

 private:
  std::shared_ptr<SocketConnection> shared() { return std::static_pointer_cast<SocketConnection>(shared_from_this()); }

  void on_open() {
    const std::weak_ptr<Connection> weak = weak_from_this();
    outbox_ = std::make_shared<Outbox>(shared_->options.outbox, [this, weak] {
      asio::post(transport_->get_executor(), [weak] {
        if (const auto alive = weak.lock()) static_cast<SocketConnection&>(*alive).write();
      });
    });
    socket_.control_callback([this](websocket::frame_type kind, beast::string_view) {
      if (kind == websocket::frame_type::close) kept_ = nullptr;  // the rest of the goodbye may take its time
    });
    kept_ = upgrade_.on_open(outbox_);
    upgrade_.on_open = nullptr;
    if (shared_->draining) go_away();
    await_recheck();
    read();
  }

  /// What peers say is dropped; reading answers their pings and learns that they leave.
  void read() {
    socket_.async_read(input_, [self = shared()](error_code error, std::size_t) {
      if (error) return self->on_closed();
      self->input_.consume(self->input_.size());
      self->read();
    });
  }

  void write() {
    if (over_) return;
    Outbox::Next next = outbox_->take();
    if (next.text) {
      sending_ = std::move(next.text);
      socket_.async_write(asio::buffer(*sending_), [self = shared()](error_code error, std::size_t) {
        self->sending_ = nullptr;
        if (!error) self->write();
      });
    } else if (next.closing) {
      recheck_.cancel();
      kept_ = nullptr;
      websocket::close_reason reason;
      reason.code = next.closing->code;
      reason.reason = next.closing->reason.substr(0, reason.reason.max_size());
      socket_.async_close(reason, [self = shared()](error_code) { self->close(); });
    }
  }

  /// A key may have been revoked since.
  void await_recheck() {
    if (!shared_->admit) return;
    recheck_.expires_after(shared_->options.socket_recheck);
    recheck_.async_wait([self = shared()](error_code error) {
      if (error || self->over_) return;
      if (self->shared_->admit(self->upgrade_.head, self->upgrade_.route).refusal) {
        return self->outbox_->close(kNotAllowed, "the key is no longer known");
      }
      self->await_recheck();
    });
  }

  void on_closed() {
    over_ = true;
    recheck_.cancel();
    outbox_->detach();
    kept_ = nullptr;
  }

  const std::shared_ptr<Transport> transport_;
  websocket::stream<Stream, false> socket_;
  asio::steady_timer recheck_;
  Upgrade upgrade_;
  beast::flat_buffer input_;
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<void> kept_;
  WebSocket::Text sending_;
  bool over_ = false;
};

Response refusal(int status, std::string_view text, std::vector<Header> headers) {
  Response response =
      error_response(Error(status == 503 ? ErrorCode::unavailable : ErrorCode::bad_input, std::string(text)));
  response.status = status;
  for (Header& header : headers) response.headers.push_back(std::move(header));
  return response;
}

}  // namespace

std::optional<Response> refuse_upgrade(const Request& head, const Shared& shared) {
  if (head.method != "GET" || !lists(head.header("Connection"), "upgrade") ||
      !lists(head.header("Upgrade"), "websocket")) {
    return refusal(426, "this path speaks the WebSocket protocol only", {{"Upgrade", "websocket"}});
  }
  if (head.header("Sec-WebSocket-Version") != "13") {
    return refusal(426, "this server speaks version 13 of the WebSocket protocol", {{"Sec-WebSocket-Version", "13"}});
  }
  if (head.header("Sec-WebSocket-Key").size() != kKeyLength || head.header("Host").empty()) {
    return refusal(400, "the request for a WebSocket lacks its host or its key of 24 characters", {});
  }
  const std::size_t most = std::min(shared.options.max_web_sockets, shared.options.max_connections / 2);
  if (shared.web_sockets < most) return std::nullopt;
  return refusal(503, "too many listeners at once; try again in a moment", {{"Retry-After", "10"}});
}

void start_web_socket(std::shared_ptr<Transport> stream, const std::shared_ptr<Shared>& shared, std::string address,
                      Upgrade upgrade) {
  std::make_shared<SocketConnection>(std::move(stream), shared, std::move(address), std::move(upgrade))->start();
}

}  // namespace sagittal::server::http
