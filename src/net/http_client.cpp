#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <exception>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "net/system_certificates.h"

namespace sagittal::net {
namespace {

constexpr std::size_t kKeptOfFailure = 4 << 10;
constexpr std::size_t kMaxHeaderBytes = 64 << 10;

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* parts) const { curl_url_cleanup(parts); }
  void operator()(char* text) const { curl_free(text); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;
using HeaderList = std::unique_ptr<curl_slist, CloseHandle>;

/// Whether `url` names this computer, which no proxy can reach.
bool is_loopback(const std::string& url) {
  const std::unique_ptr<CURLU, CloseHandle> parts(curl_url());
  char* host = nullptr;
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return false;
  }
  const std::unique_ptr<char, CloseHandle> kept(host);
  const std::string_view name(host);
  const bool is_number = name.find_first_not_of("0123456789.") == name.npos;
  return name == "localhost" || name == "[::1]" || (is_number && name.starts_with("127."));
}

/// One request and its answer; the callbacks of curl are given a pointer to it and must not throw.
class Exchange {
 public:
  Exchange(const HttpOptions& options, const HttpRequest& request, const CancelToken& cancel,
           const HttpClient::Sink& sink)
      : request_(request), cancel_(cancel), sink_(sink), handle_(curl_easy_init()) {
    if (!handle_) throw Error(ErrorCode::io, "the HTTP client cannot start");
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, static_cast<long>(options.max_redirects));
    set(CURLOPT_POSTREDIR, CURL_REDIR_POST_ALL);
    set(CURLOPT_NOSIGNAL, 1L);
    if (is_loopback(request.url)) set(CURLOPT_PROXY, "");
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
    set(CURLOPT_TIMEOUT, static_cast<long>(options.timeout.count()));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_USERAGENT, "sagittal/" SAGITTAL_VERSION);
    const std::string trusted = options.ca_file.empty() ? system_certificates() : options.ca_file;
    if (!trusted.empty()) set(CURLOPT_CAINFO, trusted.c_str());
    set_key(options.key);
    set_callbacks();
    set_request();
  }

  HttpAnswer run() {
    const CURLcode result = curl_easy_perform(handle_.get());
    if (failure_) std::rethrow_exception(failure_);
    if (result != CURLE_OK) fail(result);
    read_head();
    return std::move(answer_);
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    if (curl_easy_setopt(handle_.get(), option, value) != CURLE_OK) {
      throw Error(ErrorCode::unsupported, "this libcurl lacks an option that the HTTP client needs");
    }
  }

  void set_key(const HttpKey& key) {
    if (key.secret.empty()) return;
    if (key.user.empty()) {
      set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
      set(CURLOPT_XOAUTH2_BEARER, key.secret.c_str());
    } else {
      set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      set(CURLOPT_USERNAME, key.user.c_str());
      set(CURLOPT_PASSWORD, key.secret.c_str());
    }
  }

  void set_callbacks() {
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_ERRORBUFFER, message_);
  }

  void set_request() {
    const auto add = [this](const std::string& line) {
      curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
      if (longer == nullptr) throw Error(ErrorCode::io, "out of memory");
      static_cast<void>(headers_.release());
      headers_.reset(longer);
    };
    for (const auto& [name, value] : request_.headers) add(fmt::format("{}: {}", name, value));
    add("Expect:");
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (request_.method == "GET") return;
    set(CURLOPT_POST, 1L);
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(request_.body.data()));
  }

  void read_head() {
    long status = 0;
    const char* type = nullptr;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_TYPE, &type);
    answer_.status = static_cast<int>(status);
    answer_.content_type = type == nullptr ? "" : type;
  }

  /// Keeps what `act` throws; false then.
  template <class Act>
  bool guarded(Act&& act) noexcept {
    try {
      act();
      return true;
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    return exchange.guarded([&] {
      exchange.take({reinterpret_cast<std::uint8_t*>(data), size * count});
    })
               ? size * count
               : 0;
  }
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    exchange.header_bytes_ += size * count;
    const bool fits = exchange.guarded([&] {
      if (exchange.header_bytes_ > kMaxHeaderBytes) throw Error(ErrorCode::too_large, "its header is too long");
      exchange.take_header({data, size * count});
    });
    return fits ? size * count : 0;
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(self)->cancel_.cancelled() ? 1 : 0;
  }

  void take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) answer_ = {};  // of an answer behind a redirection
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = lower_case(line.substr(0, colon));
    std::string value(line.substr(colon + 1));
    value.erase(0, std::min(value.size(), value.find_first_not_of(" \t")));
    value.erase(value.find_last_not_of(" \t\r\n") + 1);
    if (name == "etag") answer_.etag = value;
    if (name == "last-modified") answer_.last_modified = value;
    if (name == "content-range") answer_.content_range = value;
    if (name == "www-authenticate") answer_.authenticate = value;
    if (name == "content-length") answer_.content_length = parse_number<std::uint64_t>(value);
    if (name == "content-encoding" && value.find("identity") == std::string::npos) {
      throw Error(ErrorCode::bad_input, "it compresses its answer, which nobody asked for");
    }
  }

  void take(ByteView block) {
    if (answer_.status == 0) read_head();
    const bool success = answer_.status >= 200 && answer_.status < 300;
    if (!success) {
      const std::size_t room = kKeptOfFailure - std::min(kKeptOfFailure, answer_.body.size());
      answer_.body.insert(answer_.body.end(), block.begin(), block.begin() + std::min(room, block.size()));
    }
    received_ += block.size();
    if (received_ > request_.max_answer_bytes) {
      throw Error(ErrorCode::too_large, fmt::format("its answer is longer than {} bytes", request_.max_answer_bytes));
    }
    if (!success) return;
    if (sink_) {
      sink_(answer_, block);
    } else {
      answer_.body.insert(answer_.body.end(), block.begin(), block.end());
    }
  }

  [[noreturn]] void fail(CURLcode result) const {
    if (result == CURLE_ABORTED_BY_CALLBACK) throw Error(ErrorCode::cancelled, "the transfer was stopped");
    const bool broken = result == CURLE_WEIRD_SERVER_REPLY || result == CURLE_UNSUPPORTED_PROTOCOL ||
                        result == CURLE_URL_MALFORMAT || result == CURLE_TOO_MANY_REDIRECTS;
    const std::string why = message_[0] != '\0' ? message_ : curl_easy_strerror(result);
    throw Error(broken ? ErrorCode::bad_input : ErrorCode::unavailable, why);
  }

  const HttpRequest& request_;
  const CancelToken& cancel_;
  const HttpClient::Sink& sink_;
  const Handle handle_;
  HeaderList headers_;
  HttpAnswer answer_;
  std::uint64_t received_ = 0;
  std::size_t header_bytes_ = 0;
  std::exception_ptr failure_;
  char message_[CURL_ERROR_SIZE] = {};
};

