#include "server/http/connection.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "server/http/body_memory.h"
#include "server/http/malformed.h"
#include "server/http/socket_connection.h"
#include "server/http/wire.h"

namespace sagittal::server::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kScratchBytes = std::size_t{64} << 10;
constexpr std::size_t kWatchBytes = 4096;
constexpr milliseconds kCancelAgain{50};

/// Header, body, answer, and again. Everything runs on the socket's strand.
class HttpConnection : public Connection {
 public:
  HttpConnection(tcp::socket socket, std::shared_ptr<Shared> shared, std::string address)
      : Connection(std::move(shared), std::move(address)),
        stream_(std::make_shared<Transport>(std::move(socket), shared_->tls())),
        strand_(stream_->get_executor()),
        timer_(strand_),
        input_(shared_->options.max_header_bytes + kScratchBytes) {}
  ~HttpConnection() override {
    if (open_) --shared_->answering;
  }

  void start() {
    asio::dispatch(strand_, [self = shared()] {
      error_code ignored;
      self->stream_->socket().set_option(tcp::no_delay(true), ignored);
      if (!self->stream_->encrypted()) return self->read_header();
      self->arm(self->shared_->options.header_timeout);
      self->stream_->async_handshake([self](error_code error) {
        self->disarm();
        if (error) return self->close();
        self->read_header();
      });
    });
  }

  void close() override {
    if (!stream_) return;
    error_code ignored;
    stream_->socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_->socket().close(ignored);
  }

  void close_if_waiting() override {
    asio::post(strand_, [self = shared()] {
      if (self->waiting()) self->close();
    });
  }

 private:
  std::shared_ptr<HttpConnection> shared() { return std::static_pointer_cast<HttpConnection>(shared_from_this()); }

  using Parser = beast::http::request_parser<beast::http::buffer_body>;

  /// Cancels what the socket is doing once `limit` has passed; `timed_out_` then tells why.
  void arm(milliseconds limit) {
    timed_out_ = false;
    await_deadline(limit, ++armed_);
  }
  void await_deadline(milliseconds limit, unsigned armed) {
    timer_.expires_after(limit);
    timer_.async_wait([self = shared(), armed](error_code error) {
      if (error || armed != self->armed_) return;
      self->timed_out_ = true;
      error_code ignored;
      self->stream_->socket().cancel(ignored);
      self->await_deadline(kCancelAgain, armed);  // an operation of several steps may have been between two of them
    });
  }
  void disarm() {
    ++armed_;
    timer_.cancel();
  }

  // ---- header

