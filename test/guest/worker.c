/* What runs in the guest beside busybox: threads with names, a zombie, a file mapping, pages without access. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void *rest(void *name) {
  prctl(PR_SET_NAME, name);
  for (;;) pause();
}

int main(void) {
  static const char *const names[] = {"worker/a", "worker b", "w\xc3\xb6rker-c"};
  for (int i = 0; i < 3; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, rest, (void *)names[i]);
  }
  if (fork() == 0) _exit(3); /* never waited for: a zombie */
  int file = open("/proc/self/exe", O_RDONLY);
  volatile const char *mapped = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 4096);
  (void)mapped[0];
  char *guarded = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(guarded + 4096, "behind a closed door");
  mprotect(guarded + 4096, 4096, PROT_NONE);
  /* Enough areas that they do not fit into one node of a tree. */
  for (int i = 0; i < 64; i++) {
    char *area = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area[0] = (char)i;
    mprotect(area + 4096, 4096, PROT_READ);
  }
  unlink("/tmp/gone");
  int gone = open("/tmp/gone", O_RDWR | O_CREAT, 0600);
  if (ftruncate(gone, 4096) == 0) mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gone, 0);
  unlink("/tmp/gone");
  if (setresuid(1234, 1234, 1234) != 0) return 1;
  for (;;) pause();
}
