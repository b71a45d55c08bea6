#include "icl/core/random.hpp"

#include <Random123/philox.h>
#include <immintrin.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "icl/core/math.hpp"

namespace icl {
namespace {

/// Blocks of one group of words, or of normal variates.
constexpr std::size_t group_blocks = Stream::group / 4;

/// In block numbers, retries begin here: a stream has 2^24 blocks and 256 retries of each.
constexpr std::uint32_t retry_shift = 24;

using Words = std::array<std::uint32_t, group_blocks>;

/// Eight lanes of 32 bits.
constexpr std::uint32_t lanes = 8;

__m256i broadcast(std::uint32_t x) { return _mm256_set1_epi32(static_cast<std::int32_t>(x)); }

/// The upper and lower halves of the 64-bit products of a constant and each lane.
struct Product {
  __m256i high, low;
};
Product multiply(__m256i factor, __m256i x) {
  const __m256i even = _mm256_mul_epu32(factor, x);
  const __m256i odd = _mm256_mul_epu32(factor, _mm256_srli_epi64(x, 32));
  constexpr int odd_lanes = 0xaa;
  return {_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, odd_lanes),
          _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), odd_lanes)};
}

/// Eight blocks in registers: word w of each.
struct Blocks {
  __m256i word_0, word_1, word_2, word_3;

  void round(__m256i key_low, __m256i key_high) {
    const Product a = multiply(broadcast(PHILOX_M4x32_0), word_0);
    const Product b = multiply(broadcast(PHILOX_M4x32_1), word_2);
    word_0 = _mm256_xor_si256(_mm256_xor_si256(b.high, word_1), key_low);
    word_1 = b.low;
    word_2 = _mm256_xor_si256(_mm256_xor_si256(a.high, word_3), key_high);
    word_3 = a.low;
  }
};

/// Sixteen consecutive blocks of a stream at once, word w of block first + i in out[w][i]: the
/// rounds of Random123's Philox4x32-10 in two sets of registers, so that the products of one fill
/// the waits of the other. A test holds it against Random123's own.
void philox_group(std::array<std::uint32_t, 4> counter, std::uint64_t key,
                  std::array<Words, 4>& out) {
  const __m256i first =
      _mm256_add_epi32(broadcast(counter[0]), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  Blocks low{first, broadcast(counter[1]), broadcast(counter[2]), broadcast(counter[3])};
  Blocks high = low;
  high.word_0 = _mm256_add_epi32(first, broadcast(lanes));
  auto key_low = static_cast<std::uint32_t>(key);
  auto key_high = static_cast<std::uint32_t>(key >> 32U);
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    low.round(broadcast(key_low), broadcast(key_high));
    high.round(broadcast(key_low), broadcast(key_high));
    key_low += PHILOX_W32_0;
    key_high += PHILOX_W32_1;
  }
  const auto store = [](__m256i x, std::uint32_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  };
  store(low.word_0, out[0].data());
  store(low.word_1, out[1].data());
  store(low.word_2, out[2].data());
  store(low.word_3, out[3].data());
  store(high.word_0, out[0].data() + lanes);
  store(high.word_1, out[1].data() + lanes);
  store(high.word_2, out[2].data() + lanes);
  store(high.word_3, out[3].data() + lanes);
}

/// Two independent normal variates a lane, sqrt(-2 ln u) (cos a, sin a): u in (0, 1] from the upper
/// 24 bits of `radius`; a, uniform on the circle, as a quadrant (2 bits) and an angle in it (30
/// bits).
void box_muller(const Words& radius, const Words& angle, float* cosines, float* sines) {
  constexpr float to_unit = 0x1p-24F;
  constexpr float to_angle = 1.57079632679489662F * 0x1p-30F;
  constexpr std::int32_t half_quadrant = 1 << 29;
  for (std::size_t i = 0; i < group_blocks; ++i) {
    const float u = static_cast<float>(static_cast<std::int32_t>(radius[i] >> 8U) + 1) * to_unit;
    const float r = std::sqrt(-2.0F * math::log(u));
    const auto in_quadrant = static_cast<std::int32_t>(angle[i] & 0x3fffffffU) - half_quadrant;
    const auto [s, c] = math::sincos_octant(static_cast<float>(in_quadrant) * to_angle);
    const bool swap = (angle[i] & 0x40000000U) != 0;
    const float sign = (angle[i] & 0x80000000U) != 0 ? -r : r;
    cosines[i] = sign * (swap ? -s : c);
    sines[i] = sign * (swap ? c : s);
  }
}

}  // namespace

Stream::Stream(std::uint64_t seed, Purpose purpose, std::uint64_t step, std::uint64_t index)
    : seed_(seed),
      purpose_(static_cast<std::uint32_t>(purpose)),
      step_(static_cast<std::uint32_t>(step)),
      index_(static_cast<std::uint32_t>(index)) {
  assert(step <= std::numeric_limits<std::uint32_t>::max());
  assert(index <= std::numeric_limits<std::uint32_t>::max());
}

Stream::Block Stream::block(std::uint32_t b, std::uint32_t retry) const {
  assert(b < 1U << retry_shift);
  const r123::Philox4x32::ctr_type counter = {{b | retry << retry_shift, index_, step_, purpose_}};
  const r123::Philox4x32::key_type key = {
      {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32U)}};
  const auto random = r123::Philox4x32()(counter, key);
  return {random[0], random[1], random[2], random[3]};
}

void Stream::words(std::uint32_t first, std::span<std::uint32_t> out) const {
  assert(first % group == 0);
  std::array<Words, 4> words;
  for (std::size_t done = 0; done < out.size(); done += group) {
    const auto block = static_cast<std::uint32_t>((first + done) / 4);
    philox_group({block, index_, step_, purpose_}, seed_, words);
    const std::size_t count = std::min(group, out.size() - done);
    for (std::size_t i = 0; i < count; ++i) out[done + i] = words[i % 4][i / 4];
  }
}

std::uint32_t Stream::below_with_retries(std::uint32_t bound, std::uint32_t position,
                                         std::uint32_t word) const {
  const std::uint32_t rejected_below = (0U - bound) % bound;  // 2^32 mod bound
  for (std::uint32_t retry = 1;; ++retry) {
    const std::uint64_t product = static_cast<std::uint64_t>(word) * bound;
    if (static_cast<std::uint32_t>(product) >= rejected_below) {
      return static_cast<std::uint32_t>(product >> 32U);
    }
    word = block(position / 4, retry)[position % 4];
  }
}

void Stream::normals(std::span<float> out) const {
  std::array<Words, 4> words;
  std::array<float, group> variates;
  for (std::size_t done = 0; done < out.size(); done += group) {
    philox_group({static_cast<std::uint32_t>(done / 4), index_, step_, purpose_}, seed_, words);
    float* const v = variates.data();
    box_muller(words[0], words[1], v, v + group_blocks);
    box_muller(words[2], words[3], v + 2 * group_blocks, v + 3 * group_blocks);
    const std::size_t count = std::min(group, out.size() - done);
    std::copy_n(variates.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

std::int64_t derive_seed(std::int64_t seed, std::uint32_t which) {
  const auto random =
      Stream(static_cast<std::uint64_t>(seed), Purpose::derive_seed, 0, which).block(0);
  const std::uint64_t bits = static_cast<std::uint64_t>(random[0]) << 32U | random[1];
  return static_cast<std::int64_t>(bits >> 11U);
}

}  // namespace icl