  void read_header() {
    if (shared_->draining) return close();
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->options.max_header_bytes));
    parser_->body_limit(UINT64_MAX);  // each route has its own
    route_ = nullptr;
    exchange_ = Exchange();
    body_complete_ = recall_asked_ = false;
    set_waiting(true);
    arm(shared_->options.header_timeout);
    beast::http::async_read_header(*stream_, input_, *parser_, [self = shared()](error_code error, std::size_t) {
      self->disarm();
      self->on_header(error);
    });
  }

  void on_header(error_code error) {
    started_ = Clock::now();
    set_waiting(false);
    if (error && !is_malformed(error)) return close();  // the peer left, or was silent for too long
    ++shared_->answering;
    open_ = true;
    if (error) {
      framing_ = {true, false, false};
      return respond(malformed_response(error, shared_->options.max_header_bytes));
    }
    const auto& head = parser_->get();
    framing_ = {head.version() >= 11, head.keep_alive(), head.method() == beast::http::verb::head};
    try {
      read_request_head();
    } catch (const Error& bad) {
      framing_.keep_alive = false;
      return respond(error_response(bad));
    }
    Response failure;
    route_ = shared_->router.find(request_, failure);
    Admission admission;
    if (shared_->admit) admission = shared_->admit(request_, route_);
    answer_headers_ = std::move(admission.answer_headers);
    exchange_.method = request_.method;
    exchange_.route = route_;
    exchange_.owner = request_.owner;
    exchange_.address = request_.remote_address;
    exchange_.denied = admission.denied;
    if (admission.refusal) {
      framing_.keep_alive = framing_.keep_alive && parser_->is_done();
      body_complete_ = parser_->is_done();
      return respond(std::move(*admission.refusal));
    }
    if (route_ == nullptr) {
      framing_.keep_alive = framing_.keep_alive && parser_->is_done();
      return respond(std::move(failure));
    }
    if (!route_->web_socket.empty()) {
      if (auto refused = refuse_upgrade(request_, *shared_)) return respond(std::move(*refused));
    }
    begin_body();
  }

  void read_request_head() {
    const auto& head = parser_->get();
    error_code ignored;
    request_.remote_address = address();
    request_.encrypted = stream_->encrypted();
    request_.to_loopback = stream_->socket().local_endpoint(ignored).address().is_loopback();
    request_.method = std::string(head.method_string());
    for (const auto& field : head) {
      request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    }
    set_target(request_, {head.target().data(), head.target().size()});
  }

  // ---- body

  /// MONAI Label's client announces, on requests without a body, the length of the body that it sent before.
  static bool brings_body(const std::string& method) {
    return method != "GET" && method != "HEAD" && method != "DELETE";
  }

  void begin_body() {
    const std::uint64_t announced = parser_->content_length().value_or(0);
    if (announced > 0 && route_->max_body_bytes == 0 && !brings_body(request_.method)) return dispatch();
    try {
      if (route_->on_head) route_->on_head(request_);
      if (announced > route_->max_body_bytes) throw_too_large(announced);
      memory_ = std::make_shared<BodyMemory>(shared_->bodies, parser_->chunked() ? 0 : announced);
    } catch (const Error& error) {
      return fail(error);
    }
    if (!beast::iequals(parser_->get()[beast::http::field::expect], "100-continue")) return read_body();
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    arm(shared_->options.body_timeout);
    asio::async_write(*stream_, asio::buffer(go_on), [self = shared()](error_code error, std::size_t) {
      self->disarm();
      if (error) return self->abandon();
      self->read_body();
    });
  }

  [[noreturn]] void throw_too_large(std::uint64_t bytes) const {
    throw Error(ErrorCode::too_large,
                fmt::format("the request's body of {} bytes is larger than the {} this server takes", bytes,
                            route_->max_body_bytes));
  }

  void read_body() {
    if (parser_->chunked()) {
      chunk_.resize(kScratchBytes);
      return read_chunked();
    }
    const std::size_t early = std::min(input_.size(), memory_->room());
    std::copy_n(static_cast<const char*>(input_.data().data()), early, memory_->end());
    input_.consume(early);
    if (take(early)) read_rest();
  }

  /// Counts `bytes` that lie at the end of the body's memory, or are copied there; false where that was too much and
  /// the request has failed.
  bool take(std::size_t bytes, const char* from = nullptr) {
    exchange_.bytes_in += bytes;
    try {
      if (from != nullptr) memory_->append(from, bytes);
      memory_->add(bytes);
      if (memory_->size() > route_->max_body_bytes) throw_too_large(memory_->size());
      return true;
    } catch (const Error& error) {
      fail(error);
      return false;
    }
  }

  bool may_recall() const {
    return route_->recall_body && !recall_asked_ && memory_->size() == 0 && !parser_->chunked();
  }

  milliseconds patience() const {
    const ListenerOptions& options = shared_->options;
    return may_recall() ? options.recall_after : body_patience(options, memory_->size(), Clock::now() - started_);
  }

  /// The rest of a body of known length, straight into its memory.
  void read_rest() {
    if (memory_->room() == 0) {
      body_complete_ = true;
      return dispatch();
    }
    arm(patience());
    stream_->async_read_some(asio::buffer(memory_->end(), memory_->room()),
                             [self = shared()](error_code error, std::size_t bytes) {
                               self->disarm();
                               if (error) return self->on_body_error();
                               if (self->take(bytes)) self->read_rest();
                             });
  }

  void read_chunked() {
    arm(patience());
    parser_->get().body().data = chunk_.data();
    parser_->get().body().size = chunk_.size();
    beast::http::async_read_some(*stream_, input_, *parser_, [self = shared()](error_code error, std::size_t) {
      self->disarm();
      if (error == beast::http::error::need_buffer) error = {};
      if (error) return self->on_body_error();
      self->on_chunk(self->chunk_.size() - self->parser_->get().body().size);
    });
  }

  void on_chunk(std::size_t bytes) {
    if (!take(bytes, chunk_.data())) return;
    if (!parser_->is_done()) return read_chunked();
    body_complete_ = true;
    dispatch();
  }

  void on_body_error() {
    if (timed_out_ && may_recall()) {
      recall_asked_ = true;
      if (std::optional<Body> recalled = route_->recall_body(request_)) {
        request_.body = std::move(*recalled);
        return dispatch();
      }
      return read_rest();
    }
    const Error lost(ErrorCode::io,
                     fmt::format("the request's body broke off after {} bytes; please send it again", memory_->size()));
    if (timed_out_) return fail(lost, 408);
    translate(*route_, request_, lost);  // the route must learn of it, although nobody hears the answer
    abandon();
  }

  // ---- answer

  /// Runs the handler where the route wants it.
  void dispatch() {
    if (body_complete_) request_.body = Body(std::exchange(memory_, nullptr));
    std::optional<Response> at_once;
    try {
      if (route_->on_body) at_once = route_->on_body(request_);
    } catch (const Error& error) {
      return fail(error);
    }
    if (at_once) return hand_over(std::move(*at_once));
    if (route_->run_on == RunOn::network) return respond(call(*route_, request_));
    const bool accepted = submit([self = shared()] {
      Response response = self->work();
      asio::post(self->strand_,
                 [self, response = std::move(response)]() mutable { self->on_worked(std::move(response)); });
    });
    if (accepted && route_->heavy) watch_peer();
  }

  /// The handler works for nobody's answer.
  void hand_over(Response answer) {
    if (submit([route = route_, request = request_] { call(*route, request); })) respond(std::move(answer));
  }

  /// Where the queue is full, that is the answer.
  bool submit(std::function<void()> task) {
    const std::string key = route_->queue_key ? route_->queue_key(request_) : request_.remote_address;
    const bool accepted = shared_->queue.submit({key, request_.owner, route_->heavy}, std::move(task));
    if (!accepted) fail(Error(ErrorCode::unavailable, "too many requests are waiting; try again in a moment"));
    return accepted;
  }

  /// On a worker.
  Response work() {
    if (!request_.gone.cancelled()) return call(*route_, request_);
    return translate(*route_, request_, Error(ErrorCode::cancelled, "the client left before its turn came"));
  }

  /// Reads on, so that a peer that leaves is noticed. Anything else that comes is its next request.
  void watch_peer() {
    const std::size_t room = std::min(kWatchBytes, input_.max_size() - input_.size());
    if (room == 0) return;
    watching_ = true;
    stream_->async_read_some(input_.prepare(room), [self = shared()](error_code error, std::size_t bytes) {
      self->watching_ = false;
      self->input_.commit(bytes);
      if (self->worked_) return self->respond(*std::exchange(self->worked_, std::nullopt));
      if (error) return self->request_.gone.cancel();
      self->watch_peer();
    });
  }

  void on_worked(Response response) {
    if (!watching_) return respond(std::move(response));
    worked_ = std::move(response);
    error_code ignored;
    stream_->socket().cancel(ignored);
  }

  void fail(const Error& error, int native_status = 0) {
    Response response = translate(*route_, request_, error);
    if (native_status != 0 && !route_->on_error) response.status = native_status;
    respond(std::move(response));
  }

  void respond(Response response) {
    if (response.on_web_socket) return upgrade(std::move(response.on_web_socket));
    request_.body = Body();
    memory_ = nullptr;
    response_ = std::move(response);
    for (Header& header : answer_headers_) response_.headers.push_back(std::move(header));
    answer_headers_.clear();
    const bool unread = route_ != nullptr && !body_complete_;
    const bool ends_by_closing = response_.next_block && !response_.stream_bytes && !framing_.http_1_1;
    framing_.keep_alive = framing_.keep_alive && !unread && !shared_->draining && !ends_by_closing;
    head_ = format_head(response_, framing_, std::chrono::system_clock::now());
    const ByteView body = framing_.head_only ? ByteView() : response_.bytes();
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head_), asio::buffer(body.data(), body.size())};
    write(parts, head_.size() + body.size(), [](HttpConnection& self) {
      if (self.response_.next_block && !self.framing_.head_only) return self.write_block();
      self.finish();
    });
  }

  /// Nothing may have come behind the header: a peer waits for the answer before it speaks.
  void upgrade(OnWebSocket on_open) {
    if (!body_complete_ || input_.size() > 0) {
      framing_.keep_alive = false;
      return respond(error_response(Error(ErrorCode::bad_input, "a request for a WebSocket that brings more")));
    }
    exchange_.status = 101;
    Upgrade upgrade{request_, route_, std::move(answer_headers_), std::move(on_open)};
    end_exchange();
    start_web_socket(std::move(stream_), shared_, address(), std::move(upgrade));
  }

  void write_block() {
    Bytes block;
    try {
      block = response_.next_block();
    } catch (const std::exception&) {
      return abandon();
    }
    const bool last = block.empty();
    if (auto& left = response_.stream_bytes) {
      if (last ? *left > 0 : block.size() > *left) return abandon();
      *left -= block.size();
      if (last) return finish();
      head_ = as_text(block);
    } else {
      head_ = framing_.http_1_1 ? format_chunk(block) : std::string(as_text(block));
    }
    const std::array<asio::const_buffer, 1> parts{asio::buffer(head_)};
    write(
        parts, head_.size(),
        last ? [](HttpConnection& self) { self.finish(); } : [](HttpConnection& self) { self.write_block(); });
  }

  template <class Buffers>
  void write(const Buffers& buffers, std::uint64_t bytes, void (*then)(HttpConnection&)) {
    const ListenerOptions& options = shared_->options;
    arm(options.body_timeout + milliseconds(1000 * bytes / options.min_bytes_per_second));
    asio::async_write(*stream_, buffers, [self = shared(), then](error_code error, std::size_t written) {
      self->disarm();
      self->exchange_.bytes_out += written;
      if (error) return self->abandon();
      then(*self);
    });
  }

  void finish() {
    exchange_.status = response_.status;
    end_exchange();
    if (framing_.keep_alive) return read_header();
    set_waiting(true);
    arm(shared_->options.linger);
    if (!stream_->encrypted()) return linger();
    stream_->async_say_end([self = shared()](error_code) {
      if (self->timed_out_) return self->close();
      self->linger();
    });
  }

  void linger() {
    error_code ignored;
    stream_->socket().shutdown(tcp::socket::shutdown_send, ignored);
    chunk_.resize(kScratchBytes);
    drain();
  }

  /// Reads on until the peer closes: closing with unread input would reset the connection and may destroy the answer.
  void drain() {
    stream_->socket().async_read_some(asio::buffer(chunk_), [self = shared()](error_code error, std::size_t) {
      if (error) {
        self->disarm();
        return self->close();
      }
      self->drain();
    });
  }

  void abandon() {
    end_exchange();
    close();
  }

  void end_exchange() {
    exchange_.seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    if (shared_->observe) shared_->observe(exchange_);
    response_ = Response();
    memory_ = nullptr;
    request_ = Request();
    open_ = false;
    --shared_->answering;
  }

  std::shared_ptr<Transport> stream_;  ///< null once it is a WebSocket's
  const Transport::executor_type strand_;
  asio::steady_timer timer_;
  beast::flat_buffer input_;
  std::optional<Parser> parser_;
  std::vector<char> chunk_;
  Request request_;
  const Route* route_ = nullptr;
  std::shared_ptr<BodyMemory> memory_;
  Response response_;
  std::optional<Response> worked_;  ///< the handler's, while `watching_` ends
  std::vector<Header> answer_headers_;
  Framing framing_;
  std::string head_;
  Exchange exchange_;
  Clock::time_point started_;
  unsigned armed_ = 0;
  bool open_ = false;  ///< counted in `answering`
  bool timed_out_ = false;
  bool body_complete_ = false;
  bool recall_asked_ = false;
  bool watching_ = false;  ///< `input_` is being read into
};

}  // namespace

void start_connection(tcp::socket socket, const std::shared_ptr<Shared>& shared) {
  error_code ignored;
  std::string address = socket.remote_endpoint(ignored).address().to_string();
  std::make_shared<HttpConnection>(std::move(socket), shared, std::move(address))->start();
}

}  // namespace sagittal::server::http
