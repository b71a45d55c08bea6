#include "icl/core/random_loops.hpp"

#include <immintrin.h>

#include <cmath>

#include "icl/core/math.hpp"

namespace icl::ICL_ISA {
namespace {

/// Blocks of one group of words, or of normal variates.
constexpr std::size_t lanes = 16;
constexpr std::size_t group = 4 * lanes;

/// Of Philox4x32: what words 0 and 2 are multiplied by in a round, and what is added to the key's
/// halves after it.
constexpr std::uint32_t multiplier_0 = 0xd2511f53;
constexpr std::uint32_t multiplier_2 = 0xcd9e8d57;
constexpr std::uint32_t weyl_low = 0x9e3779b9;
constexpr std::uint32_t weyl_high = 0xbb67ae85;

using Words = std::array<std::uint32_t, lanes>;

/// Sixteen lanes of 32 bits: the rounds of Philox need no more than these few operations.
#ifdef ICL_AVX512
struct Lanes {
  __m512i v;

  static Lanes broadcast(std::uint32_t x) {
    return {_mm512_set1_epi32(static_cast<std::int32_t>(x))};
  }
  static Lanes count_from(std::uint32_t x) {
    return broadcast(x) +
           Lanes{_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
  }
  static Lanes load(const void* p) { return {_mm512_loadu_si512(p)}; }
  void store(void* p) const { _mm512_storeu_si512(p, v); }
  /// The first n < 16 of them; writes nothing behind these.
  void store_first(void* p, std::size_t n) const {
    _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1U << n) - 1), v);
  }
  friend Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_epi32(a.v, b.v)}; }
  static Lanes exclusive_or(Lanes a, Lanes b, Lanes c) {
    constexpr int parity = 0x96;
    return {_mm512_ternarylogic_epi32(a.v, b.v, c.v, parity)};
  }
};

struct Product {
  Lanes high, low;
};
/// The upper and lower halves of the 64-bit products of a factor and each lane.
Product multiply(Lanes factor, Lanes x) {
  const __m512i even = _mm512_mul_epu32(factor.v, x.v);
  const __m512i odd = _mm512_mul_epu32(factor.v, _mm512_srli_epi64(x.v, 32));
  // Lanes that are not written keep those of the first operand.
  constexpr __mmask16 even_lanes = 0x5555;
  constexpr __mmask16 odd_lanes = 0xaaaa;
  return {{_mm512_mask_shuffle_epi32(odd, even_lanes, even, _MM_PERM_DDBB)},
          {_mm512_mask_shuffle_epi32(even, odd_lanes, odd, _MM_PERM_CCAA)}};
}
#else
struct Lanes {
  __m256i low, high;

  static Lanes broadcast(std::uint32_t x) {
    const __m256i all = _mm256_set1_epi32(static_cast<std::int32_t>(x));
    return {all, all};
  }
  static Lanes count_from(std::uint32_t x) {
    constexpr std::uint32_t half = 8;
    const __m256i steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return {_mm256_add_epi32(broadcast(x).low, steps),
            _mm256_add_epi32(broadcast(x + half).low, steps)};
  }
  static Lanes load(const void* p) {
    const auto* const halves = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
  }
  void store(void* p) const {
    _mm256_storeu_si256(static_cast<__m256i*>(p), low);
    _mm256_storeu_si256(static_cast<__m256i*>(p) + 1, high);
  }
  /// The first n < 16 of them; writes nothing behind these.
  void store_first(void* p, std::size_t n) const {
    constexpr std::size_t half = 8;
    const __m256i steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const auto below = [&](std::size_t count) {
      return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<std::int32_t>(count)), steps);
    };
    int* const to = static_cast<int*>(p);
    _mm256_maskstore_epi32(to, below(n), low);
    if (n > half) _mm256_maskstore_epi32(to + half, below(n - half), high);
  }
  friend Lanes operator+(Lanes a, Lanes b) {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  static Lanes exclusive_or(Lanes a, Lanes b, Lanes c) {
    return {_mm256_xor_si256(_mm256_xor_si256(a.low, b.low), c.low),
            _mm256_xor_si256(_mm256_xor_si256(a.high, b.high), c.high)};
  }
};

struct Product {
  Lanes high, low;
};
struct HalfProduct {
  __m256i high, low;
};
HalfProduct multiply_half(__m256i factor, __m256i x) {
  const __m256i even = _mm256_mul_epu32(factor, x);
  const __m256i odd = _mm256_mul_epu32(factor, _mm256_srli_epi64(x, 32));
  constexpr int odd_lanes = 0xaa;
  return {_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, odd_lanes),
          _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), odd_lanes)};
}
/// The upper and lower halves of the 64-bit products of a factor and each lane.
Product multiply(Lanes factor, Lanes x) {
  const HalfProduct a = multiply_half(factor.low, x.low);
  const HalfProduct b = multiply_half(factor.high, x.high);
  return {{a.high, b.high}, {a.low, b.low}};
}
#endif

