#include "icl/core/enumeration.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace icl {
namespace {

enum class Letter : std::uint8_t { a, b, c };
enum class WithGap : std::uint8_t { first = 0, third = 2 };
enum class Digits : std::int8_t { x_1, x_22, below = -1 };
enum class Empty : std::uint8_t {};

// The compiler answers; that this file compiles is the test.
static_assert(enumerator_count<WithGap>() == 1, "the count ends at the first gap");
static_assert(enumerator_count<Digits>() == 2, "digits may stand in a name");
static_assert(enumerator_count<Empty>() == 0);
static_assert(is_enumerator<Digits{-1}>() && !is_enumerator<Digits{-2}>());
static_assert(is_enumerator<WithGap{2}>() && !is_enumerator<WithGap{1}>());

TEST(Enumeration, CountsWhatHasAName) {
  EXPECT_EQ(enumerator_count<Letter>(), 3U);
  EXPECT_FALSE(is_enumerator<Letter{3}>());
}

}  // namespace
}  // namespace icl
