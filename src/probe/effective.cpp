#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array effective_columns{
    Column{"effective_beta", "nat", "effective beta, mean over sequences",
           "< score on the copy minus log-mean-exp of the scores on the other context tokens >: "
           "the target's score on itself is left out, several copies count as one with their mean "
           "weight, and a context of copies alone is passed over",
           of_icl},
    Column{"effective_beta_deviation", "nat", "effective beta, spread over sequences",
           "standard deviation", of_icl},
    Column{"effective_w", "nat", "effective w, mean over items",
           "(z(+) - z(-))/2, z(l) the logit with attention clamped to a copy of label l", of_icl},
    Column{"effective_w_deviation", "nat", "effective w, spread over items", "standard deviation",
           of_icl},
    Column{"effective_nonlinearity", "nat", "how far the logit is from linear in the copy's label",
           "root mean square of z(no label) - (z(+) + z(-))/2", of_icl},
    Column{"self_minus_copy", "nat", "score on the target itself minus that on the copy",
           "< s_N - s_copy >", of_icl},
};

Passes effective_passes(const config::Capabilities& /*has*/) {
  return {.learned = true, .clamped = true};
}

void read_effective(const View& view, std::span<double> values) {
  const Sequences& of = view.sequences;
  // A context of copies alone has no effective beta.
  view.scratch.clear();
  std::ranges::copy_if(of.beta, std::back_inserter(view.scratch),
                       [](double b) { return !std::isnan(b); });
  write(spread(view.scratch), values);
  view.scratch.clear();
  double squares = 0;
  for (std::size_t i = 0; i < of.positive.size(); ++i) {
    view.scratch.push_back((of.positive[i] - of.negative[i]) / 2);
    const double bend = of.nil[i] - (of.positive[i] + of.negative[i]) / 2;
    squares += bend * bend;
  }
  write(spread(view.scratch), values.subspan(2));
  values[4] = std::sqrt(squares / static_cast<double>(of.positive.size()));
  // A target that never attends to itself has no score on itself.
  if (of.attends_to_itself) values[5] = mean(of.self_minus_copy);
}

}  // namespace

const Probe probes::effective{effective_columns, effective_passes, read_effective};

}  // namespace icl::probe
