#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "base/error.h"
#include "net/multipart_related.h"

namespace {

using namespace sagittal;

/// The parts joined, or why there are none; fed in blocks of `step` bytes.
std::string read(const std::string& type, const std::string& body, std::size_t step) {
  std::string joined;
  try {
    net::MultipartReader reader(type, {.max_part_bytes = 1000, .max_parts = 20}, [&](const Bytes& part) {
      joined.append(as_text(part));
      joined += '|';
    });
    for (std::size_t at = 0; at < body.size(); at += step)
      reader.feed(as_bytes(std::string_view(body).substr(at, step)));
    reader.finish();
  } catch (const Error& error) {
    joined = describe(error.code()).name;
  }
  return joined;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzedDataProvider data(bytes, size);
  const std::string type =
      data.ConsumeBool() ? "multipart/related; boundary=b" : "multipart/related" + data.ConsumeRandomLengthString(100);
  const std::size_t step = data.ConsumeIntegralInRange<std::size_t>(1, 40);
  const std::string body = data.ConsumeRemainingBytesAsString();
  const std::string whole = read(type, body, body.size() + 1);
  const bool failed = whole == "bad_input" || whole == "too_large";
  if (!failed && read(type, body, step) != whole) __builtin_trap();  // blocks must not matter
  return 0;
}
