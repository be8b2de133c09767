#include "engine/schedule/fair_share.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "engine/sampling/philox.h"

namespace studio::engine {
namespace {

constexpr double kPiece = 16;

// One step that has room for so many units, wanted by these tenants; a piece holds as much as `size` says.
template <typename Size>
std::map<uint64_t, double> share_step(FairShare& shares, const std::vector<uint64_t>& wanting, double room,
                                      Size&& size) {
  std::map<uint64_t, double> got;
  shares.begin_step();
  for (const uint64_t id : wanting) shares.at(id).wants = true;
  shares.compete();
  while (room > 0) {
    FairShare::Tenant* tenant = shares.next();
    if (tenant == nullptr) break;
    const double units = std::min(room, size());
    shares.charge(*tenant, units);
    tenant->is_served = true;
    got[tenant->id] += units;
    room -= units;
  }
  shares.end_step();
  return got;
}

TEST(FairShare, PromptsGetRoomByWeight) {
  FairShare shares;
  shares.enter(1, 1);
  shares.enter(2, 3);
  std::map<uint64_t, double> got;
  for (int step = 0; step < 400; ++step) {
    for (const auto& [id, units] : share_step(shares, {1, 2}, 20, [] { return kPiece; })) got[id] += units;
  }
  EXPECT_EQ(got[1] + got[2], 400 * 20);
  EXPECT_NEAR(got[2] / got[1], 3, 0.02);
}

// Whatever the pieces, the weights, and who comes and goes: while two tenants compete, neither gets ahead of the other
// by more than a piece of each.
TEST(FairShare, NobodyGetsAheadByMoreThanAPieceOfEach) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    auto random = [&, next = uint64_t{0}](uint64_t limit) mutable { return random_bits(seed, 21, next++) % limit; };
    FairShare shares;
    std::map<uint64_t, int> weight;
    for (uint64_t id = 1; id <= 6; ++id) shares.enter(id, weight[id] = 1 + static_cast<int>(random(9)));
    std::map<uint64_t, double> got;  // since all of `steady` want something
    for (int step = 0; step < 300; ++step) {
      std::vector<uint64_t> wanting = {1, 2, 3};
      for (uint64_t id = 4; id <= 6; ++id) {
        if (random(2) == 0) wanting.push_back(id);
      }
      const auto piece = [&] { return 1 + static_cast<double>(random(16)); };
      for (const auto& [id, units] : share_step(shares, wanting, 8 + static_cast<double>(random(100)), piece)) {
        got[id] += units;
      }
      for (const uint64_t a : {1, 2, 3}) {
        for (const uint64_t b : {1, 2, 3}) {
          const double ahead = got[a] / weight[a] - got[b] / weight[b];
          ASSERT_LE(ahead, kPiece / weight[a] + kPiece / weight[b]) << seed << ", step " << step;
        }
      }
    }
  }
}

TEST(FairShare, WhoComesLaterStartsWhereTheOthersAre) {
  FairShare shares;
  shares.enter(1, 1);
  for (int step = 0; step < 100; ++step) share_step(shares, {1}, 64, [] { return kPiece; });
  shares.enter(2, 1);
  std::map<uint64_t, double> got;
  for (int step = 0; step < 10; ++step) {
    for (const auto& [id, units] : share_step(shares, {1, 2}, 32, [] { return kPiece; })) got[id] += units;
  }
  EXPECT_NEAR(got[1], got[2], kPiece);
}

TEST(FairShare, WhoLeavesAndComesBackStillOwesWhatItHadTooMuch) {
  FairShare shares;
  shares.enter(1, 1);
  std::map<uint64_t, double> got;
  for (int step = 0; step < 100; ++step) {
    shares.enter(2, 1);  // one short prompt after the other
    for (const auto& [id, units] : share_step(shares, {1, 2}, 16, [] { return kPiece; })) got[id] += units;
    shares.leave(2);
  }
  EXPECT_NEAR(got[1], got[2], 2 * kPiece);
  EXPECT_EQ(shares.size(), 1);
}

// A heavy tenant and many light ones that come and go: the next piece comes within the steps that are told.
TEST(FairShare, TheNextPieceComesWithinTheStepsThatAreTold) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    auto random = [&, next = uint64_t{0}](uint64_t limit) mutable { return random_bits(seed, 22, next++) % limit; };
    FairShare shares;
    shares.enter(1, 1);
    for (uint64_t id = 2; id <= 8; ++id) shares.enter(id, 1 + static_cast<int>(random(20)));
    int since = 0, longest = 0, told = shares.steps_to_next_piece();
    for (int step = 0; step < 2000; ++step) {
      std::vector<uint64_t> wanting = {1};
      for (uint64_t id = 2; id <= 8; ++id) {
        if (random(3) > 0) wanting.push_back(id);
      }
      const auto got = share_step(shares, wanting, kPiece, [&] { return 1 + static_cast<double>(random(16)); });
      since = got.contains(1) ? 0 : since + 1;
      longest = std::max(longest, since);
    }
    EXPECT_LE(longest, told);
    EXPECT_GT(longest, 2) << "nobody had to wait";
    EXPECT_GE(shares.longest_unserved(), static_cast<uint64_t>(longest));
  }
}

TEST(FairShare, PlacesGoToWhoHasFewestForItsWeight) {
  FairShare shares;
  for (const auto& [id, weight] : {std::pair{1, 1}, {2, 4}, {3, 1}}) shares.enter(static_cast<uint64_t>(id), weight);
  const auto first = [&] {
    uint64_t best = 1;
    for (const uint64_t id : {2, 3}) {
      if (FairShare::comes_first(shares.at(id), shares.at(best))) best = id;
    }
    return best;
  };
  std::vector<uint64_t> order;
  for (int i = 0; i < 9; ++i) {
    order.push_back(first());
    shares.take_place(order.back());
  }
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2, 3, 2, 2, 2, 1, 2, 3}));
  EXPECT_EQ(shares.without_place(), 0);
  // Who lost its last place stands behind those that wait already.
  shares.enter(4, 1);
  shares.give_place(1);
  shares.give_place(1);
  EXPECT_TRUE(FairShare::comes_first(shares.at(4), shares.at(1)));
  EXPECT_TRUE(FairShare::comes_first(shares.at(1), shares.at(3)));
  EXPECT_EQ(shares.without_place(), 2);
  EXPECT_EQ(shares.weights(), 7);
}

TEST(FairShare, APlaceIsTakenOnlyWhereSharesGetMoreEven) {
  FairShare shares;
  shares.enter(1, 1);
  shares.enter(2, 1);
  shares.take_place(1);
  EXPECT_FALSE(FairShare::has_less_than(shares.at(2), shares.at(1)));  // it would only change sides
  shares.take_place(1);
  EXPECT_TRUE(FairShare::has_less_than(shares.at(2), shares.at(1)));
  shares.enter(1, 2);
  EXPECT_FALSE(FairShare::has_less_than(shares.at(2), shares.at(1)));
}

}  // namespace
}  // namespace studio::engine
