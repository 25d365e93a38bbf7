#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "stream/metadata.h"

namespace sagittal::stream {

/// UTC nanoseconds since 1970; 0: not known.
using UtcTime = std::int64_t;
/// Nanoseconds of a clock that never goes back; its zero means nothing.
using SteadyTime = std::int64_t;

/// What every message carries beside its value, from the source to the last operator.
struct Envelope {
  std::string device;          ///< the name it goes by outside: "Image_Reference"
  UtcTime acquired = 0;        ///< when the device took it
  std::uint64_t sequence = 0;  ///< counted by its source from 1; 0: not counted
  Metadata metadata = {};
};

/// What a port carries. A value type T names itself: `static constexpr std::string_view kValueName = "frame";`
struct ValueType {
  const std::type_info* type = nullptr;
  std::string_view name;
  bool operator==(const ValueType& other) const { return *type == *other.type; }
};
template <class T>
ValueType value_type() {
  return {&typeid(T), T::kValueName};
}

/// Where a message was: one operator, and how what it came from got there (flow_tracking.h). Never changed once made.
struct Hop {
  std::uint32_t node = 0;
  std::uint32_t depth = 0;  ///< hops before this one
  UtcTime received = 0, published = 0;
  std::vector<std::shared_ptr<const Hop>> from;
};

/// A value on its way. The value is shared and never changes.
struct Message {
  Envelope envelope;
  ValueType type;
  std::shared_ptr<const void> value;
  std::shared_ptr<const Hop> hop = nullptr;  ///< only where flows are tracked
};

/// A message of a known type, as an operator takes it.
template <class T>
struct Incoming {
  std::shared_ptr<const T> value;
  Envelope envelope;

  const T& operator*() const { return *value; }
  const T* operator->() const { return value.get(); }
};

}  // namespace sagittal::stream
