// What archives call and a program that links them does not have.
//
// Debian's libhdf5.a has a driver for Amazon S3, and so wants curl and OpenSSL, which drag in
// thirty libraries. This project reads and writes files in memory only: nothing ever opens that
// driver.
//
// HDF5 looks for filters in shared libraries, and `icl bench` for oneDNN. A static program must
// load none: glibc's dlopen would need the very version of glibc that it was linked with. The
// linker puts these in its place (--wrap).
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

void* __wrap_dlopen(const char*, int) { return nullptr; }
void* __wrap_dlsym(void*, const char*) { return nullptr; }
int __wrap_dlclose(void*) { return 0; }
char* __wrap_dlerror() {
  static char text[] = "a static program loads no libraries";
  return text;
}
}
