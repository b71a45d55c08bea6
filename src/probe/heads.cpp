#include <algorithm>
#include <array>

#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array head_columns{
    Column{"attention_on_copy", "1",
           "attention of the target on the tokens that hold its copies' items, or its own symbol, "
           "by head",
           "< sum over the copies i of a_T(i) >", of_icl, Each::head, Needs::copies},
    Column{"attention_after_copy", "1",
           "attention of the target on the tokens after its copies, by head: the score of an "
           "induction head; with data.layout = interleaved these hold the copies' labels",
           "< sum over the copies i of a_T(i+1) >", of_icl, Each::head, Needs::copies},
    Column{"attention_on_previous", "1",
           "attention of a token on the one before, by head: the score of a previous-token head; "
           "with data.layout = interleaved of the labels, or y, on their items, otherwise of all "
           "tokens but the first",
           "< mean over i of a_i(i-1) >", of_icl, Each::inner_head},
};

Passes head_passes(const config::Capabilities& /*has*/) { return {.heads = true}; }

void read_heads(const View& view, std::span<double> values) {
  const auto write_all = [&](double HeadScores::*score) {
    const std::size_t count = std::min(values.size(), view.sequences.heads.size());
    for (std::size_t i = 0; i < count; ++i) values[i] = view.sequences.heads[i].*score;
    values = values.subspan(count);
  };
  write_all(&HeadScores::on_copy);
  write_all(&HeadScores::after_copy);
  write_all(&HeadScores::on_previous);
}

}  // namespace

const Probe probes::heads{head_columns, head_passes, read_heads};

}  // namespace icl::probe
