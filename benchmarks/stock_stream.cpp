// The OpenIGTLink library as Debian ships it, sender and receiver over loopback, checksum on: what `sagittal bench
// stream` measures, for benchmarks/stream.py. Arguments: seconds. One JSON object on standard output.
#include <igtlClientSocket.h>
#include <igtlImageMessage.h>
#include <igtlServerSocket.h>
#include <igtlTransformMessage.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Task {
  int width = 0, height = 0, components = 0;  ///< width 0: a TRANSFORM
  double rate = 0;                            ///< a second; 0: flat out
};

struct Result {
  std::vector<double> latencies_ms;
  double seconds = 0;
};

/// The time of sending travels in the header, as nanoseconds of the steady clock.
void stamp(igtl::MessageBase& message) {
  const auto now = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
  message.SetTimeStamp(static_cast<unsigned>(now >> 32), static_cast<unsigned>(now & 0xFFFFFFFF));
}

void send_all(igtl::Socket& socket, const Task& task, std::chrono::seconds time) {
  auto image = igtl::ImageMessage::New();
  auto transform = igtl::TransformMessage::New();
  igtl::Matrix4x4 identity;
  igtl::IdentityMatrix(identity);
  transform->SetMatrix(identity);
  std::vector<std::uint8_t> frame(static_cast<std::size_t>(task.width) * task.height * task.components);
  for (std::size_t n = 0; n < frame.size(); ++n) frame[n] = static_cast<std::uint8_t>(n * 2654435761U >> 24);
  const auto begin = Clock::now();
  for (auto next = begin; Clock::now() < begin + time;) {
    if (task.rate > 0) {
      std::this_thread::sleep_until(next);
      next += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / task.rate));
    }
    igtl::MessageBase* message = transform;
    if (task.width > 0) {
      image->SetDimensions(task.width, task.height, 1);
      image->SetNumComponents(task.components);
      image->SetScalarTypeToUint8();
      image->AllocateScalars();
      message = image;
    }
    stamp(*message);
    if (task.width > 0) std::memcpy(image->GetScalarPointer(), frame.data(), frame.size());
    message->Pack();
    if (socket.Send(message->GetPackPointer(), message->GetPackSize()) == 0) return;
  }
}

template <class Message>
bool receive_body(igtl::Socket& socket, igtl::MessageHeader::Pointer header) {
  auto message = Message::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  if (socket.Receive(message->GetPackBodyPointer(), message->GetPackBodySize()) <= 0) return false;
  constexpr int verify = 1;
  return (message->Unpack(verify) & igtl::MessageHeader::UNPACK_BODY) != 0;
}

Result receive_all(igtl::Socket& socket, const Task& task) {
  Result result;
  Clock::time_point first, last;
  for (;;) {
    auto header = igtl::MessageHeader::New();
    header->InitPack();
    if (socket.Receive(header->GetPackPointer(), header->GetPackSize()) != header->GetPackSize()) break;
    header->Unpack();
    const bool good = task.width > 0 ? receive_body<igtl::ImageMessage>(socket, header)
                                     : receive_body<igtl::TransformMessage>(socket, header);
    if (!good) break;
    last = Clock::now();
    if (result.latencies_ms.empty()) first = last;
    unsigned high = 0, low = 0;
    header->GetTimeStamp(&high, &low);
    const Clock::time_point sent{Clock::duration(static_cast<std::int64_t>(std::uint64_t{high} << 32 | low))};
    result.latencies_ms.push_back(std::chrono::duration<double, std::milli>(last - sent).count());
  }
  result.seconds = std::chrono::duration<double>(last - first).count();
  return result;
}

Result run(const Task& task, std::chrono::seconds time) {
  auto listener = igtl::ServerSocket::New();
  constexpr int any_port = 0;
  if (listener->CreateServer(any_port) != 0) throw std::runtime_error("no port");
  auto client = igtl::ClientSocket::New();
  std::thread sender([&] {
    if (client->ConnectToServer("127.0.0.1", listener->GetServerPort()) != 0) return;
    send_all(*client, task, time);
    client->CloseSocket();
  });
  const igtl::ClientSocket::Pointer socket = listener->WaitForConnection(10'000);
  Result result;
  if (socket.IsNotNull()) result = receive_all(*socket, task);
  sender.join();
  if (result.latencies_ms.size() < 10) throw std::runtime_error("nothing arrived");
  return result;
}

void print(const char* name, const Task& task, std::chrono::seconds time, const char* behind) {
  Result result = run(task, time);
  if (task.rate == 0) {
    std::printf("\"%s\": {\"fps\": %.1f}%s", name, static_cast<double>(result.latencies_ms.size() - 1) / result.seconds,
                behind);
    return;
  }
  auto& all = result.latencies_ms;
  all.erase(all.begin(), all.begin() + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(task.rate / 2),
                                                                static_cast<std::ptrdiff_t>(all.size()) - 1));
  std::sort(all.begin(), all.end());
  std::printf("\"%s\": {\"per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}%s", name,
              static_cast<double>(all.size()) / result.seconds, all[all.size() / 2], all[all.size() * 99 / 100],
              behind);
}

}  // namespace

int main(int argc, char** argv) {
  const std::chrono::seconds time(argc > 1 ? std::atoi(argv[1]) : 5);
  try {
    std::printf("{");
    print("flat_out_1080p_rgb", {1920, 1080, 3, 0}, time, ", ");
    print("paced_1080p_rgb", {1920, 1080, 3, 60}, time, ", ");
    print("paced_640x480_gray", {640, 480, 1, 60}, time, ", ");
    print("paced_transform", {0, 0, 0, 1000}, time, "}\n");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stock_stream: %s\n", error.what());
    return 1;
  }
}
