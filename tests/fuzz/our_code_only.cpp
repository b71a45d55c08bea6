// For fuzzers in whose children libhdf5 meets hostile bytes: what AddressSanitizer would find in
// the library (through memcpy and the like, or by a request for any amount of memory) is not
// reported, so that a report is one about our own code. Not inline: of two weak definitions the
// linker would take the sanitizer's own.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is AddressSanitizer's
extern "C" __attribute__((used, visibility("default"))) const char* __asan_default_options();
const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "replace_intrin=0:replace_str=0:allocator_may_return_null=1";
}
