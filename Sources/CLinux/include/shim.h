// Kernel calls that Swift's Glibc overlay cannot spell (variadic, macro or missing). No logic.
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

/// What Millrace needs of statx(2). Times in nanoseconds since the epoch; birth is 0 if the file system has none.
typedef struct {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t links;
    int64_t birth;
    int64_t modified;
    uint32_t mode;
    uint32_t uid;
} millrace_stat;

/// statx(2) of a path (relative to directory, or AT_FDCWD). Returns 0 or -errno.
int millrace_stat_path(int directory, const char *path, int follow, millrace_stat *result);
/// statx(2) of a descriptor. Returns 0 or -errno.
int millrace_stat_descriptor(int descriptor, millrace_stat *result);
/// open(2) with a mode. Returns a descriptor or -errno.
int millrace_open(int directory, const char *path, int flags, unsigned mode);
/// renameat2(2) with RENAME_EXCHANGE. Returns 0 or -errno.
int millrace_exchange(const char *first, const char *second);
/// Free bytes for an unprivileged user, by statvfs(3). Returns 0 or -errno.
int millrace_free_bytes(const char *path, uint64_t *result);
/// Names the calling thread (cut to 15 bytes).
void millrace_name_thread(const char *name);
/// poll(2) for readability. Returns the count of readable descriptors (0: time-out) or -errno.
int millrace_wait_readable(const int *descriptors, int count, int milliseconds);
/// memrchr(3).
const void *millrace_memrchr(const void *bytes, int byte, size_t count);
/// Begins to write the file's dirty pages to the disk, by sync_file_range(2); no promise, so no result.
void millrace_start_writeback(int descriptor);
/// How many of `count` bytes equal `byte`.
long millrace_count(const void *bytes, uint8_t byte, size_t count);
