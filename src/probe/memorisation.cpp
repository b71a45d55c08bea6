#include <array>
#include <cmath>
#include <limits>

#include "icl/core/math.hpp"
#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array memorisation_columns{
    Column{"I_K", "1", "integrated memorisation signal",
           "integral of c1 over learning rate x step, by trapezoids between evaluations",
           of_the_paper},
    Column{"c1", "1", "memorisation signal on training items",
           "< sigma(-phi+) >, phi+ the memoriser's logit times the label", of_the_paper},
    Column{"c2", "1", "curvature of the loss under memorisation", "1 - < sigma(-phi+)^2 > / c1",
           of_the_paper},
    Column{"c3", "1", "exponential margin on training items", "< e^-phi+ >", of_the_paper},
    Column{"phi_mean", "nat", "memoriser's margin on training items",
           "< phi+ >; phi = z without attention (minimal, memoriser), (z(+) + z(-))/2 with "
           "attention clamped to a copy of label +-1 (other systems)",
           of_icl},
    Column{"phi_deviation", "nat", "spread of the memoriser's margin over training items",
           "standard deviation of phi+", of_icl},
};

Passes memorisation_passes(const config::Capabilities& has) {
  return {.bare = true, .clamped = has.mixes_paths};
}

/// e^x, infinite where math::exp ends.
double exponential(double x) {
  constexpr double highest = 709;
  return x > highest ? std::numeric_limits<double>::infinity() : math::exp(x);
}

/// The integral of c1 up to this evaluation; NaN, and as it was, if c1 is not finite.
double integrate(double c1, Memory& memory) {
  if (!std::isfinite(c1)) return std::numeric_limits<double>::quiet_NaN();
  if (memory.c1) memory.I_K += memory.elapsed * (*memory.c1 + c1) / 2;
  memory.c1 = c1;
  return memory.I_K;
}

void read_memorisation(const View& view, std::span<double> values) {
  double first = 0;
  double second = 0;
  double third = 0;
  for (const double margin : view.sequences.phi) {
    const double wrong = math::logistic(-margin);
    first += wrong;
    second += wrong * wrong;
    third += exponential(-margin);
  }
  const auto n = static_cast<double>(view.sequences.phi.size());
  const double c1 = first / n;
  values[0] = integrate(c1, view.memory);
  values[1] = c1;
  values[2] = first > 0 ? 1 - second / first : 1;
  values[3] = third / n;
  write(spread(view.sequences.phi), values.subspan(4));
}

}  // namespace

const Probe probes::memorisation{memorisation_columns, memorisation_passes, read_memorisation};

}  // namespace icl::probe