/// Whom an error is about: without path, which may name a patient's study.
std::string host_of(const std::string& url) {
  const auto begin = url.find("://");
  return begin == std::string::npos ? url : url.substr(0, url.find('/', begin + 3));
}

}  // namespace

HttpKey parse_http_key(std::string_view text) {
  const auto blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) throw Error(ErrorCode::bad_input, "the key is empty");
  text = text.substr(first, text.find_last_not_of(blank) - first + 1);
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; })) {
    throw Error(ErrorCode::bad_input, "the key is more than one line, expected user:password or a token");
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return {"", std::string(text)};
  if (colon == 0) throw Error(ErrorCode::bad_input, "the key has no user in front of its colon");
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::string checked_base_url(const std::string& url) {
  const auto begin = url.starts_with("http://") ? 7U : url.starts_with("https://") ? 8U : 0U;
  const std::string host = url.substr(begin, url.find('/', begin) - begin);
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (begin == 0 || host.empty() || !plain || url.find_first_of("?#\\") != std::string::npos) {
    throw Error(ErrorCode::wrong_usage, "expected an address such as https://archive.example.org/dicom-web");
  }
  if (host.find('@') != std::string::npos) {
    throw Error(ErrorCode::wrong_usage, "an address with a password is seen by everybody on this computer");
  }
  return url.substr(0, url.find_last_not_of('/') + 1);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

HttpAnswer HttpClient::send(const HttpRequest& request, const CancelToken& cancel, const Sink& sink) const {
  try {
    return Exchange(options_, request, cancel, sink).run();
  } catch (Error& error) {
    throw error.within(host_of(request.url));
  }
}

}  // namespace sagittal::net
