/** Measures one store of entries in this process: run with --expose-gc and a channel. */
import type { EntryStore } from '../src/store/entryStore.ts';
import { PagedEntries } from '../src/store/pagedEntries.ts';
import type { Put } from '../src/words/op.ts';
import { PlainEntries } from '../test/support/plainEntries.ts';
import type { StoreTask } from './memory.ts';

export interface StoreFigures {
  readonly keys: number;
  readonly bytesAKey: number;
  /** Time of the processor, as are all that follow: other processes share it. */
  readonly insertMicroseconds: number;
  readonly getMicroseconds: number;
  readonly collectionMs: number;
  /**
   * Bytes of the pages and indexes after the overwrites, over those before. The heap is left out: the ops
   * that are folded here pass through it, however the store keeps them.
   */
  readonly overwrittenRatio: number;
  readonly longestSliceMs: number;
}

const SEED = { first: 0x243f6a88, second: 0x85a308d3 };
const FOLDS_A_SLICE = 100;
const SLICE_BYTES = 200_000;
const VALUE_LENGTH = 100;
/** Lengths of the values of overwrites, around that of the first ones. */
const LENGTHS = 17;

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** The clock of the processor may stand still for as long as a few entries take. */
const LEAST_MS = 0.001;

const spent = (startedAtMs: number): number => Math.max(LEAST_MS, cpuMs() - startedAtMs);

function collected(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Bytes of pages and indexes. */
function arrayBytes(): number {
  collected();
  return process.memoryUsage().arrayBuffers;
}

function measured(task: StoreTask): StoreFigures {
  const { store: name, keys, valueLength = VALUE_LENGTH } = task;
  const store: EntryStore =
    name === 'pages' ? new PagedEntries({ seed: SEED }) : new PlainEntries();
  const text = '1'.repeat(valueLength);
  const opOf = (index: number, version: number, value = text): Put => ({
    origin: 'node1.abcdef',
    seq: version * keys + index + 1,
    hlc: 1_700_000_000_000_000 + index,
    key: `key${(index * 7919) % keys}`,
    generation: 0,
    version,
    kind: 'put',
    expiresAt: null,
    value,
    meta: null,
    hashHigh: index,
    hashLow: index >>> 3,
  });
  const empty = collected();
  let startedAt = cpuMs();
  const bytes = Buffer.from(text);
  // As from the log: an op brings a text of its own.
  for (let index = 0; index < keys; index++)
    store.fold(opOf(index, 1, bytes.toString()), index + 1);
  const insertMs = spent(startedAt);
  const full = collected();
  startedAt = cpuMs();
  globalThis.gc?.();
  const collectionMs = spent(startedAt);
  startedAt = cpuMs();
  for (let index = 0; index < keys; index++)
    if (store.get(`key${(index * 104_729) % keys}`) === undefined) throw new Error('a key is lost');
  const getMs = spent(startedAt);
  const { ratio, longestSliceMs } = overwritten(store, opOf, task);
  if (store.size !== keys) throw new Error(`the store holds ${store.size} keys, not ${keys}`);
  return {
    keys: store.size,
    bytesAKey: (full - empty) / keys,
    insertMicroseconds: (insertMs * 1000) / keys,
    getMicroseconds: (getMs * 1000) / keys,
    collectionMs,
    overwrittenRatio: ratio,
    longestSliceMs,
  };
}

/**
 * Overwrites at random by values of other lengths, so that holes lie everywhere, with slices of compaction as a node
 * takes them. A value of the same length would lie where the one before it lay.
 */
function overwritten(
  store: EntryStore,
  opOf: (index: number, version: number, value?: string) => Put,
  { keys, overwrites, valueLength = VALUE_LENGTH }: StoreTask,
): { readonly ratio: number; readonly longestSliceMs: number } {
  const before = arrayBytes();
  const lengths = Array.from({ length: LENGTHS }, (_one, at) =>
    Math.max(0, valueLength - (LENGTHS >> 1) + at),
  );
  const texts = lengths.map((length) => '1'.repeat(length));
  let longestSliceMs = 0;
  for (let count = 0; count < overwrites; count++) {
    const index = Math.imul(count, 2_654_435_761) >>> 0;
    store.fold(opOf(index % keys, 2 + count, texts[count % LENGTHS]), keys + count + 1);
    if (count % FOLDS_A_SLICE !== 0) continue;
    const startedAt = cpuMs();
    store.compactSlice(SLICE_BYTES);
    longestSliceMs = Math.max(longestSliceMs, cpuMs() - startedAt);
  }
  return { ratio: arrayBytes() / before, longestSliceMs };
}

process.once('message', (task: StoreTask) => {
  process.send?.(measured(task), () => process.exit(0));
});