/// Sixteen consecutive blocks of a stream at once, word w of block counter + i in out[w][i]: the
/// rounds of Random123's Philox4x32-10. A test holds it against Random123's own.
[[gnu::always_inline]] inline void philox(RandomLoops::Place place, std::array<Words, 4>& out) {
  std::array<Lanes, 4> word{Lanes::count_from(place.counter[0]), Lanes::broadcast(place.counter[1]),
                            Lanes::broadcast(place.counter[2]), Lanes::broadcast(place.counter[3])};
  auto key_low = Lanes::broadcast(static_cast<std::uint32_t>(place.key));
  auto key_high = Lanes::broadcast(static_cast<std::uint32_t>(place.key >> 32U));
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    const Product a = multiply(Lanes::broadcast(multiplier_0), word[0]);
    const Product b = multiply(Lanes::broadcast(multiplier_2), word[2]);
    word = {Lanes::exclusive_or(b.high, word[1], key_low), b.low,
            Lanes::exclusive_or(a.high, word[3], key_high), a.low};
    key_low = key_low + Lanes::broadcast(weyl_low);
    key_high = key_high + Lanes::broadcast(weyl_high);
  }
  for (std::size_t w = 0; w < word.size(); ++w) word[w].store(out[w].data());
}

/// Two independent normal variates a lane, sqrt(-2 ln u) (cos a, sin a), times `scale`: u in (0, 1]
/// from the upper 24 bits of `radius`; a, uniform on the circle, as a quadrant (2 bits) and an
/// angle in it (30 bits).
[[gnu::always_inline]] inline void box_muller(const Words& radius, const Words& angle, float scale,
                                              float* __restrict cosines, float* __restrict sines) {
  constexpr float to_unit = 0x1p-24F;
  constexpr float to_angle = 1.57079632679489662F * 0x1p-30F;
  constexpr std::int32_t half_quadrant = 1 << 29;
  for (std::size_t i = 0; i < lanes; ++i) {
    const float u = static_cast<float>(static_cast<std::int32_t>(radius[i] >> 8U) + 1) * to_unit;
    const float r = std::sqrt(-2.0F * math::log(u));
    const auto in_quadrant = static_cast<std::int32_t>(angle[i] & 0x3fffffffU) - half_quadrant;
    const auto [s, c] = math::sincos_octant(static_cast<float>(in_quadrant) * to_angle);
    const bool swap = (angle[i] & 0x40000000U) != 0;
    const float sign = (angle[i] & 0x80000000U) != 0 ? -r : r;
    cosines[i] = sign * (swap ? -s : c) * scale;
    sines[i] = sign * (swap ? c : s) * scale;
  }
}

/// Copies the first n of a group.
template <class T>
void store_first(const T* from, std::size_t n, T* to) {
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) Lanes::load(from + i).store(to + i);
  if (i < n) Lanes::load(from + i).store_first(to + i, n - i);
}

/// Group g of 64 of what blocks 16 g, ..., 16 g + 15 give, by `make`, to its place in out.
template <class T, class Make>
[[gnu::always_inline]] inline void for_groups(RandomLoops::Place place, std::span<T> out,
                                              const Make& make) {
  std::array<Words, 4> words;
  for (std::size_t done = 0; done < out.size(); done += group) {
    philox(place, words);
    place.counter[0] += lanes;
    if (done + group <= out.size()) {
      make(words, out.data() + done);
    } else {
      std::array<T, group> last;
      make(words, last.data());
      store_first(last.data(), out.size() - done, out.data() + done);
    }
  }
}

void make_words(RandomLoops::Place place, std::span<std::uint32_t> out) {
  for_groups(place, out, [](const std::array<Words, 4>& words, std::uint32_t* to) {
    for (std::size_t i = 0; i < group; ++i) to[i] = words[i % 4][i / 4];
  });
}

void make_normals(RandomLoops::Place place, std::size_t streams, float scale,
                  std::span<float> out) {
  const std::size_t each = out.size() / streams;
  for (std::size_t i = 0; i < streams; ++i, ++place.counter[1]) {
    for_groups(
        place, std::span(out.data() + i * each, each),
        [scale](const std::array<Words, 4>& words, float* to) __attribute__((always_inline)) {
          box_muller(words[0], words[1], scale, to, to + lanes);
          box_muller(words[2], words[3], scale, to + 2 * lanes, to + 3 * lanes);
        });
  }
}

}  // namespace

constinit const RandomLoops random_loops{make_words, make_normals};

}  // namespace icl::ICL_ISA
