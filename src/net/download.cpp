#include "net/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "net/sha256.h"

namespace sagittal::net {
namespace {

/// What a started file is of, so that it is never continued with another one.
struct Origin {
  std::string url;
  std::string validator;  ///< a strong ETag, or the date of the last change
};

/// A weak tag ("W/…") does not promise equal bytes.
std::string validator_of(const HttpAnswer& head) { return head.etag.starts_with('"') ? head.etag : head.last_modified; }

/// The file as far as it has come, and the note beside it.
class PartialFile {
 public:
  PartialFile(const Download& what)
      : path_(what.file.string() + ".part"),
        note_(what.file.string() + ".part.json"),
        url_(what.url),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644)) {
    if (file_ < 0) fail();
    struct stat info {};
    if (::fstat(file_, &info) != 0) fail();
    size_ = static_cast<std::uint64_t>(info.st_size);
    validator_ = read_note();
    if (validator_.empty()) restart("");
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile() { ::close(file_); }

  std::uint64_t size() const { return size_; }
  const std::string& validator() const { return validator_; }
  const std::filesystem::path& path() const { return path_; }

  /// Begins again, with a file of that validator; an empty one cannot be continued later.
  void restart(const std::string& validator) {
    if (::ftruncate(file_, 0) != 0) fail();
    size_ = 0;
    validator_ = validator;
    write_file_atomically(note_, as_bytes(Json{{"url", url_}, {"validator", validator}}.dump()));
  }

  void append(ByteView bytes) {
    while (!bytes.empty()) {
      const auto count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail();
      size_ += static_cast<std::uint64_t>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }

  void discard() const {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(note_, ignored);
  }

  void rename(const std::filesystem::path& to) const {
    if (::fsync(file_) != 0 || ::rename(path_.c_str(), to.c_str()) != 0) fail();
    std::error_code ignored;
    std::filesystem::remove(note_, ignored);
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::io, fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }

  std::string read_note() const {
    constexpr std::size_t most = 64 << 10;
    std::error_code ignored;
    if (!std::filesystem::exists(note_, ignored)) return "";
    try {
      const Bytes text = read_file(note_, most);
      const Json note = parse_json(as_text(text), note_.string());
      const auto of = [&](const char* key) { return json_get<std::string>(note, key, note_.string()); };
      return of("url") == url_ ? of("validator") : "";
    } catch (const Error&) {
      return "";  // a damaged note: the file begins again
    }
  }

  const std::filesystem::path path_;
  const std::filesystem::path note_;
  const std::string url_;
  const int file_;
  std::uint64_t size_ = 0;
  std::string validator_;
};

/// "bytes 5-9/10": where it begins and how long the whole is.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(unit) || dash == std::string_view::npos || slash == std::string_view::npos || dash > slash)
    return std::nullopt;
  const auto begin = parse_number<std::uint64_t>(text.substr(unit.size(), dash - unit.size()));
  const auto total = parse_number<std::uint64_t>(text.substr(slash + 1));
  if (!begin || !total) return std::nullopt;
  return std::pair(*begin, *total);
}

class Transfer {
 public:
  Transfer(const HttpClient& client, const Download& what, const RunControl& control)
      : client_(client), what_(what), control_(control), file_(what) {}

  std::string run() {
    for (int attempt = 1;; ++attempt) {
      const std::uint64_t before = file_.size();
      try {
        exchange();
        break;
      } catch (const Error& error) {
        const bool broken = error.code() == ErrorCode::unavailable && file_.size() > before;
        if (!broken || attempt >= what_.attempts || control_.cancel.cancelled()) throw;
      }
    }
    return finish();
  }

 private:
  void exchange() {
    HttpRequest request{.url = what_.url, .max_answer_bytes = what_.max_bytes};
    const bool resumes = file_.size() > 0 && !file_.validator().empty();
    if (resumes) {
      request.headers = {{"Range", fmt::format("bytes={}-", file_.size())}, {"If-Range", file_.validator()}};
    }
    started_ = false;
    const HttpAnswer answer = client_.send(request, control_.cancel, [this](const HttpAnswer& head, ByteView block) {
      if (!started_) start(head);
      take(block);
    });
    if (answer.status == 416 && resumes) {
      file_.restart("");
      throw Error(ErrorCode::unavailable, fmt::format("{}: the file has changed meanwhile, try again", what_.url));
    }
    check_status(answer);
    if (!started_) start(answer);
    if (total_ && file_.size() != *total_) {
      throw Error(ErrorCode::unavailable, fmt::format("{}: {} of {} bytes came", what_.url, file_.size(), *total_));
    }
  }

  void check_status(const HttpAnswer& answer) const {
    if (answer.status == 200 || answer.status == 206) return;
    const bool absent = answer.status == 404 || answer.status == 410;
    throw Error(absent ? ErrorCode::not_found : ErrorCode::unavailable,
                fmt::format("{} answered {}", what_.url, answer.status));
  }

  /// The head of the answer has come: goes on with what is there, or begins again.
  void start(const HttpAnswer& head) {
    started_ = true;
    const auto range = parse_content_range(head.content_range);
    const bool continues = head.status == 206 && range && range->first == file_.size();
    if (head.status == 206 && !continues) {
      file_.restart("");
      throw Error(ErrorCode::bad_input, fmt::format("{} answered another part than was asked for", what_.url));
    }
    if (!continues) file_.restart(validator_of(head));
    total_ = continues ? std::optional(range->second) : head.content_length;
    if (total_ && *total_ > what_.max_bytes) {
      throw Error(ErrorCode::too_large,
                  fmt::format("{} has {}, more than {}", what_.url, size_text(*total_), size_text(what_.max_bytes)));
    }
    check_room();
  }

  void check_room() const {
    std::error_code failure;
    const auto space = std::filesystem::space(file_.path().parent_path(), failure);
    if (failure || !total_ || *total_ - file_.size() <= space.available) return;
    throw Error(ErrorCode::io, fmt::format("{} has {}, but {} are free in {}", what_.url, size_text(*total_),
                                           size_text(space.available), file_.path().parent_path().string()));
  }

  void take(ByteView block) {
    if (file_.size() + block.size() > what_.max_bytes) {
      throw Error(ErrorCode::too_large, fmt::format("{} is longer than {}", what_.url, size_text(what_.max_bytes)));
    }
    file_.append(block);
    const bool known = total_ && *total_ > 0;
    control_.report("fetching", known ? static_cast<double>(file_.size()) / static_cast<double>(*total_) : 0);
  }

  std::string finish() {
    control_.report("checking", 0);
    const std::string found = sha256_hex(MappedFile(file_.path()).bytes());
    if (!what_.sha256.empty() && found != lower_case(what_.sha256)) {
      file_.discard();
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: expected SHA-256 {}, found {}; nothing was kept", what_.url, what_.sha256, found));
    }
    file_.rename(what_.file);
    return found;
  }

  const HttpClient& client_;
  const Download& what_;
  const RunControl& control_;
  PartialFile file_;
  std::optional<std::uint64_t> total_;
  bool started_ = false;
};

}  // namespace

std::string download(const HttpClient& client, const Download& what, const RunControl& control) {
  return Transfer(client, what, control).run();
}

}  // namespace sagittal::net
