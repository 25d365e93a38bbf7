#include "serve_options.h"

#include "settings_file.h"

namespace sagittal {

void add_serve_options(CLI::App& command, ServeOptions& options) {
  add_settings_file(command);
  command.add_option("--host", options.host, "Address to listen on; 0.0.0.0 for every interface")
      ->capture_default_str();
  command.add_option("--port", options.port, "Port to listen on; 0 for any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  add_model_options(command, options.model, ModelCount::several);
  command.add_option("--max-sessions", options.max_sessions, "Clients kept apart at once; the idle make room")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command
      .add_option("--api-key-file", options.api_key_file,
                  "Keys of `sagittal key add`, wanted from every client; default: api_keys.json of the data directory, "
                  "where it exists")
      ->type_name("FILE");
  command.add_flag("--public", options.open_to_all, "Listen on a public address without any key");
  command
      .add_option("--allow-origin", options.allowed_origins,
                  "Let pages of this web server use this one, e.g. https://viewer.example.org")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
  command
      .add_option("--allow-host", options.allowed_hosts,
                  "Another name under which clients reach this server through localhost, e.g. behind a proxy")
      ->type_name("NAME")
      ->allow_extra_args(false);
  auto* certificate =
      command.add_option("--tls-cert", options.tls_certificate, "Certificate and its chain, PEM: https");
  auto* key = command.add_option("--tls-key", options.tls_key, "The certificate's private key, PEM");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
  command
      .add_option("--max-sessions-per-user", options.max_sessions_per_user,
                  "Of --max-sessions, those of one key; 0: all of them")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  command
      .add_option("--audit-log", options.audit_log, "One line of JSON per request: who, when, which route, how much")
      ->type_name("FILE");
  command.add_option("--drain-seconds", options.drain_seconds, "How long SIGTERM lets running requests finish")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  command.get_option("--data-dir")->description("Where sessions and models are kept; none: sessions in memory only");
  command.add_option("--pipelines", options.pipelines, "A folder with pipelines of your own")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_option("--plugin", options.plugins, "A shared library with more operators for pipelines")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--max-streams", options.max_streams, "Pipelines that run at a time")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  command
      .add_option(
          "--memory-limit", options.memory_limit,
          "Memory of the whole server, such as 8GiB: sessions beyond it wait in the data folder, predictions for "
          "each other. Default: what the machine has")
      ->transform(CLI::AsSizeValue(false));
  command
      .add_option(
          "--data-limit", options.data_limit,
          "Disk space for sessions and saved labels, such as 100GiB; the longest unused sessions make room. Default: "
          "what the disk has")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--keep", options.keep_hours, "Hours after which a session that nobody used is deleted")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{24} * 365 * 10));
  command.add_option("--keep-jobs", options.keep_jobs_days, "Days after which an ended run of a model is deleted")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{36500}));
  command
      .add_option("--jobs-limit", options.jobs_limit,
                  "Disk space for ended runs, such as 100GiB; the oldest make room. Default: what the disk has")
      ->transform(CLI::AsSizeValue(false));
  command
      .add_option("--jobs-limit-per-user", options.jobs_limit_per_user,
                  "Disk space for the ended runs of one key; beyond it, it may start none. Default: any")
      ->transform(CLI::AsSizeValue(false));
  command
      .add_option("--max-jobs-per-user", options.max_jobs_per_user, "Runs of one key that wait or run; 0: any number")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000));
  command
      .add_option("--job-memory", options.job_memory,
                  "Memory of each run, such as 16GiB. Default: 8 GiB, or half of the machine's")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--job-cpus", options.job_cpus, "Cores of each run; 0: all")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 4096.0));
  command
      .add_option("--studies", options.studies,
                  "A folder of scans to offer: DICOM, NIfTI, NRRD, MetaImage, in any sub-folders. Default: the "
                  "example scans of Debian's packages that are there")
      ->type_name("DIR");
  auto* archive = command.add_option("--dicomweb", options.dicomweb,
                                     "A DICOM archive to offer, e.g. https://archive.example.org/dicom-web");
  archive->type_name("URL");
  command
      .add_option("--dicomweb-key-file", options.dicomweb_key_file,
                  "user:password or a token for the archive, in a file that only you can read; or in the environment "
                  "variable SAGITTAL_DICOMWEB_KEY")
      ->type_name("FILE")
      ->needs(archive);
  command.add_option("--dicomweb-ca", options.dicomweb_ca, "Certificates to trust there, PEM; default: the system's")
      ->type_name("FILE")
      ->needs(archive);
  command.add_flag("--verbose", options.verbose, "One line for every request");
}

}  // namespace sagittal
