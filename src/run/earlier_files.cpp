#include "icl/run/earlier_files.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <string_view>

namespace icl::run {
namespace {

/// What an attribute once said.
struct Wording {
  std::string_view path;  ///< of the dataset; empty for all
  std::string_view attribute;
  std::string_view text;
};

constexpr std::array wordings{
    Wording{"", "source",
            "Nguyen & Reddy (2024), arXiv 2412.00104, and what follows from it for icl"},
    Wording{"/metrics/phi_mean", "formula",
            "< phi+ >; phi = z without attention (minimal, memoriser), (z(+) + z(-))/2 with "
            "attention clamped to a copy of label +-1 (transformers)"},
    Wording{"/metrics/effective_beta", "formula",
            "score on the copy minus log-mean-exp of the scores on the other context tokens"},
    // Of two signs the same; of L labels an answer is right in another way.
    Wording{"", "formula", "share with y z > 0"},
    Wording{"", "formula", "share with y z0 > 0"},
    // As of one logit, also where there were L.
    Wording{"", "formula", "mean softplus(-y z)"},
    Wording{"", "formula", "mean softplus(-y z0)"},
    Wording{"/metrics/novel_margin_deviation", "formula", "standard deviation of y z0"},
    Wording{"/metrics/attention_margin", "formula",
            "< y (z - z0) >, z0 the logit without the attention term"},
    Wording{"/metrics/memoriser_margin", "formula", "< y z0 >"},
    // As of items with labels alone.
    Wording{"", "description",
            "attention of the target on the tokens that hold its copies' items, by head"},
    Wording{"", "description",
            "attention of a token on the one before, by head: the score of a previous-token head; "
            "with data.layout = interleaved of the labels on their items, otherwise of all tokens "
            "but the first"},
    Wording{"", "description",
            "lesion: loss on novel items where this head gives zeros and all else stays"},
    Wording{"", "description",
            "lesion: accuracy on novel items where this head gives zeros and all else stays"},
    Wording{"/activations/logit", "description", "z, the target's label is +1 where z > 0"},
    // What a memoriser's file drew: nothing, for it has no ICL accuracy.
    Wording{"/metrics", "signal", "icl_accuracy"},
    Wording{"/metrics", "auxiliary_signals", "iwl_accuracy, train_accuracy"},
    Wording{"/probe_set/item", "description",
            "number of each training item; -1 of items that were drawn for the sequence"},
};

/// The keys that a configuration in full names: "train.seed", and "eval.every" of the comment
/// "# every is not set: an epoch".
std::set<std::string> keys_named(const std::string& toml) {
  std::set<std::string> keys;
  std::istringstream lines(toml);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      section = line.substr(1, line.find(']') - 1);
      continue;
    }
    const std::string_view rest = std::string_view(line).substr(line.starts_with("# ") ? 2 : 0);
    if (!rest.empty()) keys.insert(section + "." + std::string(rest.substr(0, rest.find(' '))));
  }
  return keys;
}

}  // namespace

store::Leeway leeway_for_earlier_files(const std::string& toml) {
  return {
      .except = {"/provenance"},
      .may_lack =
          [keys = keys_named(toml)](const std::string& path, const std::string& attribute) {
            if (path == "/config" && !attribute.empty()) return !keys.contains(attribute);
            return path == "/model" &&
                   (attribute.empty() || attribute == "label_entries" || attribute == "outputs");
          },
      .may_say =
          [](const std::string& path, const std::string& attribute, const std::string& found) {
            return std::ranges::any_of(wordings, [&](const Wording& one) {
              return (one.path.empty() || one.path == path) && one.attribute == attribute &&
                     one.text == found;
            });
          },
      .other_text = "/config/toml",
  };
}

}  // namespace icl::run
