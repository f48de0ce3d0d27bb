/**
 * The bytes between two nodes with a million ops: when one comes back that lacks a thousand of them, and
 * when it lacks none. Counted on their connection, with the frames and the handshake.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { encodeOp } from '../src/gossip/protocol/opCodec.ts';
import { parseLine, rowOf } from '../src/log/tools/rowLine.ts';
import { atMost, type Outcome, plain } from './figures.ts';
import { inTurn } from './inTurn.ts';
import { keyOf, VALUE } from './keys.ts';
import { checkValues, fillKeys, metric, sendOps } from './nodeAnswers.ts';
import { type NodeProcess, startNode } from './nodes.ts';
import { freePorts, temporaryDirectory } from './processes.ts';
import { type Relay, startRelay } from './relay.ts';
import { type Scale, scaled } from './scale.ts';

const OPS = 1_000_000;
const LACKING = 1000;
/** So many pulls are awaited for each second of a measurement, so that a few bytes of other messages don't count as theirs. */
const PULLS_A_SECOND = 5;
const TOKEN = 'the-token-of-the-bench';
const HEADERS = { 'X-Internal-Token': TOKEN };
const LIMIT_MS = 120_000;

type Measured = 'opBytes' | 'syncBytes' | 'levelBytes' | 'bytesAPull';

export async function benchSync(scale: Scale): Promise<Outcome> {
  const ops = scaled(OPS, scale);
  const lacking = scaled(LACKING, scale);
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const ports = await freePorts(2);
  const relays = await Promise.all(ports.map(startRelay));
  for (const relay of relays) resources.use(relay);
  const start = (index: 0 | 1): Promise<NodeProcess> =>
    startNode({
      id: `node${index + 1}`,
      port: ports[index] ?? 0,
      directory: join(path, `node${index + 1}`),
      nodes: relays.map(({ url }) => url),
      flags: ['--url', relays[index]?.url ?? '', '--durability', 'normal'],
      environment: { INTERNAL_TOKEN: TOKEN },
      limitMs: LIMIT_MS,
    });
  const both = await Promise.all([start(0), start(1)]);
  const first = resources.use(both[0]);
  let second = resources.use(both[1]);
  await fillKeys(first.url, ops);
  await level(first, second);

  let written = 0;
  /** Starts the second node again, after the first has written. @returns the bytes until both are level. */
  const back = async (puts: number): Promise<number> => {
    await second.stop();
    await sendOps(
      first.url,
      Array.from({ length: puts }, () => putOf(written++, ops)),
    );
    const before = bytesOf(relays);
    second = resources.use(await start(1));
    await level(first, second);
    return bytesOf(relays) - before;
  };
  const rounds = await inTurn<'node', Measured>(scale, {
    node: async () => {
      const syncBytes = await back(lacking);
      const opBytes = await bytesOfLast(first.url, lacking);
      const levelBytes = await back(0);
      return {
        opBytes,
        syncBytes,
        levelBytes,
        bytesAPull: await idle(relays, both[0], second, scale),
      };
    },
  });
  await checkValues(second.url, ops);
  const medianOf = (name: Measured): number => rounds.median('node', name);
  return {
    figures: [
      plain('ops in both logs', ops, ''),
      plain('ops that one lacks', lacking, ''),
      plain('their bytes on the wire', medianOf('opBytes'), 'B'),
      plain('bytes until both are level', medianOf('syncBytes'), 'B'),
      atMost(
        'bytes until both are level / those of the ops',
        medianOf('syncBytes') / medianOf('opBytes'),
        '',
        1.3,
      ),
      plain('bytes of a return that lacks nothing', medianOf('levelBytes'), 'B'),
      atMost('bytes a pull while both are level', medianOf('bytesAPull'), 'B', 200),
    ],
    skipped: [],
  };
}

const putOf = (count: number, keys: number): object => ({
  op: 'put',
  key: keyOf((count * 7919) % keys),
  value: VALUE,
  version: 'next',
});

const bytesOf = (relays: readonly Relay[]): number =>
  relays.reduce((sum, { bytes }) => sum + bytes, 0);

/** Resolves once both maps have the same sum. */
async function level(first: NodeProcess, second: NodeProcess): Promise<void> {
  const endAt = performance.now() + LIMIT_MS;
  while (performance.now() < endAt) {
    const [own, other] = await Promise.all([mapSumOf(first.url), mapSumOf(second.url)]);
    if (own === other) return;
    await wait(20);
  }
  throw new Error('two nodes were not level in time');
}

async function mapSumOf(url: string): Promise<string> {
  const answer = await fetch(`${url}/_cluster`, { headers: HEADERS });
  return ((await answer.json()) as { map_sum: { sum: string } }).map_sum.sum;
}

/** @returns the bytes of the last ops of a node's log, each as its element of a delta. */
async function bytesOfLast(url: string, ops: number): Promise<number> {
  const facts = await fetch(`${url}/_log`, { headers: HEADERS });
  const { last_lsn: lastLsn } = (await facts.json()) as { last_lsn: number };
  const answer = await fetch(`${url}/_log/rows?after=${lastLsn - ops}`, { headers: HEADERS });
  const lines = (await answer.text()).trimEnd().split('\n');
  // The last line tells that none is missing.
  const rows = lines.slice(0, -1).map((line) => rowOf(parseLine(line)));
  if (rows.length !== ops) throw new Error(`the log told ${rows.length} rows instead of ${ops}`);
  return rows.reduce((sum, { op }) => sum + Buffer.byteLength(encodeOp(op)), 0);
}

/** @returns the bytes in both directions for one digest that was sent, while nothing is written. */
async function idle(
  relays: readonly Relay[],
  first: NodeProcess,
  second: NodeProcess,
  { seconds }: Scale,
): Promise<number> {
  const pulls = async (): Promise<number> => {
    const counts = [first, second].map(({ url }) => metric(url, 'hearsay_pulls_total'));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };
  const [pullsBefore, bytesBefore] = [await pulls(), bytesOf(relays)];
  const endAt = performance.now() + seconds * 1000;
  for (;;) {
    await wait(100);
    const count = (await pulls()) - pullsBefore;
    if (performance.now() > endAt && count >= PULLS_A_SECOND * seconds)
      return (bytesOf(relays) - bytesBefore) / count;
  }
}
