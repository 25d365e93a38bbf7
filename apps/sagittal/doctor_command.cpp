#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/text.h"
#include "commands.h"
#include "doctor_finding.h"
#include "model_lookup.h"
#include "net/http_client.h"
#include "nn/cuda/card.h"

namespace sagittal::commands {
namespace {

Finding instruction_sets(const Machine& machine) {
  std::string sets = "baseline x86-64";
  if (machine.avx2) sets += ", AVX2";
  if (machine.avx512) sets += ", AVX-512";
  if (machine.avx512_bf16) sets += ", AVX-512 bf16";
  if (machine.amx_bf16) sets += ", AMX bf16";
  return {"instructions", machine.avx2, sets,
          machine.avx2 ? "" : "expect long waits: a processor with AVX2 or newer is advised"};
}

Finding precision(const Machine& machine) {
  return {"precision", true,
          machine.amx_bf16 ? "bf16 (this processor has AMX)" : "fp32 (bf16 is the default only with AMX)"};
}

Finding memory(const Machine& machine) {
  constexpr std::uint64_t advised = std::uint64_t{4} << 30;
  const bool enough = machine.memory_limit_bytes >= advised;
  return {"memory", enough, size_text(machine.memory_limit_bytes),
          enough ? "" : "large scans may not fit: 4 GiB are advised"};
}

Finding model() {
  try {
    return {"model", true, find_model(kDefaultModel).string()};
  } catch (const Error& error) {
    return {"model", false, error.what(), "run sagittal from its source tree or package, or name one with --model DIR"};
  }
}

/// `directory`, or the nearest parent that exists.
std::filesystem::path existing_parent(std::filesystem::path directory) {
  while (!std::filesystem::exists(directory) && directory.has_relative_path()) directory = directory.parent_path();
  return directory;
}

Finding data_directory() {
  const std::filesystem::path directory = default_data_directory();
  const auto parent = existing_parent(directory);
  const bool writable = std::filesystem::is_directory(parent) && ::access(parent.c_str(), W_OK) == 0;
  return {"data", writable, directory.string(),
          writable ? "" : fmt::format("mkdir -p {0} && chown $USER {0}", directory.string())};
}

/// None is no fault.
Finding gpus() {
  try {
    std::vector<std::string> found;
    for (const auto& card : nn::cuda::open_cards())
      found.push_back(fmt::format("cuda:{} {}, {} free", card->index(), card->name(), size_text(card->free_bytes())));
    return {"GPU", true, found.empty() ? "none that CUDA can use" : fmt::format("{}", fmt::join(found, "; "))};
  } catch (const Error& error) {
    return {"GPU", true, fmt::format("none is used: {}", error.what())};
  }
}

/// A running server: whether its /healthz, which is open to all, answers as ours does.
Finding server_at(const std::string& url, const std::string& ca_file) {
  net::HttpOptions options{.ca_file = ca_file};
  options.connect_timeout = options.stall_timeout = options.timeout = std::chrono::seconds(10);
  const std::string address = net::checked_base_url(url);
  try {
    const net::HttpAnswer answer = net::HttpClient(options).send({.url = address + "/healthz"}, {});
    const Json health = parse_json(as_text(answer.body), address);
    if (answer.status == 200 && health.is_object() && health.value("ok", Json()) == true)
      return {"server", true, address + " answers"};
    return {"server", false, fmt::format("{} answers with status {}", address, answer.status), "look at its log"};
  } catch (const Error& error) {
    return {"server", false, error.what(), "sagittal serve, or the address that it prints"};
  }
}

std::vector<Finding> examine() {
  const Machine machine = inspect_machine();
  std::vector<Finding> all{
      {"processor", true,
       fmt::format("{}, {} core{} for this process", machine.cpu_model, machine.cores, machine.cores == 1 ? "" : "s")},
      instruction_sets(machine),
      precision(machine),
      memory(machine),
      model(),
      data_directory(),
      gpus(),
  };
  for (Finding& finding : examine_runners()) all.push_back(std::move(finding));
  return all;
}

void print(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    fmt::print("{} {:<13} {}\n", finding.ok ? "ok " : "-- ", finding.topic, finding.found);
    if (!finding.mend.empty()) fmt::print("    {:<13} to mend: {}\n", "", finding.mend);
  }
}

void print_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& f : findings)
    list.push_back({{"topic", f.topic}, {"ok", f.ok}, {"found", f.found}, {"mend", f.mend}});
  fmt::print("{}\n", Json{{"version", SAGITTAL_VERSION}, {"findings", list}}.dump());
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto* command =
      app.add_subcommand("doctor", "What this machine offers, what is missing, and the command that mends it");
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One JSON object");
  const auto server = std::make_shared<std::string>();
  const auto ca = std::make_shared<std::string>();
  auto* asked = command->add_option("--server", *server, "Only whether the server at this address answers");
  asked->type_name("URL");
  command->add_option("--server-ca", *ca, "Certificates to trust there, PEM; default: the system's")
      ->type_name("FILE")
      ->needs(asked);
  command->callback([json, server, ca] {
    const auto findings = server->empty() ? examine() : std::vector{server_at(*server, *ca)};
    *json ? print_json(findings) : print(findings);
    for (const Finding& finding : findings) {
      if (!finding.ok) throw CLI::RuntimeError(1);
    }
  });
}

}  // namespace sagittal::commands
