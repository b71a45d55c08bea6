#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

constexpr int copies = 20000;

using Bytes = std::vector<std::byte>;

/// One of several kinds of damage, at random. May leave the bytes as they were.
void damage(Bytes& bytes, std::mt19937& random) {
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const auto at = [&](std::size_t i) { return bytes.begin() + static_cast<std::ptrdiff_t>(i); };
  constexpr std::size_t page = 4096;
  const std::size_t pages = bytes.size() / page;
  switch (below(5)) {
    case 0:
      bytes.resize(below(bytes.size()));
      break;
    case 1:
      for (std::size_t flips = 1 + below(3); flips > 0; --flips) {
        bytes[below(bytes.size())] ^= static_cast<std::byte>(1U << below(8));
      }
      break;
    case 2: {
      const std::size_t first = below(pages) * page;
      std::fill_n(at(first), page, std::byte{0});
      break;
    }
    case 3: {
      const std::size_t a = below(pages) * page;
      const std::size_t b = below(pages) * page;
      if (a != b) std::swap_ranges(at(a), at(a + page), at(b));
      break;
    }
    default:
      for (std::size_t i = 0; i < 16; ++i)
        bytes[bytes.size() - 1 - below(512)] = static_cast<std::byte>(below(256));
  }
}

TEST(Damage, IsAlwaysSeenAndNeverCrashes) {
  const Bytes good = encode(test::train_record(test::tiny_config(), 33));
  std::mt19937 random(7);
  int damaged = 0;
  for (int i = 0; i < copies; ++i) {
    Bytes bytes = good;
    damage(bytes, random);
    if (bytes == good) continue;
    ++damaged;
    try {
      static_cast<void>(decode(bytes, "damaged.h5"));
      FAIL() << "copy " << i << " was read as if it were whole";
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::bad_input) << error.what();
    }
  }
  EXPECT_GT(damaged, copies * 9 / 10);
}

// The block of such a file is right, and so is its hash. libhdf5 crashes over some of them.
TEST(Damage, RunFilesWithAnyByteChangedAreErrorsOrRuns) {
  const test::TemporaryFolder folder;
  const auto path = folder / "run.h5";
  config::Config config = test::tiny_config();
  config.train.epochs = 1;
  const RunRecord record = test::train_record(config);
  std::vector<std::byte> image = encode(record);
  const store::Envelope envelope = store::unseal(image, "run", store::FileKind::run);
  image.resize(envelope.image_bytes);
  std::mt19937 random(5);
  int refused = 0;
  constexpr int tries = 60;
  for (int i = 0; i < tries; ++i) {
    std::vector<std::byte> damaged = image;
    // Behind HDF5's signature, without which seal() takes nothing.
    for (int k = 0; k < 3; ++k) damaged[8 + random() % (damaged.size() - 8)] = std::byte(random());
    store::seal(damaged, envelope);
    store::publish_file(path, damaged);
    try {
      (void)read_run(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_input) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace icl::run
