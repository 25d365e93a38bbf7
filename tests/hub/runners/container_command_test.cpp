#include "hub/runners/container_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/runners/bubblewrap.h"

namespace sagittal::hub {
namespace {

using Arguments = std::vector<std::string>;

SandboxJob sample() {
  SandboxJob job{.name = "run-7", .image = "mhubai/lungmask@sha256:0123"};
  job.arguments = {"--workflow", "default"};
  job.mounts = {{"/jobs/7/in", "/app/data/input_data", false}, {"/jobs/7/out", "/app/data/output_data", true}};
  job.scratch = {"/tmp", "/app/tmp"};
  job.environment = {"A=b, c"};
  job.limits = {.memory_bytes = 16, .shared_memory_bytes = 8, .scratch_bytes = 4, .cpus = 2.5, .processes = 64};
  return job;
}

TEST(RunArguments, OfDocker) {
  EXPECT_EQ(run_arguments(Engine::docker, sample(), {1024, 77}),
            (Arguments{"run",
                       "--name",
                       "run-7",
                       "--label",
                       "org.sagittal.run=run-7",
                       "--pull=never",
                       "--network=none",
                       "--cap-drop=ALL",
                       "--security-opt=no-new-privileges",
                       "--log-driver=none",
                       "--stop-timeout=1",
                       "--memory=16",
                       "--memory-swap=16",
                       "--cpus=2.50",
                       "--pids-limit=64",
                       "--shm-size=8",
                       "--ulimit=nofile=1024:1024",
                       "--ulimit=nproc=77:77",
                       "--ulimit=core=0:0",
                       "--read-only",
                       "--tmpfs",
                       "/tmp:rw,exec,nosuid,nodev,size=4,mode=1777",
                       "--tmpfs",
                       "/app/tmp:rw,exec,nosuid,nodev,size=4,mode=1777",
                       "--mount",
                       "type=bind,src=/jobs/7/in,dst=/app/data/input_data,readonly",
                       "--mount",
                       "type=bind,src=/jobs/7/out,dst=/app/data/output_data",
                       "--env",
                       "OMP_NUM_THREADS=2",
                       "--env",
                       "MKL_NUM_THREADS=2",
                       "--env",
                       "OPENBLAS_NUM_THREADS=2",
                       "--env",
                       "A=b, c",
                       "mhubai/lungmask@sha256:0123",
                       "--workflow",
                       "default"}));
}

TEST(RunArguments, NameGpusAsEachEngineDoes) {
  SandboxJob job = sample();
  job.gpus = {0, 2};
  EXPECT_THAT(run_arguments(Engine::docker, job, {1024, 77}), testing::IsSupersetOf({"--gpus", "\"device=0,2\""}));
  EXPECT_THAT(run_arguments(Engine::podman, job, {1024, 77}),
              testing::IsSupersetOf({"nvidia.com/gpu=0", "nvidia.com/gpu=2"}));
  EXPECT_THAT(run_arguments(Engine::apptainer, job, {1024, 77}), testing::Contains("--nv"));
  EXPECT_THAT(apptainer_environment(job), testing::Contains("APPTAINERENV_CUDA_VISIBLE_DEVICES=0,2"));
}

TEST(RunArguments, WithALayerToWriteInStillAllowNothingElse) {
  SandboxJob job = sample();
  job.hardening = Hardening::writable_layer;
  const Arguments arguments = run_arguments(Engine::podman, job, {1024, 77});
  EXPECT_THAT(arguments, testing::Not(testing::Contains("--read-only")));
  EXPECT_THAT(arguments,
              testing::IsSupersetOf({"--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges"}));
}

TEST(RunArguments, OfApptainer) {
  EXPECT_EQ(run_arguments(Engine::apptainer, sample(), {1024, 77}),
            (Arguments{"run",
                       "--containall",
                       "--no-home",
                       "--cleanenv",
                       "--net",
                       "--network=none",
                       "--no-privs",
                       "--memory=16",
                       "--cpus=2.50",
                       "--pids-limit=64",
                       "--scratch",
                       "/tmp",
                       "--scratch",
                       "/app/tmp",
                       "--mount",
                       "type=bind,src=/jobs/7/in,dst=/app/data/input_data,readonly",
                       "--mount",
                       "type=bind,src=/jobs/7/out,dst=/app/data/output_data",
                       "mhubai/lungmask@sha256:0123",
                       "--workflow",
                       "default"}));
  EXPECT_THAT(apptainer_environment(sample()), testing::Contains("APPTAINERENV_A=b, c"));
}

TEST(BindOption, QuotesWhatWouldEndAField) {
  EXPECT_EQ(bind_option({"/a,b", "/in", false}), "type=bind,\"src=/a,b\",dst=/in,readonly");
  EXPECT_EQ(bind_option({"/a\"b", "/in", true}), "type=bind,\"src=/a\"\"b\",dst=/in");
}

TEST(BubblewrapArguments, ShowTheImageAndItsMountsOnly) {
  SandboxJob job = sample();
  job.image = "/images/lungmask";
  job.arguments = {"/bin/mhub", "--workflow", "default"};
  job.folder = "/app";
  EXPECT_EQ(bubblewrap_arguments(job, "/no/such/proc"),
            (Arguments{"--unshare-all",
                       "--die-with-parent",
                       "--new-session",
                       "--cap-drop",
                       "ALL",
                       "--hostname",
                       "model",
                       "--ro-bind",
                       "/images/lungmask",
                       "/",
                       "--proc",
                       "/proc",
                       "--dev",
                       "/dev",
                       "--size",
                       "8",
                       "--tmpfs",
                       "/dev/shm",
                       "--size",
                       "4",
                       "--tmpfs",
                       "/tmp",
                       "--size",
                       "4",
                       "--tmpfs",
                       "/app/tmp",
                       "--ro-bind",
                       "/jobs/7/in",
                       "/app/data/input_data",
                       "--bind",
                       "/jobs/7/out",
                       "/app/data/output_data",
                       "--clearenv",
                       "--setenv",
                       "PATH",
                       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "--setenv",
                       "HOME",
                       "/root",
                       "--setenv",
                       "OMP_NUM_THREADS",
                       "2",
                       "--setenv",
                       "MKL_NUM_THREADS",
                       "2",
                       "--setenv",
                       "OPENBLAS_NUM_THREADS",
                       "2",
                       "--setenv",
                       "A",
                       "b, c",
                       "--remount-ro",
                       "/",
                       "--chdir",
                       "/app",
                       "--",
                       "/bin/mhub",
                       "--workflow",
                       "default"}));
}

}  // namespace
}  // namespace sagittal::hub
