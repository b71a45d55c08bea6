#include "icl/curvature/eigenvalues.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

#include "icl/core/error.hpp"

namespace icl::curvature {
namespace {

/// One implicit QL sweep on rows l, ..., m, with the shift of Wilkinson.
void sweep(std::size_t l, std::size_t m, Vector& d, Vector& e, Vector& last) {
  double g = (d[l + 1] - d[l]) / (2 * e[l]);
  double r = std::hypot(g, 1.0);
  g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
  double s = 1;
  double c = 1;
  double p = 0;
  for (std::size_t i = m; i-- > l;) {
    double f = s * e[i];
    const double b = c * e[i];
    r = std::hypot(f, g);
    e[i + 1] = r;
    if (r == 0) {
      d[i + 1] -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - p;
    r = (d[i] - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    f = last[i + 1];
    last[i + 1] = s * last[i] + c * f;
    last[i] = c * last[i] - s * f;
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}

/// What the process has found so far.
Eigenvalues ritz_values(const Vector& alpha, const Vector& beta, std::int64_t count) {
  const Vector inner(beta.begin(), beta.end() - 1);
  const Tridiagonal t = solve_tridiagonal(alpha, inner);
  Eigenvalues found;
  found.least = t.eigenvalues.front();
  found.products = static_cast<std::int64_t>(alpha.size());
  for (std::size_t i = t.eigenvalues.size(); i-- > 0;) {
    if (std::cmp_equal(found.top.size(), count)) break;
    found.top.push_back(t.eigenvalues[i]);
    found.error.push_back(std::abs(beta.back() * t.last[i]));
  }
  return found;
}

bool all_within(const Eigenvalues& found, std::int64_t count, double tolerance) {
  const double largest = std::max(std::abs(found.top.front()), std::abs(found.least));
  return std::cmp_equal(found.top.size(), count) &&
         std::ranges::all_of(found.error, [&](double e) { return e <= tolerance * largest; });
}

/// A vector of length 1, orthogonal to all of q.
Vector fresh_vector(std::int64_t dimension, const std::vector<Vector>& q, std::uint64_t seed,
                    const Workers& workers) {
  // One that lies among them, but for rounding, is no use; vectors of signs span the whole space.
  constexpr double least_share = 1e-3;
  constexpr std::uint64_t apart = 1U << 8U;
  const double whole = std::sqrt(static_cast<double>(dimension));
  Vector v(static_cast<std::size_t>(dimension));
  for (std::uint64_t which = q.size();; which += apart) {
    draw_signs(seed, which, v);
    orthogonalise(q, v, workers);
    const double left = norm(v, workers);
    if (left < least_share * whole) continue;
    scale(v, 1 / left, workers);
    return v;
  }
}

}  // namespace

Tridiagonal solve_tridiagonal(Vector diagonal, Vector off_diagonal) {
  constexpr int most_sweeps = 60;
  const std::size_t n = diagonal.size();
  Vector& d = diagonal;
  Vector& e = off_diagonal;
  e.push_back(0);
  Vector last(n, 0.0);
  last.back() = 1;
  for (std::size_t l = 0; l < n; ++l) {
    for (int sweeps = 0;; ++sweeps) {
      std::size_t m = l;
      while (m + 1 < n) {
        const double size = std::abs(d[m]) + std::abs(d[m + 1]);
        if (std::abs(e[m]) <= std::numeric_limits<double>::epsilon() * size) break;
        ++m;
      }
      if (m == l) break;
      if (sweeps == most_sweeps) {
        throw Error(ExitCode::internal, "the QL iteration for a tridiagonal matrix did not end");
      }
      sweep(l, m, d, e, last);
    }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return d[i]; });
  Tridiagonal solved;
  solved.eigenvalues.reserve(n);
  solved.last.reserve(n);
  for (const std::size_t i : order) {
    solved.eigenvalues.push_back(d[i]);
    solved.last.push_back(last[i]);
  }
  return solved;
}

Eigenvalues top_eigenvalues(const Product& product, std::int64_t dimension, const Lanczos& options,
                            const Workers& workers) {
  // A residual that small is rounding: what is left of A q is noise.
  constexpr double breakdown = 1e-10;
  const std::int64_t count = std::min(options.count, dimension);
  const std::int64_t most = std::min(std::max(options.most, count), dimension);
  std::vector<Vector> q;
  q.reserve(static_cast<std::size_t>(most));
  q.push_back(fresh_vector(dimension, q, options.seed, workers));
  Vector alpha;
  Vector beta;
  double largest = 0;
  std::int64_t held = 0;  // products over which all that are asked for were within the tolerance
  for (;;) {
    Vector u(static_cast<std::size_t>(dimension));
    product(q.back(), u);
    alpha.push_back(dot(q.back(), u, workers));
    largest = std::max(largest, norm(u, workers));
    orthogonalise(q, u, workers);
    beta.push_back(norm(u, workers));
    const bool ended = beta.back() <= breakdown * largest;
    if (ended) beta.back() = 0;
    Eigenvalues found = ritz_values(alpha, beta, count);
    const auto made = static_cast<std::int64_t>(q.size());
    if (!ended) held = all_within(found, count, options.tolerance) ? held + 1 : 0;
    if (made == most || held > std::max<std::int64_t>(4, made / 4)) return found;
    if (ended) {
      u = fresh_vector(dimension, q, options.seed, workers);
    } else {
      scale(u, 1 / beta.back(), workers);
    }
    q.push_back(std::move(u));
  }
}

}  // namespace icl::curvature
