#include "server/http/listener.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "expect_error.h"
#include "test_client.h"

namespace sagittal::server::http {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A listener with short patience and a few routes.
class ListenerTest : public testing::Test {
 protected:
  ~ListenerTest() override {
    listener_.stop(milliseconds(0));
    queue_.stop();
  }

  static ListenerOptions options() {
    ListenerOptions options;
    options.header_timeout = milliseconds(300);
    options.body_timeout = milliseconds(300);
    options.recall_after = milliseconds(50);
    options.linger = milliseconds(200);
    options.max_header_bytes = 2048;
    options.max_body_bytes_in_memory = 100'000;
    options.max_connections = 8;
    return options;
  }

  std::vector<Route> routes() {
    Route fast{.method = "GET", .path = "/fast"};
    fast.handler = [](const Request&) { return text_response(200, "text/plain", "fast"); };
    Route echo{
        .method = "POST", .path = "/echo", .run_on = RunOn::worker, .max_body_bytes = 50'000, .takes_prefix = true};
    echo.handler = [](const Request& request) {
      return text_response(200, "text/plain", request.prefix + ":" + std::string(as_text(request.body.bytes())));
    };
    Route slow{.method = "GET", .path = "/slow", .run_on = RunOn::worker};
    slow.handler = [this](const Request&) {
      started_.set_value();
      released_.wait();
      return text_response(200, "text/plain", "slow");
    };
    Route recalling{.method = "POST", .path = "/recall", .run_on = RunOn::worker, .max_body_bytes = 1000};
    recalling.handler = echo.handler;
    recalling.recall_body = [](const Request& head) -> std::optional<Body> {
      if (head.header("X-Known").empty()) return std::nullopt;
      return Body::copy_of(as_bytes("remembered"));
    };
    recalling.on_error = [this](const Request&, const Error& error) {
      ++errors_;
      return text_response(200, "text/plain", error.what());
    };
    Route stream{.method = "GET", .path = "/stream"};
    stream.handler = [](const Request&) {
      Response response;
      response.next_block = [n = 0]() mutable {
        return n++ < 3 ? Bytes(20, static_cast<std::uint8_t>('a' + n)) : Bytes();
      };
      return response;
    };
    Route predicting{.method = "GET", .path = "/predict", .run_on = RunOn::worker, .heavy = true};
    predicting.handler = [this](const Request& request) {
      ++predictions_;
      const bool left = becomes_true([&] { return request.gone.cancelled() || finish_; }) && !finish_;
      noticed_ += left;
      return text_response(200, "text/plain", left ? "stopped" : "predicted");
    };
    Route arriving{.method = "POST", .path = "/arrive", .run_on = RunOn::worker, .max_body_bytes = 1000};
    arriving.on_body = [](Request& request) -> std::optional<Response> {
      const std::string text(as_text(request.body.bytes()));
      if (text == "bad") throw Error(ErrorCode::bad_input, "refused on arrival");
      request.context = std::make_shared<const std::string>("noted " + text);
      if (text == "wait") return std::nullopt;
      return text_response(202, "text/plain", "accepted");
    };
    arriving.handler = [this](const Request& request) {
      const std::string note = *std::static_pointer_cast<const std::string>(request.context);
      const std::lock_guard lock(mutex_);
      handled_.push_back(note + ", " + std::string(as_text(request.body.bytes())));
      return text_response(200, "text/plain", note);
    };
    return {fast, echo, slow, recalling, stream, predicting, arriving};
  }

  std::string ask(const std::string& text) {
    TestClient client(listener_.port());
    client.send(text);
    return client.receive_answer();
  }

  template <class Condition>
  static bool becomes_true(Condition&& condition) {
    for (int n = 0; n < 4000 && !condition(); ++n) std::this_thread::sleep_for(milliseconds(5));
    return condition();
  }

  std::atomic<int> predictions_ = 0, noticed_ = 0;
  std::atomic<bool> finish_ = false;
  std::promise<void> started_, release_;
  std::shared_future<void> released_ = release_.get_future().share();
  std::atomic<int> errors_ = 0;
  std::mutex mutex_;
  std::vector<std::string> handled_;
  std::vector<Exchange> exchanges_;
  Router router_{routes()};
  WorkQueue queue_{{.threads = 2, .waiting = 4, .waiting_per_key = 4}};
  Listener listener_{options(), router_, queue_, [this](const Exchange& exchange) {
                       const std::lock_guard lock(mutex_);
                       exchanges_.push_back(exchange);
                     }};
};

TEST_F(ListenerTest, AnswersWithLengthAndKeepsTheConnection) {
  TestClient client(listener_.port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = client.receive_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n"));
    EXPECT_THAT(answer, HasSubstr("Connection: keep-alive\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nfast"));
  }
}

TEST_F(ListenerTest, PipelinedRequestsAreAnsweredInOrder) {
  TestClient client(listener_.port());
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nonePOST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\ntwo");
  EXPECT_THAT(client.receive_answer(), EndsWith(":one"));
  EXPECT_THAT(client.receive_answer(), EndsWith(":two"));
}

TEST_F(ListenerTest, ALengthAnnouncedOnAGetIsNotWaitedFor) {
  const std::string answer = ask("GET /fast HTTP/1.1\r\nContent-Length: 4000\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

constexpr const char* kPredict = "GET /predict HTTP/1.1\r\n\r\n";

TEST_F(ListenerTest, APredictionLearnsThatItsClientLeft) {
  {
    TestClient client(listener_.port());
    client.send(kPredict);
    EXPECT_TRUE(becomes_true([&] { return predictions_ == 1; }));
  }
  EXPECT_TRUE(becomes_true([&] { return noticed_ == 1; }));
}

TEST_F(ListenerTest, AClientThatOnlySaysNothingMoreIsStillAnswered) {
  TestClient client(listener_.port());
  client.send(kPredict);
  EXPECT_TRUE(becomes_true([&] { return predictions_ == 1; }));
  client.close_sending();
  EXPECT_THAT(client.receive_all(), EndsWith("stopped"));
}

TEST_F(ListenerTest, AClientThatLeavesBeforeItsTurnIsPassedOver) {
  TestClient first(listener_.port());
  first.send(kPredict);
  EXPECT_TRUE(becomes_true([&] { return predictions_ == 1; }));
  {
    TestClient second(listener_.port());
    second.send(kPredict);
    EXPECT_TRUE(becomes_true([&] { return queue_.waiting() == 1; }));
    second.close_sending();
  }
  for (int n = 0; n < 20; ++n) ask("GET /fast HTTP/1.1\r\n\r\n");  // the network threads have seen the end by then
  finish_ = true;
  EXPECT_THAT(first.receive_answer(), EndsWith("predicted"));
  EXPECT_TRUE(becomes_true([&] { return queue_.waiting() + queue_.running() == 0; }));
  EXPECT_EQ(predictions_, 1);
}

TEST_F(ListenerTest, WhatComesDuringAPredictionIsTheNextRequest) {
  TestClient client(listener_.port());
  client.send(kPredict);
  EXPECT_TRUE(becomes_true([&] { return predictions_ == 1; }));
  constexpr int count = 4000;  // more than the connection reads ahead
  std::string more;
  for (int n = 0; n < count; ++n) more += "GET /fast HTTP/1.1\r\nX: y\r\n\r\n";
  std::jthread sender([&] { client.send(more); });
  EXPECT_THAT(ask("GET /fast HTTP/1.1\r\n\r\n"), EndsWith("fast"));
  finish_ = true;
  EXPECT_THAT(client.receive_answer(), EndsWith("predicted"));
  for (int n = 0; n < count; ++n) ASSERT_THAT(client.receive_answer(), EndsWith("fast"));
  EXPECT_EQ(noticed_, 0);
}

TEST_F(ListenerTest, ARequestMayBeAnsweredOnArrivalAndHandledLater) {
  const auto post = [](const std::string& body) {
    return "POST /arrive HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  EXPECT_THAT(ask(post("bad")), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("refused on arrival")));
  EXPECT_THAT(ask(post("wait")), EndsWith("noted wait"));
  EXPECT_THAT(ask(post("later")), AllOf(StartsWith("HTTP/1.1 202 "), EndsWith("accepted")));
  EXPECT_TRUE(becomes_true([&] {
    const std::lock_guard lock(mutex_);
    return handled_.size() == 2;
  }));
  EXPECT_EQ(handled_.back(), "noted later, later");
  Request request;
  request.method = "POST";
  request.path = "/arrive";
  EXPECT_EQ(router_.handle(request).status, 202);
}

TEST_F(ListenerTest, CloseAndHttp10CloseTheConnection) {
  TestClient client(listener_.port());
  client.send("GET /fast HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive_all(), EndsWith("fast"));
  TestClient old(listener_.port());
  old.send("GET /fast HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.receive_all(), StartsWith("HTTP/1.0 200 OK"));
}

TEST_F(ListenerTest, HeadTellsTheLengthOnly) {
  TestClient client(listener_.port());
  client.send("HEAD /fast HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string all = client.receive_all();
  EXPECT_THAT(all, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(all, EndsWith("\r\n\r\n"));
}

TEST_F(ListenerTest, ChunkedBodiesAreJoined) {
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              EndsWith(":abcde"));
}

TEST_F(ListenerTest, ExpectContinueIsAnsweredAtOnce) {
  TestClient client(listener_.port());
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive_answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  EXPECT_THAT(client.receive_answer(), EndsWith(":hi"));
}

TEST_F(ListenerTest, StreamedBodiesAreChunkedOrEndWithTheConnection) {
  TestClient client(listener_.port());
  client.send("GET /stream HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string all = client.receive_all();
  EXPECT_THAT(all, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(all, EndsWith("14\r\n" + std::string(20, 'd') + "\r\n0\r\n\r\n"));
  TestClient old(listener_.port());
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.receive_all(),
              EndsWith("\r\n\r\n" + std::string(20, 'b') + std::string(20, 'c') + std::string(20, 'd')));
}

TEST_F(ListenerTest, ASlowHandlerHoldsUpNobody) {
  TestClient waiting(listener_.port());
  waiting.send("GET /slow HTTP/1.1\r\n\r\n");
  started_.get_future().wait();
  EXPECT_THAT(ask("GET /fast HTTP/1.1\r\n\r\n"), EndsWith("fast"));
  release_.set_value();
  EXPECT_THAT(waiting.receive_answer(), EndsWith("slow"));
}

TEST_F(ListenerTest, MissingPathsAndMethodsAreToldApart) {
  EXPECT_THAT(ask("GET /none HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 Not Found"));
  EXPECT_THAT(ask("DELETE /fast HTTP/1.1\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(ListenerTest, MalformedRequestsGet400AndAClose) {
  for (const char* text : {"nonsense\r\n\r\n", "GET /fast\r\n\r\n", "GET fast HTTP/1.1\r\n\r\n",
                           "GET /%zz HTTP/1.1\r\n\r\n", "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"}) {
    TestClient client(listener_.port());
    client.send(text);
    EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 400 Bad Request")) << text;
  }
}

TEST_F(ListenerTest, ALongHeaderGets431) {
  TestClient client(listener_.port());
  client.send("GET /fast HTTP/1.1\r\nX: " + std::string(4000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 431"));
}

TEST_F(ListenerTest, AnOversizedBodyGets413BeforeItIsSent) {
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nContent-Length: 50001\r\n\r\n"),
              StartsWith("HTTP/1.1 413 Payload Too Large"));
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nContent-Length: 123456789012345\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  const std::string chunk = "2000\r\n" + std::string(0x2000, 'x') + "\r\n";
  std::string many = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 7; ++i) many += chunk;
  EXPECT_THAT(ask(many), StartsWith("HTTP/1.1 413"));
}

TEST_F(ListenerTest, TheRefusalArrivesAlthoughTheClientSendsEverythingFirst) {
  TestClient client(listener_.port());
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x'));
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 413"));
}

TEST_F(ListenerTest, BodiesOfAllRequestsTogetherAreBounded) {
  const std::string most = "POST /echo HTTP/1.1\r\nContent-Length: 45000\r\n\r\n" + std::string(44'999, 'x');
  TestClient a(listener_.port()), b(listener_.port());
  a.send(most);
  b.send(most);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_THAT(ask(most), StartsWith("HTTP/1.1 503"));
  a.send("x");
  EXPECT_THAT(a.receive_answer(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(most + "x"), StartsWith("HTTP/1.1 200")) << "memory given back";
}

TEST_F(ListenerTest, AStalledBodyGets408) {
  TestClient client(listener_.port());
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 408 Request Timeout"));
}

TEST_F(ListenerTest, AStalledHeaderIsClosed) {
  TestClient client(listener_.port());
  client.send("GET /fast HT");
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(ListenerTest, ABodyThatNeverComesIsRecalled) {
  TestClient client(listener_.port());
  client.send("POST /recall HTTP/1.1\r\nX-Known: 1\r\nContent-Length: 10\r\n\r\n");
  const std::string all = client.receive_all();
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(all, EndsWith(":remembered"));
}

TEST_F(ListenerTest, ABodyThatIsOnlyLateIsStillRead) {
  TestClient client(listener_.port());
  client.send("POST /recall HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(120));
  client.send("late");
  EXPECT_THAT(client.receive_answer(), EndsWith(":late"));
}

TEST_F(ListenerTest, TheRouteLearnsOfABodyThatBrokeOff) {
  {
    TestClient client(listener_.port());
    client.send("POST /recall HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  }
  for (int i = 0; i < 200 && errors_ == 0; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(errors_, 1);
}

TEST_F(ListenerTest, AFullQueueGets503) {
  std::vector<std::unique_ptr<TestClient>> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(std::make_unique<TestClient>(listener_.port()));
    waiting.back()->send(i == 0 ? "GET /slow HTTP/1.1\r\n\r\n" : "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    if (i == 0) started_.get_future().wait();
  }
  for (int i = 0; i < 200 && queue_.waiting() < 4; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), StartsWith("HTTP/1.1 503"));
  release_.set_value();
  for (const auto& client : waiting) EXPECT_THAT(client->receive_answer(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ListenerTest, BeyondTheLimitConnectionsThatAskNothingMakeRoom) {
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<TestClient>(listener_.port()));
  for (int i = 0; i < 200 && listener_.connections() < 8; ++i) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_THAT(ask("GET /fast HTTP/1.1\r\n\r\n"), EndsWith("fast"));
  EXPECT_EQ(clients[0]->receive_all(), "");
}

TEST_F(ListenerTest, AnUsedPortIsAClearError) {
  ListenerOptions same = options();
  same.port = listener_.port();
  try {
    const Listener second(same, router_, queue_);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the port is in use"));
  }
  ListenerOptions nowhere = options();
  nowhere.host = "no.such.host.invalid";
  EXPECT_ERROR(Listener(nowhere, router_, queue_), ErrorCode::io);
}

TEST_F(ListenerTest, StopLetsTheRunningRequestFinish) {
  TestClient waiting(listener_.port());
  waiting.send("GET /slow HTTP/1.1\r\n\r\n");
  started_.get_future().wait();
  std::thread releaser([this] {
    std::this_thread::sleep_for(milliseconds(50));
    release_.set_value();
  });
  listener_.stop(milliseconds(10'000));
  releaser.join();
  EXPECT_THAT(waiting.receive_all(), EndsWith("slow"));
}

TEST_F(ListenerTest, EveryExchangeIsObserved) {
  ask("POST /alice/echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
  ask("GET /none HTTP/1.1\r\n\r\n");
  listener_.stop(milliseconds(1000));
  const std::lock_guard lock(mutex_);
  ASSERT_EQ(exchanges_.size(), 2u);
  std::sort(exchanges_.begin(), exchanges_.end(), [](const auto& a, const auto& b) { return a.status < b.status; });
  EXPECT_EQ(exchanges_[0].route->path, "/echo");
  EXPECT_EQ(exchanges_[0].bytes_in, 3u);
  EXPECT_EQ(exchanges_[0].status, 200);
  EXPECT_EQ(exchanges_[1].route, nullptr);
  EXPECT_EQ(exchanges_[1].status, 404);
}

}  // namespace
}  // namespace sagittal::server::http
