/** All benches by name, in the order in which they run. */
import { benchBoot } from './boot.ts';
import { benchBulk } from './bulk.ts';
import { benchEmbedded } from './embedded.ts';
import { benchExpiry } from './expiry.ts';
import type { Outcome } from './figures.ts';
import { benchGet } from './get.ts';
import { benchGrow } from './grow.ts';
import { benchInvalidate } from './invalidate.ts';
import { benchJoin } from './join.ts';
import { benchLogTools } from './logTools.ts';
import { benchMemory } from './memory.ts';
import { benchMixed } from './mixed.ts';
import { benchPause } from './pause.ts';
import { benchPropagate } from './propagate.ts';
import { benchPut } from './put.ts';
import type { Scale } from './scale.ts';
import { benchSync } from './sync.ts';
import { benchTokens } from './tokens.ts';
import { benchWatch } from './watch.ts';

export interface Bench {
  /** Its measurements, in a sentence for people who read the figures. */
  readonly measures: string;
  readonly run: (scale: Scale) => Promise<Outcome>;
}

export const benches: ReadonlyMap<string, Bench> = new Map<string, Bench>([
  [
    'get',
    {
      measures:
        'GETs on 32 connections, 100,000 keys with values of about 100 bytes: a node, a bare `node:http` server with a Map, Redis.',
      run: benchGet,
    },
  ],
  [
    'embedded',
    {
      measures:
        "Reads of a node in the program's own process, 100,000 keys with values of about 100 bytes, beside a Redis over loopback whose client sends 100 GETs ahead.",
      run: benchEmbedded,
    },
  ],
  [
    'put',
    {
      measures:
        "PUTs on 64 connections, each synced to the disk before its answer: a node, Redis with `appendfsync always`, etcd's JSON gateway; the bare server, which keeps nothing; and the plain cache, which has a log and no rules.",
      run: benchPut,
    },
  ],
  [
    'bulk',
    {
      measures:
        "Batches of 100 on 8 connections, requests with an op a line, the client's own batches: beside Redis with 25 connections that send 32 requests ahead, so that 800 ops are under way on each side, and the plain cache with the same batches.",
      run: benchBulk,
    },
  ],
  [
    'mixed',
    {
      measures:
        'The 99th percentile of GETs beside 5,000 PUTs a second, each synced to the disk, in turn with GETs alone; the same of the bare server, and where each fsync takes 10 ms longer, by a library that is made with `cc`.',
      run: benchMixed,
    },
  ],
  [
    'propagate',
    {
      measures:
        'From the answer of a PUT until watchers of two other nodes have seen it, at 1,000 and 5,000 PUTs a second; beside a Redis primary with two replicas, which also sync each write, and their keyspace notifications, and three plain caches.',
      run: benchPropagate,
    },
  ],
  [
    'invalidate',
    {
      measures:
        "From the call that revalidates a tag at one handler of Next's `'use cache'` until a read at another one no longer shows its entry, each with a node of its own.",
      run: benchInvalidate,
    },
  ],
  [
    'boot',
    {
      measures:
        'From the start of a process until it answers, after a clean stop, with a million keys: written once, and written ten times each; beside Redis with an append-only file of plain commands, and with a snapshot.',
      run: benchBoot,
    },
  ],
  [
    'pause',
    {
      measures:
        "The longest delay of a node's event loop in a minute of 10,000 PUTs a second over 3,000,000 keys.",
      run: benchPause,
    },
  ],
  [
    'memory',
    {
      measures:
        'Resident bytes a key of a node with a million keys, and its opening, beside Redis with an append-only file; the store of entries in pages beside the one in plain objects that the tests keep: bytes, processor time and garbage collection; 10,000,000 overwrites of 100,000 keys; 20,000,000 small keys.',
      run: benchMemory,
    },
  ],
  [
    'sync',
    {
      measures:
        'The bytes between two nodes with a million ops when one comes back and lacks a thousand of them, and while neither lacks any.',
      run: benchSync,
    },
  ],
  [
    'grow',
    {
      measures:
        'The processor time of a GET, a PUT, a page of a list and an expiry, and the time to open, with 10,000 to 10,000,000 keys.',
      run: benchGrow,
    },
  ],
  [
    'join',
    {
      measures:
        "A new node joins one that holds 500,000 keys: the time, and the effect on the other's GETs.",
      run: benchJoin,
    },
  ],
  [
    'expiry',
    { measures: 'A million keys with a TTL of 5 s: map and heap afterwards.', run: benchExpiry },
  ],
  [
    'tokens',
    {
      measures:
        'The processor time of a GET with a token beside one at an open node, and of a wrong token: the part of a core that 100,000 of them a minute take.',
      run: benchTokens,
    },
  ],
  [
    'watch',
    {
      measures: '1,000 watchers of one prefix, beside Redis pub/sub.',
      run: benchWatch,
    },
  ],
  [
    'logTools',
    {
      measures:
        '`verify`, `at` and `stat` on two million ops and 100,000 keys, from process start to end; then PUTs of a node beside `tail -f` and an endless `stat`, in turn with PUTs alone.',
      run: benchLogTools,
    },
  ],
]);
