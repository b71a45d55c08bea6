#include <array>

#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array margin_columns{
    Column{"attention_margin", "nat", "logit margin that the attention term adds",
           "< m - m0 >, m = {margin}, m0 the same without the attention term", of_icl},
    Column{"memoriser_margin", "nat", "logit margin of the MLP path alone",
           "< m0 >, m0 = {margin} without the attention term", of_icl},
};

Passes margin_passes(const config::Capabilities& /*has*/) {
  return {.trained = true, .bare = true};
}

void read_margins(const View& view, std::span<double> values) {
  values[1] = mean(view.sequences.bare_margin);
  values[0] = mean(view.sequences.margin) - values[1];
}

}  // namespace

const Probe probes::margins{margin_columns, margin_passes, read_margins};

}  // namespace icl::probe
