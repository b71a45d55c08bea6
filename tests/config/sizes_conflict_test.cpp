#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/expect_conflicts.hpp"
#include "icl/config/conflict.hpp"

namespace icl::config {
namespace {

const std::string fresh = " must be at most 2^31 where every token is drawn anew";
const std::string fresh_evaluation = " must be at most 2^32 where every token is drawn anew";

TEST(FindConflict, OfSizes) {
  expect_conflicts(
      {{[](Config& c) {
          c.model.system = config::System::memoriser;
          c.data.K = Diversity::infinity();
        },
        "data.K = inf leaves the system \"memoriser\" nothing to memorise",
        {"data.K", "model.system"}},
       {[](Config& c) {
          c.init.beta0 = 1;
          c.data.N = 2;
        },
        "init.beta0 is about a copy beside other tokens of the context: data.N must be at least 3",
        {"init.beta0", "data.N"}},
       {[](Config& c) { c.data.N = 10002; },
        "data.K = 10000 must be at least data.N = 10002, because IWL evaluation draws N distinct "
        "items",
        {"data.K", "data.N"}},
       {[](Config& c) {
          c.data.K = Diversity::infinity();
          c.data.N = 65536;
          c.train.batch_size = 32769;
        },
        "data.N = 65536 times train.batch_size = 32769" + fresh,
        {"data.N", "train.batch_size", "data.K", "data.noise"}},
       {[](Config& c) {
          c.data.noise = 0.1;
          c.data.K = c.data.N = 65536;
          c.train.batch_size = 65536;
        },
        "data.N = 65536 times train.batch_size = 65536" + fresh,
        {"data.N", "train.batch_size", "data.K", "data.noise"}},
       {[](Config& c) {
          c.data.K = Diversity::infinity();
          c.data.N = 65536;
          c.eval.sequences = 65537;
        },
        "data.N = 65536 times eval.sequences = 65537" + fresh_evaluation,
        {"data.N", "eval.sequences", "data.K", "data.noise"}},
       {[](Config& c) {
          c.data.noise = 0.1;
          c.data.N = 1000;
          c.probe.sequences = 10000000;
        },
        "data.N = 1000 times probe.sequences = 10000000" + fresh_evaluation,
        {"data.N", "probe.sequences", "data.K", "data.noise"}}});
}

TEST(FindConflict, TakesTheLargestSizes) {
  EXPECT_EQ(message_after([](Config& c) { c.data.K = c.data.N; }), "");
  EXPECT_EQ(message_after([](Config& c) {
              c.model.system = config::System::memoriser;  // which draws no sequences
              c.data.K = 2;
            }),
            "");
  const auto largest = [](Config& c) {
    c.data.N = 65536;
    c.train.batch_size = 32768;
    c.eval.sequences = c.probe.sequences = 65536;
  };
  EXPECT_EQ(message_after([&](Config& c) {
              largest(c);
              c.data.K = Diversity::infinity();
            }),
            "");
  EXPECT_EQ(message_after([&](Config& c) {
              largest(c);
              c.data.K = 65536;
              c.train.batch_size = 65536;  // no token is drawn anew
              c.eval.sequences = c.probe.sequences = 10000000;
            }),
            "");
}

TEST(FindConflict, OfSteps) {
  expect_conflicts(
      {{[](Config& c) { c.train.epochs = c.train.steps_per_epoch = 65536; },
        "train.epochs = 65536 times train.steps_per_epoch = 65536 must be less than 2^32 steps",
        {"train.epochs", "train.steps_per_epoch"}},
       {[](Config& c) { c.train.epochs = c.train.steps_per_epoch = 4294967295; },
        "train.epochs = 4294967295 times train.steps_per_epoch = 4294967295 must be less than 2^32 "
        "steps",
        {"train.epochs", "train.steps_per_epoch"}},
       {[](Config& c) {
          c.train.epochs = 2;
          c.train.steps_per_epoch = 10;
          c.train.warmup = 21;
        },
        "train.warmup = 21 is longer than the run of train.epochs = 2 times train.steps_per_epoch "
        "= 10 "
        "steps",
        {"train.warmup", "train.epochs", "train.steps_per_epoch"}},
       {[](Config& c) {
          c.model.system = config::System::memoriser;
          c.compat.s4_epoch = true;
          c.train.batch_size = 100;
        },
        "compat.s4_epoch: an epoch of 60000 sequences in batches of train.batch_size = 100 has "
        "train.steps_per_epoch = 600, not 469",
        {"compat.s4_epoch", "train.steps_per_epoch", "train.batch_size"}},
       {[](Config& c) {
          c.compat.short_last_batch = true;
          c.train.steps_per_epoch = 100;
        },
        "compat.short_last_batch: an epoch of 60000 sequences in batches of train.batch_size = 128 "
        "has train.steps_per_epoch = 469, not 100",
        {"compat.short_last_batch", "train.steps_per_epoch", "train.batch_size"}}});
  EXPECT_EQ(message_after([](Config& c) {
              c.train.epochs = 65537;
              c.train.steps_per_epoch = 65535;  // 2^32 - 1
            }),
            "");
  EXPECT_EQ(message_after([](Config& c) {
              c.model.system = config::System::memoriser;
              c.compat.s4_epoch = true;
              c.train.batch_size = 100;
              c.train.steps_per_epoch = 600;
            }),
            "");
}

}  // namespace
}  // namespace icl::config
