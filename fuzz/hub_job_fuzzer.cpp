#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "hub/jobs/work_json.h"

/// The first byte chooses what the rest is: a job's request.json or record.json. What is read can be written and read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal::hub;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      const JobRequest request = parse_request(text, "request");
      if (request_json(parse_request(request_json(request).dump(), "again")) != request_json(request)) __builtin_trap();
    } else {
      const WorkEnd end = parse_end(text, "record");
      for (const JobOutput& output : end.report.outputs) {
        if (!is_path_below(output.path)) __builtin_trap();
      }
      if (end_json(parse_end(end_json(end).dump(), "again")) != end_json(end)) __builtin_trap();
    }
  } catch (const sagittal::Error&) {
  }
  return 0;
}
