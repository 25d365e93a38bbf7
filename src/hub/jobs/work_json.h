#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "hub/jobs/work.h"

namespace sagittal::hub {

/// "docker", "podman", "apptainer", "bubblewrap", "runc", "environment", "native".
const std::vector<std::string>& backends();

/// Error(bad_input) for texts that people cannot read, relative paths, unknown backends, and limits or numbers that no
/// machine has.
void check(const JobRequest& request);

Json request_json(const JobRequest& request);
/// The inverse, of a file that anybody may have written; checked. Errors name `what`.
JobRequest parse_request(std::string_view text, std::string_view what);

/// How a job ended, as its record.json says it.
struct WorkEnd {
  std::optional<Error> error = {};  ///< nothing: it is done
  WorkReport report = {};
};

Json end_json(const WorkEnd& end);
/// The inverse; paths of outputs cannot lead out of a folder. Errors name `what`.
WorkEnd parse_end(std::string_view text, std::string_view what);

/// {"path","kind","segments":[{"number","name","id","colour":[r,g,b],"codes","volume_ml"}]}; `codes` is null or
/// {"category","type","modifier","region","region_modifier"}, each null or {"value","scheme","meaning"}.
Json output_json(const JobOutput& output);

/// Whether `path` stays below the folder that it is put behind: parts joined by '/', none of them empty, "." or "..",
/// without control characters.
bool is_path_below(std::string_view path);

}  // namespace sagittal::hub
