/**
 * Memory in pages of 2 MiB, which the image and the unit of systemd ask Linux for (docs/operate.md). So do all processes
 * that a bench starts, the yardsticks among them; Redis and etcd have allocators of their own, which do not ask.
 */
import { readFileSync } from 'node:fs';

export const HUGE_PAGES = 'glibc.malloc.hugetlb=1';

/** The variable of the C library (glibc 2.35 and newer) stays as it is where it is set. */
export function askForHugePages(): void {
  process.env.GLIBC_TUNABLES ??= HUGE_PAGES;
}

/** To whom this machine lends them: `always`, those who ask (`madvise`), or `never`; null where it has none. */
export function hugePages(): string | null {
  try {
    const text = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
    return /\[(\w+)\]/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}
