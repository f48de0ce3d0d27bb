/** The image and the unit of systemd ask for memory in huge pages, and a node gets them where the machine lends them. */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HUGE_PAGES, hugePages } from '../../bench/hugePages.ts';
import { MIB } from '../../src/words/size.ts';
import { batch, puts, range } from '../cluster/writes.ts';
import { type NodeProcess, startCluster } from '../support/nodes.ts';

const huge = suite('huge pages');

const VALUE_BYTES = 1024;
const BATCHES = 240;
const BATCH_OPS = 100;
/** One huge page: memory that is fragmented may have few. */
const LEAST_BYTES = 2 * MIB;

const textOf = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Of the environment that they give to a node. */
const ASKED = /^(?:ENV |Environment=)GLIBC_TUNABLES=(\S+)$/m;
const asked = ['Dockerfile', 'deploy/hearsay.service'].map((path) => ASKED.exec(textOf(path))?.[1]);

function hugeBytes({ pid }: NodeProcess): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^AnonHugePages:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

huge('the image and the unit ask for them as the benches do', () => {
  assert.equal(asked, [HUGE_PAGES, HUGE_PAGES]);
});

const isLent = ['always', 'madvise'].includes(hugePages() ?? 'never');
// Alpine's C library knows no such variable.
if (isLent && !existsSync('/etc/alpine-release'))
  huge('hold values of a node that asks for them', async () => {
    const environment = { GLIBC_TUNABLES: asked[0] };
    await using cluster = await startCluster({ nodes: 1, environment });
    const node = cluster.node(0);
    for (const one of range(BATCHES)) {
      const keys = range(BATCH_OPS).map((index) => `${one}-${index}`);
      await batch(node, puts(keys, 'x'.repeat(VALUE_BYTES), 1));
    }
    const bytes = hugeBytes(node);
    assert.ok(bytes >= LEAST_BYTES, `${Math.round(bytes / MIB)} MiB`);
  });
else huge.skip('hold values of a node: this machine lends none', () => {});

huge.run();
