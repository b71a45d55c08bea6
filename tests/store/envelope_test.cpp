#include "icl/store/envelope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/store/hdf5_writer.hpp"
#include "support/errors.hpp"

namespace icl::store {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Envelope some_envelope() {
  return {.kind = FileKind::run,
          .status = "done",
          .step = 4690,
          .t_icl_step = 1407,
          .config_xxh128 = hash_hex({})};
}

std::vector<std::byte> sealed(const Envelope& envelope) {
  Hdf5Writer writer;
  writer.dataset("/loss", {500}, std::vector<double>(500, 0.25));
  writer.text("/config", "seed = 1\n");
  writer.attribute("/", "title", "a run");
  std::vector<std::byte> image = std::move(writer).finish();
  seal(image, envelope);
  return image;
}

/// Reads a file as a user of this layer does; true if nothing is wrong with it.
bool reads(std::span<const std::byte> file) {
  try {
    (void)unseal(file, "a.h5", FileKind::run);
    const Hdf5Reader reader(file, "a.h5");
    return reader.read<double>("/loss", {500})[499] == 0.25 &&
           reader.text("/config") == "seed = 1\n";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input) << error.what();
    EXPECT_THAT(error.what(), StartsWith("'a.h5': "));
    return false;
  }
}

std::string failure(const std::vector<std::byte>& file, FileKind kind = FileKind::run) {
  return message_of(ExitCode::bad_input, [&] { (void)unseal(file, "a.h5", kind); });
}

void replace(std::vector<std::byte>& file, std::string_view from, std::string_view to) {
  ASSERT_EQ(from.size(), to.size());
  const auto old = std::as_bytes(std::span(from));
  const auto at = std::search(file.begin(), file.end(), old.begin(), old.end());
  ASSERT_NE(at, file.end());
  std::ranges::copy(std::as_bytes(std::span(to)), at);
}

TEST(EnvelopeTest, HashIsTheOneOfXxh128sum) {
  EXPECT_EQ(hash_hex({}), "99aa06d3014798d86001c324468d497f");
  const std::string_view text = "abc";
  EXPECT_EQ(hash_hex(std::as_bytes(std::span(text))), "06b05ab6733a618578af5f94892f3950");
}

TEST(EnvelopeTest, RoundTrip) {
  Envelope envelope = some_envelope();
  const auto file = sealed(envelope);
  EXPECT_TRUE(reads(file));
  envelope.image_bytes = file.size() - 512;
  envelope.image_xxh128 = hash_hex(std::span(file).first(file.size() - 512));
  EXPECT_EQ(unseal(file, "a.h5", FileKind::run), envelope);

  envelope.t_icl_step.reset();
  envelope.step = INT64_MAX;
  envelope.status = std::string(32, 'z');
  EXPECT_EQ(unseal(sealed(envelope), "a.h5", FileKind::run), envelope);
  envelope.kind = FileKind::data;
  EXPECT_EQ(unseal(sealed(envelope), "a.h5", FileKind::data), envelope);
}

TEST(EnvelopeTest, TheBlockIsLegible) {
  const auto file = sealed(some_envelope());
  const std::string block(reinterpret_cast<const char*>(file.data()) + file.size() - 512, 512);
  EXPECT_THAT(block, StartsWith("icl run file 3\nstatus done\nstep 4690\nt_icl_step 1407\n"
                                "config_xxh128 99aa06d3014798d86001c324468d497f\nimage_bytes "));
  EXPECT_THAT(block, HasSubstr("\nblock_xxh64 "));
  EXPECT_EQ(block.back(), '\n');
}

TEST(EnvelopeTest, NamesWhatIsWrong) {
  const auto file = sealed(some_envelope());
  EXPECT_EQ(failure({}), "'a.h5': not an icl run file");
  EXPECT_EQ(failure(std::vector<std::byte>(512)), "'a.h5': not an icl run file");
  EXPECT_EQ(failure(file, FileKind::data), "'a.h5': is an icl run file, expected an icl data file");

  const std::string size = std::to_string(file.size());
  EXPECT_EQ(failure({file.begin(), file.begin() + 2000}),
            "'a.h5': cut short: 2000 of " + size + " bytes");
  EXPECT_EQ(failure({file.begin(), file.begin() + 300}),
            "'a.h5': cut short: 300 of " + size + " bytes");
  EXPECT_EQ(failure({file.begin(), file.begin() + 5}), "'a.h5': cut short: 5 bytes");
  EXPECT_EQ(failure({file.begin(), file.end() - 1}),
            "'a.h5': cut short: " + std::to_string(file.size() - 1) + " of " + size + " bytes");
  EXPECT_EQ(failure({file.begin(), file.end() - 512}),
            "'a.h5': not an icl run file: an HDF5 file that does not end with the 512 bytes of "
            "icl's block");
  auto blocked_twice = file;
  blocked_twice.insert(blocked_twice.end(), file.end() - 512, file.end());
  EXPECT_THAT(failure(blocked_twice), HasSubstr("damaged: " + std::to_string(file.size() + 512)));
  auto front = file;
  front[1] = std::byte{'h'};
  EXPECT_EQ(failure(front), "'a.h5': damaged: it does not begin as HDF5 does");
  auto longer = file;
  longer.push_back({});
  EXPECT_THAT(failure(longer),
              HasSubstr("damaged: " + std::to_string(longer.size()) + " bytes, expected " + size));

  auto other = file;
  replace(other, "icl run file 3", "icl run file 4");
  EXPECT_THAT(failure(other), HasSubstr("'icl run file 4', but this program reads version 3"));
  replace(other, "icl run file 4", "icl run file\n\n");
  EXPECT_THAT(failure(other), HasSubstr("not an icl run file"));
  auto edited = file;
  replace(edited, "step 4690", "step 4691");
  EXPECT_THAT(failure(edited), HasSubstr("block do not match their hash"));
  auto missing_lines = file;  // values of any length are no danger
  std::fill(missing_lines.end() - 452, missing_lines.end(), std::byte{'a'});
  EXPECT_THAT(failure(missing_lines), HasSubstr("block do not match their hash"));
  auto content = file;
  content[content.size() - 513] ^= std::byte{1};
  EXPECT_EQ(failure(content), "'a.h5': damaged: its content does not match its hash");
}

