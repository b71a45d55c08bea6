#include "icl/nn/token_loops.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "icl/core/simd.hpp"
#include "support/random.hpp"

namespace icl::nn {
namespace {

constexpr std::int64_t most_rows =
    37;  // of a context: whole groups of four and of sixteen, and rests

/// A table of rows and a sequence in it.
struct Sequence {
  explicit Sequence(std::int64_t width)
      : table(test::normal_tensor({50, width}, 1)), v(test::normal_tensor({width}, 2)) {
    for (std::int32_t j = 0; j < most_rows; ++j) numbers.push_back(j * 29 % 50);
  }
  [[nodiscard]] Rows rows(std::int64_t n) const {
    return {table.data(), table.extent(1), numbers.data(), n, table.row(49)};
  }
  Tensor table, v;
  std::vector<std::int32_t> numbers;
};

void expect_same_bits(const std::vector<Real>& a, const std::vector<Real>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(Real)), 0);
}

class TokenLoopsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_has(Isa::avx512)) GTEST_SKIP() << "this CPU has no AVX-512";
  }
  /// That `run`, given either set's loops, gives numbers of the same bits.
  template <class Run>
  void expect_same(const Run& run) {
    expect_same_bits(run(avx2::token_loops), run(avx512::token_loops));
  }
};

TEST_F(TokenLoopsTest, GiveTheSameScoresAndSums) {
  for (const std::int64_t width : {16, 48, 64, 80, 128, 144}) {
    const Sequence sequence(width);
    for (std::int64_t n = 0; n <= most_rows; ++n) {
      std::vector<Real> a;
      expect_same([&](const TokenLoops& loops) {
        a.assign(static_cast<std::size_t>(n + 1), 0);
        loops.scores(sequence.rows(n), sequence.v.data(), a.data());
        return a;
      });
      expect_same([&](const TokenLoops& loops) {
        std::vector<Real> sum(static_cast<std::size_t>(width));
        loops.weighted_sum(sequence.rows(n), a.data(), sum.data());
        return sum;
      });
    }
  }
}

TEST_F(TokenLoopsTest, GiveTheSameSoftmax) {
  const Tensor scores = test::normal_tensor({100}, 3, 30);
  for (std::int64_t n = 1; n <= scores.size(); ++n) {
    expect_same([&](const TokenLoops& loops) {
      std::vector<Real> a(scores.data(), scores.data() + scores.size());
      loops.softmax(a.data(), n);
      return a;
    });
  }
}

TEST_F(TokenLoopsTest, EncodeTheSameRows) {
  for (std::int64_t items = 1; items <= 70; ++items) {
    std::vector<float> x(static_cast<std::size_t>(items));
    test::fill_normal(std::span(x), static_cast<std::uint64_t>(items), 0.1);
    for (const int label : {-1, 0, 1}) {
      expect_same([&](const TokenLoops& loops) {
        const std::int64_t width = simd::padded(items + 1);
        std::vector<Real> row(static_cast<std::size_t>(width), 9);
        loops.encode(x.data(), items, label, row.data(), width);
        for (std::int64_t i = items + 1; i < width; ++i)
          EXPECT_EQ(row[static_cast<std::size_t>(i)], 0);
        return row;
      });
    }
  }
}

TEST(Softmax, OfOneNanIsAllNan) {
  for (std::size_t bad = 0; bad < 40; ++bad) {
    std::vector<Real> a(40, 1);
    a[bad] = std::numeric_limits<Real>::quiet_NaN();
    token_loops().softmax(a.data(), 40);
    for (const Real x : a) EXPECT_TRUE(std::isnan(x)) << bad;
  }
}

}  // namespace
}  // namespace icl::nn
