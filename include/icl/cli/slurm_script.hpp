#pragma once

#include "icl/cli/commands.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"
#include "icl/sweep/slurm.hpp"

namespace icl::cli {

/// What the command says of the job array: its tasks, their CPUs, paths and prologue. Throws
/// Error(usage) for a number of tasks that Slurm does not take, and as read_file() does.
[[nodiscard]] sweep::SlurmOptions slurm_options(const SweepCommand&, const sweep::Plan&,
                                                const sweep::Folder&);

/// Writes DIR/sweep.sbatch and what it reads, says what it asks for, and submits it if the command
/// says so. Throws Error(unavailable), which names the script, if sbatch is not there or refuses
/// it.
ExitCode write_batch_script(const SweepCommand&, const sweep::Plan&, const sweep::Folder&,
                            const sweep::SlurmOptions&);

}  // namespace icl::cli
