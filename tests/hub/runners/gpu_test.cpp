#include "hub/runners/gpu.h"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <fstream>

#include "base/error.h"
#include "expect_error.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/runc_runner.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const std::string kLibraries =
    "1021 libs found in cache `/etc/ld.so.cache'\n"
    "\tlibnvidia-ml.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1\n"
    "\tlibnvidia-ml.so.1 (libc6,AArch64) => /usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1\n"
    "\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcuda.so.1\n"
    "\tlibcuda.so.1 (libc6,AArch64) => /usr/lib/aarch64-linux-gnu/libcuda.so.1\n"
    "\tlibcuda.so.1 (libc6) => /usr/lib/i386-linux-gnu/libcuda.so.1\n"
    "\tlibcuda.so.1 (libc6,x86-64) => /opt/old/libcuda.so.1\n"
    "\tlibcudart.so.12 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcudart.so.12\n"
    "\tlibc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6\n";

/// A machine with two GPUs, made of empty files.
struct Machine {
  Machine() {
    for (const char* name : {"nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"}) std::ofstream(dev / name);
  }
  GpuAccess access(const std::vector<int>& gpus, const std::string& libraries = kLibraries) const {
    return gpu_access(gpus, {dev.path(), [=] { return libraries; }});
  }
  std::string device(const char* name) const { return (dev / name).string(); }
  const Scratch dev;
};

TEST(Gpu, OnlyTheChosenOneIsGiven) {
  const Machine machine;
  EXPECT_THAT(machine.access({1}).devices,
              ElementsAre(machine.device("nvidia1"), machine.device("nvidiactl"), machine.device("nvidia-uvm")));
  EXPECT_THAT(machine.access({}, "").devices, IsEmpty());
}

TEST(Gpu, TheDriversLibrariesAreThoseOfThisProcessor) {
  const auto found = driver_libraries(kLibraries);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].first, "libnvidia-ml.so.1");
  EXPECT_EQ(found[1].first, "libcuda.so.1");
  EXPECT_THAT(found[1].second, HasSubstr("-linux-gnu/libcuda.so.1"));
  for (const char* odd : {"", "\n", " => ", "libcuda.so (x86-64)", "libcuda.so (x86-64) => relative",
                          "libnvidia-/../../x.so (x86-64) => /etc/passwd", " => (libcuda.so.1 (x86-64)"}) {
    EXPECT_THAT(driver_libraries(odd), IsEmpty()) << odd;
  }
}

TEST(Gpu, WhatIsMissingIsSaid) {
  const Machine machine;
  EXPECT_ERROR(machine.access({2}), ErrorCode::unavailable);
  EXPECT_ERROR(machine.access({0}, "nothing"), ErrorCode::unavailable);
  EXPECT_ERROR(gpu_access({0}, {machine.dev / "nowhere", [] { return kLibraries; }}), ErrorCode::unavailable);
}

TEST(Gpu, AnImagesOwnLibraryPathIsKept) {
  const GpuAccess access{{}, {{"libcuda.so.1", "/x"}}};
  EXPECT_EQ(access.variable({"A=1"}), "LD_LIBRARY_PATH=/dev/nvidia-driver");
  EXPECT_EQ(access.variable({"LD_LIBRARY_PATH=/old", "LD_LIBRARY_PATH=/usr/local/cuda/lib64"}),
            "LD_LIBRARY_PATH=/dev/nvidia-driver:/usr/local/cuda/lib64");
  EXPECT_EQ(GpuAccess{}.variable({"LD_LIBRARY_PATH=/a"}), "");
}

SandboxJob job_with(const std::vector<int>& gpus) {
  SandboxJob job{.name = "run-7", .image = "/images/lungmask"};
  job.arguments = {"mhub.run"};
  job.environment = {"LD_LIBRARY_PATH=/own"};
  job.gpus = gpus;
  return job;
}

TEST(Gpu, BubblewrapIsToldOfThem) {
  const Machine machine;
  const auto arguments = bubblewrap_arguments(job_with({0}), "/proc", machine.access({0}));
  std::string text;
  for (const std::string& argument : arguments) text += argument + " ";
  EXPECT_THAT(text, HasSubstr(fmt::format("--dev-bind {0} {0} ", machine.device("nvidia0"))));
  EXPECT_THAT(text, testing::Not(HasSubstr("nvidia1 ")));
  EXPECT_THAT(text, HasSubstr("-linux-gnu/libcuda.so.1 /dev/nvidia-driver/libcuda.so.1 "));
  EXPECT_THAT(text, HasSubstr("--setenv LD_LIBRARY_PATH /dev/nvidia-driver:/own "));
  EXPECT_LT(text.find("--dev /dev"), text.find("/dev/nvidia-driver"));
}

TEST(Gpu, RuncIsToldOfThem) {
  const Machine machine;
  const Json config = runc_config(job_with({0}), {0, 0}, machine.access({0}));
  std::vector<std::pair<std::string, bool>> inside;  // and whether it may be written
  for (const Json& mount : config["mounts"]) {
    if (mount["type"] != "bind") continue;
    const auto options = mount["options"].get<std::vector<std::string>>();
    inside.emplace_back(mount["destination"], std::find(options.begin(), options.end(), "rw") != options.end());
  }
  EXPECT_THAT(inside,
              ElementsAre(Pair(machine.device("nvidia0"), true), Pair(machine.device("nvidiactl"), true),
                          Pair(machine.device("nvidia-uvm"), true), Pair("/dev/nvidia-driver/libnvidia-ml.so.1", false),
                          Pair("/dev/nvidia-driver/libcuda.so.1", false)));
  EXPECT_THAT(config["process"]["env"].dump(), HasSubstr(R"("LD_LIBRARY_PATH=/dev/nvidia-driver:/own")"));
}

}  // namespace
}  // namespace sagittal::hub
