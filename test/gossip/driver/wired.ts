/** A driver over a transport whose other side the test plays. */
import { Driver } from '../../../src/gossip/driver/driver.ts';
import type { LogChanges } from '../../../src/gossip/driver/options.ts';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from '../../../src/gossip/protocol/messages.ts';
import type { TransportEvent } from '../../../src/gossip/transport.ts';
import type { SetAside } from '../../../src/replica/setAside.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { ZERO } from '../../../src/words/hash.ts';
import { seeded } from '../../../src/words/random.ts';
import { NO_TRACER, type Tracer } from '../../../src/words/trace.ts';
import { helloOf, SETTINGS } from '../../support/cores.ts';
import { put } from '../../support/ops.ts';
import { openReplica, PEER, type TestReplica } from '../../support/replicas.ts';

export const CONNECTION = 7;

export interface Wire {
  readonly driver: Driver;
  readonly dialled: string[];
  readonly closed: string[];
  /** The messages that it has sent, until they are taken. */
  readonly take: () => Message[];
  readonly event: (event: TransportEvent) => void;
  readonly say: (message: Message) => void;
  readonly notes: string[];
  readonly failures: unknown[];
  readonly buffered: { bytes: number };
}

export interface WireOptions {
  readonly logs?: Partial<LogChanges>;
  readonly setAside?: readonly SetAside[];
  readonly urls?: readonly string[];
  readonly url?: string | null;
  readonly tracer?: Tracer;
}

export function wired(
  { replica, log, clock }: TestReplica,
  { logs = {}, setAside = [], urls = [], url = null, tracer = NO_TRACER }: WireOptions = {},
): Wire {
  const [dialled, closed, notes]: [string[], string[], string[]] = [[], [], []];
  const failures: unknown[] = [];
  const texts: string[] = [];
  const buffered = { bytes: 0 };
  let event: (event: TransportEvent) => void = () => {};
  const driver = new Driver({
    replica,
    transport: {
      listen: (listener) => {
        event = listener;
      },
      dial: (to) => dialled.push(to),
      send: (_connection, text) => texts.push(text),
      bufferedBytes: () => buffered.bytes,
      close: (_connection, reason) => closed.push(reason),
      stop: async () => {},
    },
    settings: {
      ...SETTINGS,
      nodeId: 'node1',
      cluster: 'hearsay',
      instance: 'this one',
      urls: [...urls],
      url,
    },
    random: seeded(1),
    steadyMs: () => clock.nowMs,
    pause: async () => {},
    note: (_level, text) => notes.push(text),
    newId: () => 'the cluster',
    newOrigin: () => 'node1.newone',
    logs: {
      renew: async () => log,
      exchange: async () => ({ log: (await openReplica()).log, asideName: 'old' }),
      openAside: async () => null,
      dropAside: async () => {},
      ...logs,
    },
    setAside,
    tracer,
    fail: (error) => failures.push(error),
  });
  return {
    driver,
    dialled,
    closed,
    notes,
    failures,
    buffered,
    take: () => texts.splice(0).map(decodeMessage),
    event: (one) => event(one),
    say: (message) =>
      event({ kind: 'message', connection: CONNECTION, text: encodeMessage(message) }),
  };
}

/** A member of a cluster of two. */
export async function member(): Promise<TestReplica> {
  const opened = await openReplica();
  await opened.replica.membership.form('the cluster', memberValue('node1', null));
  await opened.replica.membership.admit(PEER, memberValue('node2', null));
  return opened;
}

export const OPENED = {
  kind: 'opened',
  connection: CONNECTION,
  dialledUrl: null,
  address: '10.0.0.2',
} as const;

/** The other member connects and says hello. */
export function greet({ event, say }: Wire, { replica }: TestReplica): void {
  event(OPENED);
  const hello = helloOf(PEER, { clusterId: 'the cluster', clock: replica.nowMs() });
  say({ ...hello, formedAt: replica.header.facts.formedAtMs ?? 0 });
}

/** The question of a peer that holds the same as this node. */
export function sameDigest({ replica }: TestReplica): Digest {
  return {
    vector: replica.vector,
    sums: new Map([...replica.vector.keys()].map((origin) => [origin, replica.record(origin).sum])),
    retiredSum: null,
    listsRetired: false,
    asOf: 1,
    mapSum: ZERO,
    horizon: 0,
    clock: replica.nowMs(),
  };
}

export const asideOf = (fields: Partial<SetAside> = {}): SetAside => ({
  name: 'old',
  origin: 'node1.before',
  clusterId: 'the cluster',
  members: [],
  entries: [put({ origin: 'node1.before', key: 'a', version: 7 })],
  records: new Map(),
  stable: new Map(),
  state: 'sound',
  openedAtSeq: 1,
  hadOthers: false,
  isSettled: false,
  ...fields,
});
