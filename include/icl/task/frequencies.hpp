#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/random.hpp"

namespace icl::task {

/// Words 0, 1, 2, ... of a stream one after the other, drawn in groups.
class WordReader {
 public:
  explicit WordReader(const Stream& stream) : stream_(stream) {}

  /// Uniform in [0, bound).
  std::uint32_t below(std::uint32_t bound) {
    const std::uint32_t word = next();
    return stream_.below(bound, position_ - 1, word);
  }
  /// Uniform in [0, 1), a multiple of 2^-53.
  double unit() {
    constexpr std::uint32_t low_bits = 21;
    const std::uint64_t high = next();
    const std::uint64_t low = next() >> (32U - low_bits);
    return static_cast<double>((high << low_bits) | low) * 0x1p-53;
  }

 private:
  std::uint32_t next() {
    const std::size_t place = position_ % group_.size();
    if (place == 0) stream_.words(position_, group_);
    ++position_;
    return group_[place];
  }

  const Stream& stream_;
  std::array<std::uint32_t, Stream::group> group_{};
  std::uint32_t position_ = 0;
};

/// How often each of `count` things is drawn: equally, or with given weights.
class Frequencies {
 public:
  explicit Frequencies(std::uint32_t count) : count_(count) {}
  /// weights > 0, at least one.
  explicit Frequencies(std::span<const double> weights);

  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] std::int32_t draw(WordReader&) const;
  /// One that is not `excluded`, as often as draw() has it among these; count() > 1.
  [[nodiscard]] std::int32_t draw_other(WordReader&, std::int32_t excluded) const;

 private:
  /// The thing k with tail_[k] > at >= tail_[k + 1].
  [[nodiscard]] std::ptrdiff_t place_of(double at) const;

  std::uint32_t count_;
  /// [count + 1] the sum of weights k, k + 1, ...: summed from the end, where Zipf's law has its
  /// small weights. Empty if all are equal.
  std::vector<double> tail_;
};

/// k^-alpha for k = 1 .. count (Zipf's law), with the same bits on every CPU and with every C
/// library, since they decide which items are drawn; relative error under 4e-16 (1 + alpha (1 +
/// log2 k)). Below e^-708 a weight is 0.
[[nodiscard]] std::vector<double> zipf_weights(double alpha, std::int64_t count);

}  // namespace icl::task
