#pragma once
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sagittal::nn {

/// One value of a pickle. Values refer to each other inside their `Pickle`; a stranger's pickle may hold cycles.
struct PickleValue {
  enum class Kind {
    none,
    boolean,
    integer,  ///< fits 64 bits; a longer one is opaque
    real,
    text,
    bytes,
    tuple,
    list,
    dict,        ///< `items` alternates keys and values
    global,      ///< `text` is "module name": a name of code, which stays a name
    reduced,     ///< `items[0]` called with the tuple `items[1]`: recorded, never executed
    persistent,  ///< a reference to a storage: `items[0]` is its id
    opaque,      ///< anything else
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< also of boolean
  double real = 0;
  std::string_view text;  ///< text, bytes, global
  std::vector<const PickleValue*> items;
  const PickleValue* state = nullptr;  ///< reduced, opaque: what the object was then filled with

  bool is(Kind other) const { return kind == other; }
  bool is_global(std::string_view name) const { return kind == Kind::global && text == name; }
  bool is_call_of(std::string_view name) const;
  /// Of a dict, by text key; null where absent or not a dict.
  const PickleValue* find(std::string_view key) const;
};

/// A pickle (protocols 2 to 4) read into values without running anything: objects of classes stay names and arguments.
/// Limits: 64 MiB of pickle, 4 Mi values, 16 Mi references, 1000 open marks.
class Pickle {
 public:
  /// `bytes` must outlive the pickle. Throws Error(bad_input) for malformed or oversized input, Error(unsupported) for
  /// opcodes outside the list.
  Pickle(ByteView bytes, std::string_view what);

  const PickleValue& root() const { return *root_; }
  /// Every "module name" the pickle mentions.
  const std::set<std::string>& global_names() const { return global_names_; }
  /// Every reference to a storage, in order.
  const std::vector<const PickleValue*>& persistent() const { return persistent_; }
  /// Bytes up to its end; more may follow.
  std::size_t size() const { return size_; }

 private:
  friend class PickleMachine;
  std::deque<PickleValue> values_;
  std::set<std::string> global_names_;
  std::vector<const PickleValue*> persistent_;
  const PickleValue* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sagittal::nn
