#include "server/state/leases.h"

#include <vector>

#include "expect_error.h"
#include "interact/stub_network.h"

namespace sagittal::server {
namespace {

using std::chrono::seconds;

class LeasesTest : public testing::Test {
 protected:
  Sessions::Clock clock() {
    return [this] { return now_; };
  }

  ThreadPool pool_{1};
  std::chrono::steady_clock::time_point now_{};
  Sessions sessions_{
      interact::StubSession::make_model({8, 8, 8}, std::make_shared<interact::StubNetwork>(8, interact::bright), {}),
      pool_, SessionLimits{}, clock()};
  Leases leases_{sessions_, {.max_leases = 2}, clock()};
};

TEST_F(LeasesTest, TokensAreLongAndDiffer) {
  const std::string a = leases_.claim(), b = leases_.claim();
  EXPECT_EQ(a.size(), 32u);
  EXPECT_EQ(a.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(a, b);
  EXPECT_NE(leases_.use(a)->session_key, leases_.use(b)->session_key);
}

TEST_F(LeasesTest, UnknownTokensAreGone) {
  for (const char* token : {"", "0123456789abcdef0123456789abcdef"}) {
    EXPECT_ERROR(leases_.use(token), ErrorCode::gone);
    EXPECT_ERROR(leases_.beat(token), ErrorCode::gone);
    EXPECT_ERROR(leases_.peek(token), ErrorCode::gone);
    EXPECT_NO_THROW(leases_.release(token));
  }
}

TEST_F(LeasesTest, ALeaseOutlivesItsTimesUntilItsPlaceIsNeeded) {
  const std::string a = leases_.claim(), b = leases_.claim();
  EXPECT_ERROR(leases_.claim(), ErrorCode::unavailable);
  now_ += seconds(3600);
  EXPECT_NO_THROW(leases_.use(a)) << "a laptop that slept";
  const std::string c = leases_.claim();
  EXPECT_NO_THROW(leases_.use(a));
  EXPECT_ERROR(leases_.use(b), ErrorCode::gone);
  EXPECT_ERROR(leases_.claim(), ErrorCode::unavailable);  // both are in use
  EXPECT_NO_THROW(leases_.use(c));
}

TEST_F(LeasesTest, HeartbeatsKeepAPlaceUntilTheUserIsIdle) {
  const std::string a = leases_.claim(), b = leases_.claim();
  for (int i = 0; i < 19; ++i) {
    now_ += seconds(30);
    leases_.beat(a), leases_.beat(b);
  }
  EXPECT_ERROR(leases_.claim(), ErrorCode::unavailable);
  EXPECT_EQ(leases_.peek(a), 30);
  leases_.use(a);
  EXPECT_EQ(leases_.peek(a), 600);
  now_ += seconds(31);
  EXPECT_EQ(leases_.beat(b), 0);
  leases_.claim();
  EXPECT_ERROR(leases_.use(b), ErrorCode::gone);
}

TEST_F(LeasesTest, ALeaseInUseIsNotGivenAway) {
  const std::string a = leases_.claim(), b = leases_.claim();
  const auto held_a = leases_.use(a), held_b = leases_.use(b);
  now_ += seconds(3600);
  EXPECT_ERROR(leases_.claim(), ErrorCode::unavailable);
}

TEST_F(LeasesTest, AReleasedLeaseTakesItsSessionAlong) {
  const std::string a = leases_.claim();
  const std::string key = leases_.use(a)->session_key;
  const auto* session = sessions_.get(key).get();
  EXPECT_EQ(sessions_.get(key).get(), session);
  sessions_.reserve_image(key, 100);
  EXPECT_EQ(sessions_.count(), 1u);
  leases_.release(a);
  EXPECT_EQ(sessions_.count(), 0u);
  EXPECT_ERROR(leases_.use(a), ErrorCode::gone);
}

TEST_F(LeasesTest, WhatNobodyAskedForInADayIsForgotten) {
  const std::string a = leases_.claim();
  now_ += seconds(86401);
  leases_.claim();
  EXPECT_ERROR(leases_.use(a), ErrorCode::gone);
}

TEST_F(LeasesTest, OneOwnerCannotTakeEveryPlace) {
  LeaseLimits limits;
  limits.max_leases = 3;
  limits.max_leases_per_owner = 1;
  Leases leases(sessions_, limits, [this] { return now_; });
  const std::string first = leases.claim("alice");
  EXPECT_ERROR(leases.claim("alice"), ErrorCode::unavailable);
  const std::string bobs = leases.claim("bob");
  now_ += std::chrono::hours(1);
  leases.beat(bobs, "bob");
  leases.claim("alice");  // the first is over by now
  EXPECT_ERROR(leases.use(first, "alice"), ErrorCode::gone);
  EXPECT_NO_THROW(leases.use(bobs, "bob"));
}

TEST_F(LeasesTest, ATokenIsOfNoUseToAnotherOwner) {
  Leases leases(sessions_, {}, [this] { return now_; });
  const std::string token = leases.claim("alice");
  for (const char* other : {"bob", "", "alic"}) {
    EXPECT_ERROR(leases.use(token, other), ErrorCode::gone);
    EXPECT_ERROR(leases.beat(token, other), ErrorCode::gone);
    EXPECT_ERROR(leases.peek(token, other), ErrorCode::gone);
    leases.release(token, other);
  }
  EXPECT_NO_THROW(leases.use(token, "alice"));
}

}  // namespace
}  // namespace sagittal::server
