#include "icl/curvature/vectors.hpp"

#include <cmath>
#include <cstddef>
#include <utility>

#include "icl/core/simd.hpp"

namespace icl::curvature {
namespace {

constexpr std::int64_t tile = 1 << 14;

std::int64_t length(std::span<const double> a) { return static_cast<std::int64_t>(a.size()); }

}  // namespace

double dot(std::span<const double> a, std::span<const double> b, const Workers& workers) {
  Vector sums(static_cast<std::size_t>((length(a) + tile - 1) / tile));
  workers.for_tiles(length(a), tile, [&](Tile t) {
    sums[static_cast<std::size_t>(t.first / tile)] =
        simd::dot(a.data() + t.first, b.data() + t.first, t.count);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

double norm(std::span<const double> a, const Workers& workers) {
  return std::sqrt(dot(a, a, workers));
}

void add(std::span<const double> a, double factor, std::span<const double> b, std::span<double> out,
         const Workers& workers) {
  workers.for_tiles(length(a), tile, [&](Tile t) {
    for (auto i = static_cast<std::size_t>(t.first); std::cmp_less(i, t.end()); ++i) {
      out[i] = std::fma(factor, b[i], a[i]);
    }
  });
}

void scale(std::span<double> a, double factor, const Workers& workers) {
  workers.for_tiles(length(a), tile, [&](Tile t) {
    for (auto i = static_cast<std::size_t>(t.first); std::cmp_less(i, t.end()); ++i) a[i] *= factor;
  });
}

void orthogonalise(const std::vector<Vector>& q, std::span<double> u, const Workers& workers) {
  Vector along(q.size());
  for (int pass = 0; pass < 2; ++pass) {
    workers.for_each(static_cast<std::int64_t>(q.size()), [&](std::int64_t j) {
      along[static_cast<std::size_t>(j)] =
          simd::dot(q[static_cast<std::size_t>(j)].data(), u.data(), length(u));
    });
    workers.for_tiles(length(u), tile, [&](Tile t) {
      for (std::size_t j = 0; j < q.size(); ++j) {
        const double factor = -along[j];
        for (auto i = static_cast<std::size_t>(t.first); std::cmp_less(i, t.end()); ++i) {
          u[i] = std::fma(factor, q[j][i], u[i]);
        }
      }
    });
  }
}

void draw_signs(std::uint64_t seed, std::uint64_t which, std::span<double> out) {
  constexpr std::size_t bits = 32;
  std::vector<std::uint32_t> words((out.size() + bits - 1) / bits);
  Stream(seed, Purpose::curvature_direction, which, 0).words(0, words);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = (words[i / bits] >> (i % bits) & 1U) != 0 ? 1.0 : -1.0;
  }
}

}  // namespace icl::curvature
