#include "icl/core/random.hpp"

#include <Random123/philox.h>

#include <cassert>
#include <limits>

#include "icl/core/random_loops.hpp"

namespace icl {
namespace {

/// In block numbers, retries begin here: a stream has 2^24 blocks and 256 retries of each.
constexpr std::uint32_t retry_shift = 24;

const RandomLoops& loops() { return in_force(avx2::random_loops, avx512::random_loops); }

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
  loops().words({{first / 4, index_, step_, purpose_}, seed_}, out);
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
  loops().normals({{0, index_, step_, purpose_}, seed_}, 1, 1, out);
}

std::int64_t derive_seed(std::int64_t seed, std::uint32_t which) {
  const auto random =
      Stream(static_cast<std::uint64_t>(seed), Purpose::derive_seed, 0, which).block(0);
  const std::uint64_t bits = static_cast<std::uint64_t>(random[0]) << 32U | random[1];
  return static_cast<std::int64_t>(bits >> 11U);
}

}  // namespace icl
