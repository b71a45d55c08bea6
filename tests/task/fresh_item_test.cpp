#include "icl/task/fresh_item.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "icl/task/items.hpp"

namespace icl::task {
namespace {

TEST(FreshItem, IsTheOneOfItsSource) {
  constexpr std::int64_t seed = 1234567890123;
  constexpr std::int64_t count = 3;
  for (std::int64_t dimension = 1; dimension < 200; ++dimension) {
    const std::int64_t room = fresh_item_room(dimension);
    std::vector<float> x(static_cast<std::size_t>(count * room) + 1, 5);
    draw_fresh_items(seed, Purpose::icl_fresh_items, 7, 1000003, count, dimension, x.data());
    EXPECT_EQ(x.back(), 5) << dimension;
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<float> expected(static_cast<std::size_t>(dimension));
      ItemSource(seed, Purpose::icl_fresh_items)
          .draw(7, static_cast<std::uint64_t>(1000003 + i), expected);
      const float* const row = x.data() + i * room;
      EXPECT_EQ(std::vector<float>(row, row + dimension), expected);
    }
  }
}

}  // namespace
}  // namespace icl::task
