// Any file is a table of items or an Error that blames it, twice the same, and the process lives
// on.
//
// What this proves: what a child may send after libhdf5 has read a file of any bytes is decoded
// here soundly, and the child keeps whatever libhdf5 does away from the program. It says nothing of
// libhdf5 itself: a child that dies or takes too long counts as a file that is refused (their
// number is printed at the end). A sanitizer's report in a child ends it with an exit status and no
// signal; that is a finding. Coverage is seen in this process alone, of what the child sent.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "fuzz/property.hpp"
#include "icl/run/items_file.hpp"

namespace {

using namespace icl;

struct Counts {
  long inputs = 0;
  long deaths = 0;
  long tables = 0;
  ~Counts() {
    std::fprintf(stderr, "%ld inputs: %ld tables; %ld deaths of a child\n", inputs, tables, deaths);
  }
} counts;

/// A file in memory with a name: libhdf5 opens no file without one.
struct NamedFile {
  std::string path = "/dev/shm/icl_items_fuzz_XXXXXX";
  int descriptor = mkstemp(path.data());
  NamedFile() = default;
  ~NamedFile() { unlink(path.c_str()); }
  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;
};

/// The hash of the items; "" if there are none.
std::string hash_of(const config::Config& config) {
  std::string hash;
  fuzz::expect_blame_of_the_input([&] {
    try {
      hash = run::read_items(config)->hash;
    } catch (const Error& error) {
      fuzz::count_death(error.what(), counts.deaths);
      throw;
    }
  });
  return hash;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const NamedFile named;
  const int file = named.descriptor;
  fuzz::require(
      ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size),
      "a file can be written");
  config::Config config;
  config.data.K = config::Diversity(8);
  config.data.N = 4;
  config.data.D = 3;
  config.data.items = named.path + ":/train";
  ++counts.inputs;
  const std::string hash = hash_of(config);
  if (hash.empty()) return 0;
  ++counts.tables;
  fuzz::require(hash_of(config) == hash, "the same when read again", hash);
  return 0;
}
