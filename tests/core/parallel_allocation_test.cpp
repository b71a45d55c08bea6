#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "core/allocations.hpp"
#include "icl/core/parallel.hpp"

namespace icl {
namespace {

TEST(Workers, DoNotAllocateOnceWarm) {
  for (const int threads : {1, 2, 3, 4, 8, 17, Workers::max_threads}) {
    const Workers workers(threads);
    // More captures than fit in a small-buffer function object.
    std::array<std::atomic<std::int64_t>, 64> sums{};
    std::int64_t a = 1, b = 2, c = 3, d = 4;
    const auto task = [&, a, b, c, d](std::int64_t i) {
      sums[static_cast<std::size_t>(i)] += a + b + c + d;
    };
    workers.for_each(64, task);
    const std::int64_t before = test::allocations();
    for (int repeat = 0; repeat < 100; ++repeat) workers.for_each(64, task);
    EXPECT_EQ(test::allocations(), before) << threads << " threads";
    EXPECT_EQ(sums[63], 101 * 10);
  }
  // The count itself can rise. (A new-expression might be left out.)
  const std::int64_t before = test::allocations();
  ::operator delete(::operator new(1));
  EXPECT_GT(test::allocations(), before);
}

}  // namespace
}  // namespace icl
