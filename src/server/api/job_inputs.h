#pragma once
#include <filesystem>
#include <vector>

#include "base/json.h"
#include "hub/jobs/job_store.h"
#include "server/api/job_routes.h"
#include "server/http/request.h"

namespace sagittal::server {

/// The scans that a request for a job names, which are put into the job's folder.
class JobInputs {
 public:
  /// `body`: "inputs" of it, each {"role"?, "volume", "series"?} or {"role"?, "series"}: an uploaded image, and one
  /// series of it, or a scan of the server. Error(bad_input | not_found) where one is none.
  JobInputs(const JobServices& services, const http::Request& request, const Json& body);

  std::vector<hub::JobInputText> texts() const;
  /// What the request says before its files are written.
  std::vector<hub::JobInput> placeholders() const;
  /// Writes the files into `folder`/given and sets the request's paths.
  void write(const std::filesystem::path& folder, hub::JobRequest& request) const;

 private:
  struct One {
    std::string role, volume, series, study, description;
  };
  std::filesystem::path write_one(const One& one, const std::filesystem::path& place) const;

  const JobServices& services_;
  const std::string owner_;
  std::vector<One> inputs_;
};

}  // namespace sagittal::server
