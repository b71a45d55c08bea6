// Debian's libhdf5.a has a driver for Amazon S3, and so wants curl and OpenSSL, which drag in thirty libraries. This
// project reads and writes files in memory only: nothing ever opens that driver, and these stand in for what it calls.
#include <cstdlib>

#define ICL_NEVER_CALLED(name) \
  [[noreturn]] void name() { std::abort(); }

extern "C" {
ICL_NEVER_CALLED(curl_easy_cleanup)
ICL_NEVER_CALLED(curl_easy_init)
ICL_NEVER_CALLED(curl_easy_perform)
ICL_NEVER_CALLED(curl_easy_setopt)
ICL_NEVER_CALLED(curl_global_cleanup)
ICL_NEVER_CALLED(curl_global_init)
ICL_NEVER_CALLED(curl_slist_append)
ICL_NEVER_CALLED(curl_slist_free_all)
ICL_NEVER_CALLED(EVP_sha256)
ICL_NEVER_CALLED(HMAC)
ICL_NEVER_CALLED(SHA256)
}
