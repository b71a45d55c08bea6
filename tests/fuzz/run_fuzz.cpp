// Any bytes behind a right hash are a run or an Error that blames them, and the process lives on. A
// run that is taken can be identified, predicted, written and read again.
//
// What this proves: our decoding holds, and the child process keeps whatever libhdf5 does away from
// the program. It says nothing of libhdf5 itself, which no sanitizer watches: a child that dies or
// takes too long counts as a file that is refused (their number is printed at the end), even if our
// code was what died in it. A sanitizer's report in a child ends it with an exit status and no
// signal; that is a finding. Coverage is seen where the child has let a file through.
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "fuzz/property.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/prediction.hpp"
#include "icl/store/isolated.hpp"

namespace {

using namespace icl;

struct Counts {
  long inputs = 0;
  long deaths = 0;
  long runs = 0;
  ~Counts() {
    std::fprintf(stderr, "%ld inputs: %ld runs; %ld deaths of a child\n", inputs, runs, deaths);
  }
} counts;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  ++counts.inputs;
  fuzz::expect_blame_of_the_input([&] {
    try {
      store::try_in_child("f.h5", store::allowance_for(size),
                          [&] { (void)run::decode_content(file, "f.h5"); });
    } catch (const Error& error) {
      fuzz::count_death(error.what(), counts.deaths);
      throw;
    }
    const run::RunRecord run = run::decode_content(file, "f.h5");
    ++counts.runs;
    (void)run::run_hash(run);
    (void)run::predict(run);
    const auto written = run::encode(run);
    try {
      (void)run::decode(written, "again");
    } catch (const Error& error) {
      fuzz::violated("what was written is read", error.what());
    }
  });
  return 0;
}
