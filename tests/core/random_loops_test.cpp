#include "icl/core/random_loops.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

namespace icl {
namespace {

constexpr RandomLoops::Place place{{0xfffffff8U, 3, 1U << 31U, 9}, 0x0123456789abcdefU};
constexpr std::size_t longest = 200;  // more than three groups

class InBothSets : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_has(Isa::avx512)) GTEST_SKIP() << "this CPU has no AVX-512";
  }
};

using RandomLoopsTest = InBothSets;

TEST_F(RandomLoopsTest, GiveTheSameWords) {
  for (std::size_t n = 0; n <= longest; ++n) {
    std::vector<std::uint32_t> narrow(n + 1, 7);
    std::vector<std::uint32_t> wide(n + 1, 7);
    avx2::random_loops.words(place, std::span(narrow).first(n));
    avx512::random_loops.words(place, std::span(wide).first(n));
    ASSERT_EQ(narrow, wide) << n;
    ASSERT_EQ(wide[n], 7U);
  }
}

TEST_F(RandomLoopsTest, GiveTheSameNormals) {
  for (std::size_t n = 0; n <= longest; ++n) {
    std::vector<float> narrow(n + 1, 7);
    std::vector<float> wide(n + 1, 7);
    avx2::random_loops.normals(place, 1, 0.3F, std::span(narrow).first(n));
    avx512::random_loops.normals(place, 1, 0.3F, std::span(wide).first(n));
    for (std::size_t i = 0; i <= n; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(narrow[i]), std::bit_cast<std::uint32_t>(wide[i]))
          << i << " of " << n;
    }
    ASSERT_EQ(wide[n], 7.0F);
  }
}

// Two roundings, as of a loop of its own over what was drawn.
TEST(RandomLoops, ScaleWhatIsRounded) {
  constexpr float scale = 0.3F;
  std::vector<float> plain(longest);
  std::vector<float> scaled(longest);
  avx2::random_loops.normals(place, 1, 1, plain);
  avx2::random_loops.normals(place, 1, scale, scaled);
  for (std::size_t i = 0; i < longest; ++i) EXPECT_EQ(scaled[i], plain[i] * scale);
}

TEST(RandomLoops, GiveEachOfSeveralStreamsItsOwn) {
  constexpr std::size_t streams = 3;
  for (const std::size_t each : {1U, 63U, 64U, 130U}) {
    std::vector<float> together(streams * each);
    avx2::random_loops.normals(place, streams, 1, together);
    RandomLoops::Place one = place;
    for (std::size_t i = 0; i < streams; ++i, ++one.counter[1]) {
      std::vector<float> alone(each);
      avx2::random_loops.normals(one, 1, 1, alone);
      for (std::size_t k = 0; k < each; ++k) EXPECT_EQ(together[i * each + k], alone[k]);
    }
  }
}

}  // namespace
}  // namespace icl
