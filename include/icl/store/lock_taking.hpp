#pragma once

#include <string>

#include "icl/store/lock_file.hpp"
#include "icl/store/place.hpp"

/// How a lock file comes to lie beside an output, and how one that was left is taken away: each in
/// one step that only one process can do, on file systems of any kind. A signal that ends the
/// process waits for the step (see core/abrupt_end). For OutputLock; from any thread.
namespace icl::store {

/// Makes the lock file of an output, with this text, unless there is one; whether it did. The file
/// is never seen without its text where the file system has hard links. Error(cannot_create),
/// Error(io) or Error(resources), by errno, names output and lock file.
[[nodiscard]] bool make_lock(const Place&, const std::string& text);

/// Takes away a lock file that nobody holds, for the `cause` that cause_of_death() gave, and says
/// so on standard error; one that was touched since it was looked at stays. Error(cannot_create) if
/// this process may not.
void remove_left_lock(const Place&, const LockFile&, const std::string& cause);

}  // namespace icl::store
