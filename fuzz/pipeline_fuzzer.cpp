/// Pipeline files, and what is set on the command line.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "stream/pipeline_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    stream::PipelineFile pipeline = stream::parse_pipeline(text, "fuzz");
    for (const auto& part : std::vector(pipeline.operators)) {
      stream::override_setting(pipeline, part.name + ".conditions.count=3");
    }
    static_cast<void>(stream::build(pipeline, {}));
  } catch (const Error&) {
  }
  try {
    stream::PipelineFile pipeline;
    pipeline.operators.push_back({"a", "b"});
    stream::override_setting(pipeline, text);
  } catch (const Error&) {
  }
  return 0;
}
