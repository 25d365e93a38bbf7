#include "base/bytes.h"
#include "base/error.h"
#include "server/studies/dicom_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sagittal;
  const std::string_view text = as_text({bytes, size});
  try {
    for (const auto& series : server::parse_archive_series(text, "1.2")) {
      if (!server::is_dicom_uid(series.series_uid) || series.images < 0) __builtin_trap();
    }
    server::parse_archive_uids(text, "00080018");
    server::parse_store_failures(text);
  } catch (const Error&) {
  }
  return 0;
}
