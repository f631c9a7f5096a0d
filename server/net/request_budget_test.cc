#include "server/net/request_budget.h"

#include <gtest/gtest.h>

namespace signalbox::server::net {
namespace {

TEST(RequestBudget, LendsNoMoreThanItHasAndTakesItBack) {
  const auto budget = RequestBudget::create(1000, 1000);
  auto first = budget->lease("a");
  auto second = budget->lease("b");

  EXPECT_TRUE(first.grow_to(700));
  EXPECT_FALSE(second.grow_to(301));
  EXPECT_TRUE(second.grow_to(300));
  EXPECT_EQ(budget->used_bytes(), 1000u);
  first.release();
  EXPECT_TRUE(second.grow_to(1000));
  second = {};

  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(RequestBudget, KeepsAPeersRequestsTogetherWithinItsShare) {
  const auto budget = RequestBudget::create(1000);
  auto first = budget->lease("a");
  auto second = budget->lease("a");
  auto other = budget->lease("b");

  EXPECT_TRUE(first.grow_to(200));
  EXPECT_FALSE(second.grow_to(51)) << "beyond a quarter";
  EXPECT_TRUE(second.grow_to(50));
  EXPECT_TRUE(other.grow_to(250)) << "another's share";
}

TEST(RequestBudget, LetsASingleRequestExceedTheShare) {
  const auto budget = RequestBudget::create(1000);
  const auto idle = budget->lease("a");
  auto large = budget->lease("a");

  EXPECT_TRUE(large.grow_to(300));
  EXPECT_TRUE(large.grow_to(900));
  auto next = budget->lease("a");
  EXPECT_FALSE(next.grow_to(1));
  large = {};
  EXPECT_TRUE(next.grow_to(900));
}

TEST(RequestBudget, MovesALeaseWithItsBytes) {
  const auto budget = RequestBudget::create(1000);
  RequestBudget::Lease taken;
  {
    auto lease = budget->lease("a");
    ASSERT_TRUE(lease.grow_to(500));
    taken = std::move(lease);
  }
  EXPECT_EQ(budget->used_bytes(), 500u);
  EXPECT_EQ(taken.bytes(), 500u);
  taken = {};
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(RequestBudget, LimitsNothingWithoutABudget) {
  RequestBudget::Lease lease;
  EXPECT_TRUE(lease.grow_to(1'000'000'000));
}

}  // namespace
}  // namespace signalbox::server::net
