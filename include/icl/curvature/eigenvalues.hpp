#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "icl/core/parallel.hpp"
#include "icl/curvature/vectors.hpp"

namespace icl::curvature {

/// out <- A v, for a symmetric A.
using Product = std::function<void(std::span<const double> v, std::span<double> out)>;

struct Lanczos {
  std::int64_t count = 5;   ///< eigenvalues
  double tolerance = 1e-3;  ///< of a residual, relative to the largest eigenvalue in magnitude
  std::int64_t most = 60;   ///< products with A
  std::uint64_t seed = 0;   ///< of the first vector
};

struct Eigenvalues {
  /// The largest, falling; fewer if the dimension is smaller.
  Vector top;
  /// |A x - theta x| of each with its Ritz vector x: an eigenvalue lies within that of theta.
  Vector error;
  double least = 0;           ///< the least Ritz value: no less than the least eigenvalue
  std::int64_t products = 0;  ///< with A that were made
};

/// The largest eigenvalues of a symmetric A of that dimension >= 1 by the Lanczos process from a
/// random vector of signs, with full reorthogonalisation (Golub & Van Loan, Matrix Computations,
/// section 10.3), until all that are asked for have been within the tolerance over a quarter of the
/// products, and four of them: one that the first vector has little of comes late, while another
/// is in its place. Where the process ends in an invariant subspace, it goes on from another random
/// vector.
[[nodiscard]] Eigenvalues top_eigenvalues(const Product&, std::int64_t dimension, const Lanczos&,
                                          const Workers&);

/// Eigenvalues of the symmetric tridiagonal matrix with this diagonal [m] and off-diagonal [m - 1],
/// rising, and the last entry of each one's eigenvector, by implicit QL steps (Golub & Welsch 1969,
/// who need the first).
struct Tridiagonal {
  Vector eigenvalues, last;
};
[[nodiscard]] Tridiagonal solve_tridiagonal(Vector diagonal, Vector off_diagonal);

}  // namespace icl::curvature
