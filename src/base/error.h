#pragma once
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal {

/// What went wrong, in the terms a caller can act on. `describe` maps each code to its name, HTTP status and exit code.
enum class ErrorCode {
  bad_input,     ///< the caller's data is malformed, truncated, forged or contradictory
  wrong_usage,   ///< a command line that cannot be run as typed
  unauthorized,  ///< a key is missing or wrong
  not_found,     ///< no such file, model, session or series
  conflict,      ///< the request does not fit the present state, e.g. a prompt before an image
  too_large,     ///< beyond a size limit
  unsupported,   ///< well-formed, but not handled by this build or model
  gone,          ///< was here and is over, e.g. a session
  unavailable,   ///< try again later: at capacity
  cancelled,     ///< stopped on request
  io,            ///< the operating system refused: disk full, permission, broken pipe
  internal,      ///< a defect of ours
};

struct ErrorKind {
  ErrorCode code;
  std::string_view name;
  int http_status;
  int exit_code;
};

/// The one table code -> name, HTTP status, exit code.
const ErrorKind& describe(ErrorCode code);

/// The only exception that crosses a module's border. Holds a stack of sentences, innermost first: each level that
/// knows more (which file, which request) adds one with `within`. A sentence says what, expected what, found what.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string sentence);

  ErrorCode code() const { return code_; }
  const std::vector<std::string>& sentences() const { return sentences_; }

  /// Adds the outer context and returns itself: `throw error.within("reading a.nii")` in a catch block.
  Error& within(std::string_view sentence);

  /// All sentences, outermost first, joined by ": ".
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  ErrorCode code_;
  std::vector<std::string> sentences_;
  std::string text_;
};

}  // namespace sagittal
