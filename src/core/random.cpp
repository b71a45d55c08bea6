#include "icl/core/random.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "icl/core/math.hpp"

namespace icl {
namespace {

/// Blocks that give one group of normal variates, in lanes of vector registers.
constexpr std::size_t group_blocks = 16;
constexpr std::size_t group_size = 4 * group_blocks;

/// In block numbers, retries begin here: a stream has 2^24 blocks and 256 retries of each.
constexpr std::uint32_t retry_shift = 24;

using Words = std::array<std::uint32_t, group_blocks>;

/// Sixteen consecutive blocks of a stream at once, word w of block first + i in out[w][i]: the
/// rounds of Random123's Philox4x32-10 in a form that compilers vectorise. A test holds it against
/// Random123's own.
void philox_group(std::array<std::uint32_t, 4> counter, std::uint64_t key,
                  std::array<Words, 4>& out) {
  for (std::size_t i = 0; i < group_blocks; ++i) {
    out[0][i] = counter[0] + static_cast<std::uint32_t>(i);
    for (std::size_t w = 1; w < 4; ++w) out[w][i] = counter[w];
  }
  auto key_low = static_cast<std::uint32_t>(key);
  auto key_high = static_cast<std::uint32_t>(key >> 32U);
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < group_blocks; ++i) {
      const std::uint64_t a = std::uint64_t{PHILOX_M4x32_0} * out[0][i];
      const std::uint64_t b = std::uint64_t{PHILOX_M4x32_1} * out[2][i];
      out[0][i] = static_cast<std::uint32_t>(b >> 32U) ^ out[1][i] ^ key_low;
      out[1][i] = static_cast<std::uint32_t>(b);
      out[2][i] = static_cast<std::uint32_t>(a >> 32U) ^ out[3][i] ^ key_high;
      out[3][i] = static_cast<std::uint32_t>(a);
    }
    key_low += PHILOX_W32_0;
    key_high += PHILOX_W32_1;
  }
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

void Stream::words(std::span<std::uint32_t> out) const {
  std::array<Words, 4> group;
  for (std::size_t done = 0; done < out.size(); done += group_size) {
    philox_group({static_cast<std::uint32_t>(done / 4), index_, step_, purpose_}, seed_, group);
    const std::size_t count = std::min(group_size, out.size() - done);
    for (std::size_t i = 0; i < count; ++i) out[done + i] = group[i % 4][i / 4];
  }
}

std::uint32_t Stream::below(std::uint32_t bound, std::uint32_t position, std::uint32_t word) const {
  for (std::uint32_t retry = 1;; ++retry) {
    const std::uint64_t product = static_cast<std::uint64_t>(word) * bound;
    const auto low = static_cast<std::uint32_t>(product);
    // Rejected when low < 2^32 mod bound; the costly remainder is taken only where it can matter.
    if (low >= bound || low >= (0U - bound) % bound) {
      return static_cast<std::uint32_t>(product >> 32U);
    }
    word = block(position / 4, retry)[position % 4];
  }
}

void Stream::normals(std::span<float> out) const {
  std::array<Words, 4> words;
  std::array<float, group_size> group;
  for (std::size_t done = 0; done < out.size(); done += group_size) {
    philox_group({static_cast<std::uint32_t>(done / 4), index_, step_, purpose_}, seed_, words);
    box_muller(words[0], words[1], group.data(), group.data() + group_blocks);
    box_muller(words[2], words[3], group.data() + 2 * group_blocks,
               group.data() + 3 * group_blocks);
    const std::size_t count = std::min(group_size, out.size() - done);
    std::copy_n(group.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

std::int64_t derive_seed(std::int64_t seed, std::uint32_t which) {
  const auto random =
      Stream(static_cast<std::uint64_t>(seed), Purpose::derive_seed, 0, which).block(0);
  const std::uint64_t bits = static_cast<std::uint64_t>(random[0]) << 32U | random[1];
  return static_cast<std::int64_t>(bits >> 11U);
}

}  // namespace icl
