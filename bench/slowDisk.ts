/** A disk that takes its time: a library, made with the C compiler, that delays each fsync of a process. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void delay(void) {
  const char *milliseconds = getenv("FSYNC_DELAY_MS");
  if (milliseconds != NULL) usleep(1000 * (useconds_t)atoi(milliseconds));
}

int fsync(int file) {
  delay();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
  delay();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
`;

/**
 * Needs cc.
 *
 * @param directory that keeps the library as long as the processes run.
 * @returns the environment of a process whose fsyncs take so much longer.
 */
export function slowDisk(directory: string, delayMs: number): Readonly<Record<string, string>> {
  const source = join(directory, 'slowDisk.c');
  const library = join(directory, 'slowDisk.so');
  writeFileSync(source, SOURCE);
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl']);
  return { LD_PRELOAD: library, FSYNC_DELAY_MS: String(delayMs) };
}
