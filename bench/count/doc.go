// Package count counts the user-space instructions and system calls of programs, which do
// not depend on what else a machine does.
//
// A program runs under qemu-user, whose TCG plugin (plugin.c) counts. Two runs of different
// lengths are compared, so that starting up cancels out; the rest is divided by the
// operations that the longer one does more. Counts see neither the kernel's work nor caches,
// branches and waiting; CPU time in pairs (package ab) sees those.
//
// bench/RESULTS.md has how well the same binary repeats. The same source built twice gives
// the same binary. Emulator.Key names what changes counts beside the code.
package count
