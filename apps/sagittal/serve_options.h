#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "model_options.h"

namespace sagittal {

/// What `sagittal serve` is told on the command line.
struct ServeOptions {
  std::string host = "127.0.0.1";
  int port = 1527;
  ModelOptions model;
  std::size_t max_sessions = 64;
  std::string api_key_file;  ///< empty: that of the data directory, where there is one
  bool open_to_all = false;  ///< any address, without keys
  std::string tls_certificate;
  std::string tls_key;
  std::size_t max_sessions_per_user = 0;  ///< 0: as many as all together
  std::string audit_log;
  std::string studies;            ///< a folder of scans to offer
  std::string dicomweb;           ///< address of an archive to offer
  std::string dicomweb_key_file;  ///< empty: SAGITTAL_DICOMWEB_KEY, or none
  std::string dicomweb_ca;        ///< certificates to trust there instead of the system's
  double drain_seconds = 30;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  std::uint64_t memory_limit = 0;  ///< bytes of the whole process; 0: what this machine has
  std::uint64_t data_limit = 0;    ///< bytes of all sessions on the disk; 0: what it has
  std::int64_t keep_hours = 24;
  std::int64_t keep_jobs_days = 30;
  std::uint64_t jobs_limit = 0;           ///< bytes of all ended jobs; 0: what the disk has
  std::uint64_t jobs_limit_per_user = 0;  ///< of one key; 0: any number
  std::size_t max_jobs_per_user = 20;     ///< unfinished ones of one key
  std::uint64_t job_memory = 0;           ///< bytes of each; 0: 8 GiB, or half of the machine's
  double job_cpus = 0;                    ///< of each; 0: all
  std::vector<std::string> pipelines;     ///< folders of pipelines, before the usual ones
  std::string streams_directory;          ///< of pipelines and their assets; empty: the data directory
  std::vector<std::string> plugins;       ///< shared libraries with operators
  std::size_t max_streams = 8;            ///< pipelines that run at a time
  bool verbose = false;
};

/// Adds the options of `sagittal serve`; `options` must outlive the parsing.
void add_serve_options(CLI::App& command, ServeOptions& options);

}  // namespace sagittal
