#include "icl/config/nearest.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace icl::config {
namespace {

struct Guess {
  std::string_view written;
  std::string_view meant;  ///< empty: none is near
};

std::ostream& operator<<(std::ostream& stream, const Guess& guess) {
  return stream << guess.written;
}

class NearestFieldTest : public testing::TestWithParam<Guess> {};

TEST_P(NearestFieldTest, IsWhatTheUserMeant) {
  const Field* field = nearest_field(GetParam().written);
  EXPECT_EQ(field == nullptr ? "" : field->name, GetParam().meant) << GetParam().written;
}

INSTANTIATE_TEST_SUITE_P(
    Names, NearestFieldTest,
    testing::Values(Guess{"train.learnig_rate", "train.learning_rate"},
                    Guess{"trian.seed", "train.seed"},
                    Guess{"learning_rate", "train.learning_rate"},
                    Guess{"learning-rate", "train.learning_rate"},
                    Guess{"optimizer.learning_rate", "train.learning_rate"},
                    Guess{"optimiser.learnin_rate", "train.learning_rate"}, Guess{"K", "data.K"},
                    Guess{"k", "data.K"}, Guess{"DATA.k", "data.K"}, Guess{"model.K", "data.K"},
                    Guess{"seed", "train.seed"}, Guess{"data.seed", "train.seed"},
                    Guess{"init", "seed.init"}, Guess{"weight_decay_mpl", "train.weight_decay_mlp"},
                    Guess{"stop.icl_acuracy", "stop.icl_accuracy"},
                    Guess{"optimiser", "train.optimizer"},
                    Guess{"model.atend_self", "model.attend_self"},
                    Guess{"probes.sequences", "probe.sequences"}, Guess{"x", ""}, Guess{"", ""},
                    Guess{".", ""}, Guess{"wings", ""}, Guess{"optimizer.momentum", ""}));

TEST(NearestField, GivesUpOnVeryLongNames) {
  EXPECT_EQ(nearest_field(std::string(60000, 'a')), nullptr);
}

}  // namespace
}  // namespace icl::config