TEST(EnvelopeTest, SealRefusesWhatItCouldNotRead) {
  const auto refused = [](auto change) {
    Envelope envelope = some_envelope();
    change(envelope);
    return message_of(ExitCode::internal, [&] { (void)sealed(envelope); });
  };
  EXPECT_THAT(refused([](Envelope& e) { e.status = ""; }), HasSubstr("status"));
  EXPECT_THAT(refused([](Envelope& e) { e.status = "two words"; }), HasSubstr("status"));
  EXPECT_THAT(refused([](Envelope& e) { e.status = std::string(33, 'z'); }), HasSubstr("status"));
  EXPECT_THAT(refused([](Envelope& e) { e.step = -1; }), HasSubstr("negative"));
  EXPECT_THAT(refused([](Envelope& e) { e.t_icl_step = -1; }), HasSubstr("negative"));
  EXPECT_THAT(refused([](Envelope& e) { e.config_xxh128 = "abc"; }), HasSubstr("32 hex digits"));
  std::vector<std::byte> image(4096);
  EXPECT_THAT(message_of(ExitCode::internal, [&] { seal(image, some_envelope()); }),
              HasSubstr("not HDF5"));
}

TEST(EnvelopeTest, FilesOfEarlierVersionsSayWhatToDo) {
  auto file = sealed(some_envelope());
  std::string old = "icl run file 2\nstatus done\nstep 4690\n";
  old.resize(512, '\n');
  std::ranges::copy(std::as_bytes(std::span(old)), file.begin());
  file.resize(file.size() - 512);
  const std::string said = failure(file);
  EXPECT_THAT(said, HasSubstr("is an 'icl run file 2' of an earlier icl"));
  EXPECT_THAT(said, HasSubstr("data/convert.py OLD.h5 NEW.h5"));
  EXPECT_THAT(failure({file.begin(), file.begin() + 100}), HasSubstr("data/convert.py"));
}

TEST(EnvelopeTest, ABlockAloneIsNoFileOfAnEarlierVersion) {
  const auto file = sealed(some_envelope());
  EXPECT_EQ(failure({file.end() - 512, file.end()}), "'a.h5': not an icl run file");
}

TEST(EnvelopeTest, EveryBitOfTheBlockCounts) {
  auto file = sealed(some_envelope());
  const std::size_t start = file.size() - 512;
  for (std::size_t bit = 0; bit < std::size_t{512} * 8; ++bit) {
    const auto mask = std::byte{1} << (bit % 8);
    file[start + bit / 8] ^= mask;
    EXPECT_FALSE(reads(file)) << "bit " << bit;
    file[start + bit / 8] ^= mask;
  }
  EXPECT_TRUE(reads(file));
}

TEST(EnvelopeTest, AnyDamageIsAnError) {
  const auto file = sealed(some_envelope());
  std::mt19937_64 random(20240601);  // fixed seed: the same damage in every run
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (int trial = 0; trial < 400; ++trial) {
    auto flipped = file;
    const std::size_t flips = 1 + below(4);
    for (std::size_t flip = 0; flip < flips; ++flip) {
      flipped[below(file.size())] ^= std::byte{1} << below(8);
    }
    EXPECT_FALSE(reads(flipped) && flipped != file);

    EXPECT_FALSE(reads(std::span(file).first(below(file.size()))));

    auto zeroed = file;
    const std::size_t start = below(file.size());
    const std::size_t end = std::min(file.size(), start + 1 + below(4096));
    std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(start),
              zeroed.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
    EXPECT_FALSE(reads(zeroed) && zeroed != file);
  }
  EXPECT_TRUE(reads(file));
}

TEST(EnvelopeTest, ReadBlockReadsOnlyTheBlock) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("icl-envelope-test-" + std::to_string(::getpid()) + ".h5");
  auto file = sealed(some_envelope());
  const auto failing = [&] {
    return message_of(ExitCode::bad_input, [&] { (void)read_block(path, FileKind::run); });
  };
  publish_file(path, file);
  EXPECT_EQ(read_block(path, FileKind::run), unseal(file, "a.h5", FileKind::run));
  file[file.size() - 600] ^= std::byte{1};
  publish_file(path, file);
  EXPECT_EQ(read_block(path, FileKind::run).step, 4690);
  file.pop_back();
  publish_file(path, file);
  EXPECT_THAT(failing(), AllOf(HasSubstr(path.string()), HasSubstr("cut short")));
  publish_file(path, std::span(file).first(100));
  EXPECT_THAT(failing(), HasSubstr("cut short"));
  std::filesystem::remove(path);
  EXPECT_THAT(failing(), HasSubstr("No such file"));
}

}  // namespace
}  // namespace icl::store
