#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace sagittal::hub {

/// Cuts a stream of bytes into lines of plain text: a line ends with \n or \r, colours and other escape sequences and
/// control characters go, what is no UTF-8 becomes "?", and a line is cut at `kMaxLineBytes`. Empty lines are left out.
class PlainLines {
 public:
  using Sink = std::function<void(std::string_view line)>;
  static constexpr std::size_t kMaxLineBytes = 4096;

  explicit PlainLines(Sink sink) : sink_(std::move(sink)) {}

  void add(std::string_view bytes);
  /// What stands behind the last end of a line.
  void finish();

 private:
  enum class State { text, escape, sequence, command };

  void add(char byte);

  const Sink sink_;
  std::string line_;
  State state_ = State::text;
};

}  // namespace sagittal::hub
