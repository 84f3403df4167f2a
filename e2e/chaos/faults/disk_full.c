/* A disk that is full while a file exists, for one process: LD_PRELOADed, what would make a regular file under DISK_FULL_UNDER longer or
 * change it fails with ENOSPC while DISK_FULL_WHILE is there. A half of what is written first still fits, as on a real one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_full(int fd) {
  const char *under = getenv("DISK_FULL_UNDER"), *while_there = getenv("DISK_FULL_WHILE");
  if (!under || !while_there) return 0;
  int before = errno, full = 0;
  struct stat file;
  if (access(while_there, F_OK) == 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 0) {
      path[n] = 0;
      full = strncmp(path, under, strlen(under)) == 0;
    }
  }
  errno = before;
  return full;
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define NO_SPACE do { errno = ENOSPC; return -1; } while (0)

ssize_t write(int fd, const void *bytes, size_t n) {
  static typeof(&write) real;
  if (!real) real = REAL(write);
  if (!is_full(fd)) return real(fd, bytes, n);
  if (n > 512) return real(fd, bytes, n / 2);
  NO_SPACE;
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) {
  static typeof(&pwrite) real;
  if (!real) real = REAL(pwrite);
  if (!is_full(fd)) return real(fd, bytes, n, at);
  NO_SPACE;
}
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
  static typeof(&pwrite64) real;
  if (!real) real = REAL(pwrite64);
  if (!is_full(fd)) return real(fd, bytes, n, at);
  NO_SPACE;
}
ssize_t writev(int fd, const struct iovec *parts, int n) {
  static typeof(&writev) real;
  if (!real) real = REAL(writev);
  if (!is_full(fd)) return real(fd, parts, n);
  NO_SPACE;
}
int ftruncate(int fd, off_t length) {
  static typeof(&ftruncate) real;
  if (!real) real = REAL(ftruncate);
  struct stat file;
  if (!is_full(fd) || (fstat(fd, &file) == 0 && length <= file.st_size)) return real(fd, length);
  NO_SPACE;
}
int ftruncate64(int fd, off64_t length) {
  static typeof(&ftruncate64) real;
  if (!real) real = REAL(ftruncate64);
  struct stat file;
  if (!is_full(fd) || (fstat(fd, &file) == 0 && length <= file.st_size)) return real(fd, length);
  NO_SPACE;
}
int fallocate(int fd, int mode, off_t at, off_t n) {
  static typeof(&fallocate) real;
  if (!real) real = REAL(fallocate);
  if (!is_full(fd)) return real(fd, mode, at, n);
  NO_SPACE;
}
int posix_fallocate(int fd, off_t at, off_t n) { return is_full(fd) ? ENOSPC : (REAL(posix_fallocate))(fd, at, n); }
