// The OpenIGTLink library that Debian ships, protocol 2: independent of ours, and the oldest in the field.
#include <igtlBindMessage.h>
#include <igtlCapabilityMessage.h>
#include <igtlClientSocket.h>
#include <igtlColorTableMessage.h>
#include <igtlImageMessage.h>
#include <igtlImageMetaMessage.h>
#include <igtlLabelMetaMessage.h>
#include <igtlNDArrayMessage.h>
#include <igtlPointMessage.h>
#include <igtlPolyDataMessage.h>
#include <igtlPositionMessage.h>
#include <igtlQuaternionTrackingDataMessage.h>
#include <igtlSensorMessage.h>
#include <igtlServerSocket.h>
#include <igtlStatusMessage.h>
#include <igtlStringMessage.h>
#include <igtlTrackingDataMessage.h>
#include <igtlTrajectoryMessage.h>
#include <igtlTransformMessage.h>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <thread>

#include "stream/igtl/endpoints.h"

// What the library leaks is its own affair.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __lsan_default_suppressions() { return "leak:libOpenIGTLink"; }
#elif defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libOpenIGTLink"; }
#endif

namespace sagittal::igtl {
namespace {

namespace debian = ::igtl;

debian::MessageHeader::Pointer receive_header(debian::Socket& socket) {
  auto header = debian::MessageHeader::New();
  header->InitPack();
  if (socket.Receive(header->GetPackPointer(), header->GetPackSize()) != header->GetPackSize()) return nullptr;
  header->Unpack();
  return header;
}

/// The message behind the header, its checksum verified and its content read by the library.
template <class Message>
typename Message::Pointer receive_body(debian::Socket& socket, debian::MessageHeader::Pointer header) {
  auto message = Message::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  socket.Receive(message->GetPackBodyPointer(), message->GetPackBodySize());
  constexpr int verify = 1;
  EXPECT_TRUE((message->Unpack(verify) & debian::MessageHeader::UNPACK_BODY) != 0) << header->GetDeviceType();
  return message;
}

/// Sends back what it read, as the library writes it.
template <class Message>
void relay_one(debian::Socket& socket, debian::MessageHeader::Pointer header) {
  const auto message = receive_body<Message>(socket, header);
  message->Pack();
  socket.Send(message->GetPackPointer(), message->GetPackSize());
}

/// This one reads nothing by itself, and what it read it cannot write.
void relay_bind(debian::Socket& socket, debian::MessageHeader::Pointer header) {
  const auto bind = receive_body<debian::BindMessage>(socket, header);
  auto again = debian::BindMessage::New();
  again->SetDeviceName(bind->GetDeviceName());
  auto text = debian::StringMessage::New();
  auto pose = debian::TransformMessage::New();
  ASSERT_EQ(bind->GetNumberOfChildMessages(), 2);
  bind->GetChildMessage(0, text);
  bind->GetChildMessage(1, pose);
  text->Unpack();
  pose->Unpack();
  text->Pack();
  pose->Pack();
  again->Init();
  again->AppendChildMessage(text);
  again->AppendChildMessage(pose);
  again->Pack();
  socket.Send(again->GetPackPointer(), again->GetPackSize());
}

const std::map<std::string, void (*)(debian::Socket&, debian::MessageHeader::Pointer)>& relays() {
  static const std::map<std::string, void (*)(debian::Socket&, debian::MessageHeader::Pointer)> all{
      {"BIND", relay_bind},
      {"CAPABILITY", relay_one<debian::CapabilityMessage>},
      {"COLORT", relay_one<debian::ColorTableMessage>},
      {"IMAGE", relay_one<debian::ImageMessage>},
      {"IMGMETA", relay_one<debian::ImageMetaMessage>},
      {"LBMETA", relay_one<debian::LabelMetaMessage>},
      {"NDARRAY", relay_one<debian::NDArrayMessage>},
      {"POINT", relay_one<debian::PointMessage>},
      {"POLYDATA", relay_one<debian::PolyDataMessage>},
      {"POSITION", relay_one<debian::PositionMessage>},
      {"QTDATA", relay_one<debian::QuaternionTrackingDataMessage>},
      {"SENSOR", relay_one<debian::SensorMessage>},
      {"STATUS", relay_one<debian::StatusMessage>},
      {"STRING", relay_one<debian::StringMessage>},
      {"TDATA", relay_one<debian::TrackingDataMessage>},
      {"TRAJ", relay_one<debian::TrajectoryMessage>},
      {"TRANSFORM", relay_one<debian::TransformMessage>},
  };
  return all;
}

void relay(debian::Socket& socket) {
  for (std::size_t n = 0; n < relays().size(); ++n) {
    const debian::MessageHeader::Pointer header = receive_header(socket);
    ASSERT_TRUE(header.IsNotNull());
    const auto one = relays().find(header->GetDeviceType());
    ASSERT_TRUE(one != relays().end()) << header->GetDeviceType();
    one->second(socket, header);
  }
}

/// Sends one of each type and expects the same back.
void expect_all_relayed(Endpoint& endpoint, Inbox& inbox) {
  ASSERT_TRUE(eventually([&] { return endpoint.peers().size() == 1; }));
  std::size_t n = 0;
  for (const auto& [type, unused] : relays()) {
    const Received wanted = take_apart(vectors().at({type, 1}));
    Outgoing message{.type = type, .device = wanted.header.device, .timestamp = wanted.header.timestamp};
    message.content.assign(wanted.content.begin(), wanted.content.end());
    endpoint.send(message);
    const Arrival arrival = inbox.at(n++);
    EXPECT_EQ(arrival.message.header.type, type);
    EXPECT_EQ(arrival.message.header.version, 1);
    EXPECT_EQ(arrival.message.header.device, wanted.header.device);
    const Bytes content(arrival.message.content.begin(), arrival.message.content.end());
    EXPECT_EQ(content, message.content) << type;
  }
  EXPECT_EQ(endpoint.counters().bad_checksums, 0u);
  EXPECT_EQ(endpoint.counters().refused, 0u);
}

TEST(DebiansLibrary, AsAClientTakesAndGivesEachType) {
  Inbox inbox;
  Endpoint server(server_settings(), inbox.handlers());
  auto socket = debian::ClientSocket::New();
  ASSERT_EQ(socket->ConnectToServer("127.0.0.1", server.port()), 0);
  std::thread peer([&] { relay(*socket); });
  expect_all_relayed(server, inbox);
  peer.join();
  socket->CloseSocket();
}

TEST(DebiansLibrary, AsAServerTakesAndGivesEachType) {
  auto listener = debian::ServerSocket::New();
  constexpr int any_port = 0;
  ASSERT_EQ(listener->CreateServer(any_port), 0);
  Inbox inbox;
  EndpointSettings settings;
  settings.role = Role::client;
  settings.port = static_cast<std::uint16_t>(listener->GetServerPort());
  Endpoint client(settings, inbox.handlers());
  const debian::ClientSocket::Pointer socket = listener->WaitForConnection(20'000);
  ASSERT_TRUE(socket.IsNotNull());
  std::thread peer([&] { relay(*socket); });
  expect_all_relayed(client, inbox);
  peer.join();
  socket->CloseSocket();
}

TEST(DebiansLibrary, AsksAndIsAnswered) {
  Endpoint server(server_settings(), {});
  const Received image = take_apart(vectors().at({"IMAGE", 1}));
  Outgoing message{.type = "IMAGE", .device = "Image"};
  message.content.assign(image.content.begin(), image.content.end());
  server.send(message);
  auto socket = debian::ClientSocket::New();
  ASSERT_EQ(socket->ConnectToServer("127.0.0.1", server.port()), 0);
  const auto ask = [&](debian::MessageBase::Pointer question, const char* device) {
    question->SetDeviceName(device);
    question->Pack();
    socket->Send(question->GetPackPointer(), question->GetPackSize());
    return receive_header(*socket);
  };
  debian::MessageHeader::Pointer header = ask(debian::GetImageMetaMessage::New().GetPointer(), "");
  const auto list = receive_body<debian::ImageMetaMessage>(*socket, header);
  ASSERT_EQ(list->GetNumberOfImageMetaElement(), 1);
  debian::ImageMetaElement::Pointer entry;
  list->GetImageMetaElement(0, entry);
  EXPECT_STREQ(entry->GetDeviceName(), "Image");
  header = ask(debian::GetImageMessage::New().GetPointer(), "Image");
  const auto picture = receive_body<debian::ImageMessage>(*socket, header);
  float spacing[3] = {};
  picture->GetSpacing(spacing);
  EXPECT_EQ(spacing[2], 3);
  auto start = debian::StartTrackingDataMessage::New();
  start->SetResolution(50);
  start->SetCoordinateName("Patient");
  header = ask(start.GetPointer(), "");
  EXPECT_EQ(receive_body<debian::RTSTrackingDataMessage>(*socket, header)->GetStatus(), 0);
  header = ask(debian::GetTransformMessage::New().GetPointer(), "None");
  EXPECT_EQ(receive_body<debian::StatusMessage>(*socket, header)->GetCode(), debian::StatusMessage::STATUS_NOT_FOUND);
  socket->CloseSocket();
}

}  // namespace
}  // namespace sagittal::igtl
