#include "nn/cuda/device/cuda_queue.h"

#include <exception>

#include "base/error.h"
#include "nn/cuda/device/launch.h"
#include "nn/cuda/device/status.h"

namespace sagittal::nn::cuda {
namespace {

using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, Release<cudaGraphDestroy>>;
using ExecutableGraph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, Release<cudaGraphExecDestroy>>;

/// What it runs belongs to the card's plans.
struct CudaRecording : Recording {
  std::shared_ptr<const Card> card;
  ExecutableGraph graph;
};

}  // namespace

CudaQueue::CudaQueue(std::shared_ptr<CudaCard> card) : card_(std::move(card)) {}

CudaQueue::~CudaQueue() {
  cudaSetDevice(card_->index());
  cudaStreamSynchronize(stream_.get());  // what it still does uses the staging's memory
}

void CudaQueue::select(bool can_be_recorded) const {
  if (recording_ && !can_be_recorded) throw Error(ErrorCode::internal, "a copy or a wait was to be recorded");
  select_card(card_->index());
}

void CudaQueue::upload(std::byte* to, std::span<const std::byte> from) {
  select(false);
  staging_.upload(to, from, stream_.get());
}

void CudaQueue::download(std::span<std::byte> to, const std::byte* from) {
  select(false);
  staging_.download(to, from, stream_.get());
}

void CudaQueue::convolve(const Convolution& convolution, const Half* in, const Half* weights, Half* out,
                         std::byte* workspace) {
  select();
  card_->convolve(stream_.get(), convolution, in, weights, out, workspace);
}

void CudaQueue::run(const Kernel& kernel) {
  select();
  check(launch(kernel, stream_.get()), "starting a kernel");
}

void CudaQueue::wait() {
  select(false);
  check(cudaStreamSynchronize(stream_.get()), "waiting for the card");
  staging_.finish();
}

std::unique_ptr<const Recording> CudaQueue::record(const std::function<void()>& enqueue) {
  select(false);
  check(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeRelaxed), "recording");
  recording_ = true;
  std::exception_ptr failed;
  try {
    enqueue();
  } catch (...) {
    failed = std::current_exception();
  }
  recording_ = false;
  cudaGraph_t captured = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream_.get(), &captured);
  const Graph graph(captured);
  if (failed) {
    cudaGetLastError();
    std::rethrow_exception(failed);
  }
  check(ended, "recording");
  auto made = std::make_unique<CudaRecording>();
  made->card = card_;
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph.get(), 0), "preparing what was recorded");
  made->graph.reset(executable);
  return made;
}

void CudaQueue::replay(const Recording& recording) {
  select(false);
  check(cudaGraphLaunch(dynamic_cast<const CudaRecording&>(recording).graph.get(), stream_.get()), "replaying");
}

}  // namespace sagittal::nn::cuda
