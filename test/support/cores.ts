/** Protocol cores on a replica that a test makes up, and peers whose part the test plays. */
import { Core } from '../../src/gossip/protocol/core.ts';
import { type Digest, type Digested, makeDigest } from '../../src/gossip/protocol/digest.ts';
import type {
  CoreSettings,
  Input,
  Output,
  OutputOf,
  View,
} from '../../src/gossip/protocol/inputOutput.ts';
import {
  type ErrorMessage,
  type Hello,
  type Message,
  PROTOCOL_RANGE,
} from '../../src/gossip/protocol/messages.ts';
import { NO_PAST, type Past } from '../../src/gossip/protocol/standing.ts';
import type { ConnectionId } from '../../src/gossip/transport.ts';
import { Closings } from '../../src/rules/closings.ts';
import { Members } from '../../src/rules/members.ts';
import type { Stable } from '../../src/rules/stability.ts';
import { add, type Hash, ZERO } from '../../src/words/hash.ts';
import { seeded } from '../../src/words/random.ts';
import type { Vector } from '../../src/words/vector.ts';
import { membership } from './ops.ts';

export const NOW = 1_795_000_000_000;

/** Times and bounds of a core in tests; each test overrides those that it is about. */
export const SETTINGS = {
  firstRedialMs: 100,
  maxRedialMs: 3000,
  maxMembers: 64,
  meshLimit: 64,
  maxJoinsPerMinute: 5,
  joinTimeoutMs: 10_000,
  pullIntervalMs: 1000,
  pullTimeoutMs: 5000,
  maxClockSkewMs: 10_000,
  memberTimeoutMs: 1e9,
  claimPatienceMs: 60_000,
  rejoinPauseMs: 600_000,
  peerRefusalMs: 600_000,
  hearingMs: 15_000,
} as const;
const PASS_TICK_MS = 250;

export const ofKind = <Kind extends Output['kind']>(
  outputs: readonly Output[],
  kind: Kind,
): OutputOf<Kind>[] => outputs.filter((output): output is OutputOf<Kind> => output.kind === kind);

export interface Sent<Type extends Message['type']> {
  readonly connection: ConnectionId;
  readonly message: Extract<Message, { type: Type }>;
}

/** The messages of the type that the core sends. */
export function sent<Type extends Message['type']>(
  outputs: readonly Output[],
  type: Type,
): Sent<Type>[] {
  const isOfType = (message: Message): message is Sent<Type>['message'] => message.type === type;
  return ofKind(outputs, 'send').flatMap(({ connection, message }) =>
    isOfType(message) ? [{ connection, message }] : [],
  );
}

/** The connections that the core pulls from. */
export const pulledFrom = (outputs: readonly Output[]): ConnectionId[] =>
  questionsIn(outputs).map(({ connection }) => connection);

const questionsIn = (
  outputs: readonly Output[],
): (Sent<'digest'> | Sent<'level'> | Sent<'ask'>)[] => [
  ...sent(outputs, 'digest'),
  ...sent(outputs, 'level'),
  ...sent(outputs, 'ask'),
];

/** The error that the core tells a peer first. */
export const errorIn = (outputs: readonly Output[]): ErrorMessage | undefined =>
  sent(outputs, 'error')[0]?.message;

export interface TestView extends View {
  lastLsn: number;
  vector: Map<string, number>;
  members: Members;
  stable: Stable;
  deadEntries: number;
  bornHere: number;
  mapHash: Hash;
  reach: () => Vector;
}

export interface TestCore {
  readonly core: Core;
  /** The replica as the core reads it; may be changed between steps. */
  readonly view: TestView;
  readonly clock: { nowMs: number };
  readonly step: (input: Input) => readonly Output[];
  readonly tick: () => readonly Output[];
  /** Lets time pass with a tick at its start and four in each second. @returns all that it puts out. */
  readonly pass: (durationMs: number) => readonly Output[];
  /** The number of the last pull from the peer. */
  readonly pullNumber: (connection: ConnectionId) => number;
  readonly receive: (connection: ConnectionId, message: Message) => readonly Output[];
  /** Opens a connection. @param dialledUrl null where the peer dialled. */
  readonly open: (connection: ConnectionId, dialledUrl?: string | null) => readonly Output[];
  /** Opens a connection to a member, which says hello. */
  readonly greet: (
    connection: ConnectionId,
    hello?: Partial<Hello>,
    dialledUrl?: string | null,
  ) => readonly Output[];
}

export interface TestCoreOptions {
  readonly origin?: string;
  readonly seed?: number;
  /** False for a node whose log is empty. */
  readonly joined?: boolean;
  /** The time of the node's last rejoin that peers claimed. */
  readonly claimedRejoinAt?: number;
  /** Its state before its log was empty. */
  readonly past?: Past;
  /** Origins that are members beside the node's own. */
  readonly others?: readonly string[];
  readonly settings?: Partial<CoreSettings>;
}

export const originOf = (number: number): string => `node${number}.aaaaaa`;

/** The hello of a member; its id is the beginning of its origin. */
export const helloOf = (origin: string, fields: Partial<Hello> = {}): Hello => ({
  type: 'hello',
  protocol: PROTOCOL_RANGE,
  cluster: 'hearsay',
  clusterId: 'the cluster',
  formedAt: NOW,
  size: 3,
  joined: true,
  admittedBy: null,
  nodeId: origin.slice(0, origin.indexOf('.')),
  origin,
  instance: `instance of ${origin}`,
  url: null,
  clock: NOW,
  ...fields,
});

export function testCore({
  origin = originOf(1),
  seed = 1,
  others = [],
  joined = true,
  settings = {},
  claimedRejoinAt,
  past = NO_PAST,
}: TestCoreOptions = {}): TestCore {
  const clock = { nowMs: NOW };
  const members = new Members();
  for (const member of joined ? [origin, ...others] : []) members.fold(membership({ key: member }));
  const closings = new Closings();
  const view: TestView = {
    closings,
    get retiredSum() {
      return retiredSumOf(view);
    },
    wholeVector: () => view.vector,
    vector: new Map(joined ? [[origin, 1]] : []),
    members,
    mapHash: { high: 0, low: 0 },
    horizon: 0,
    sumOf: (name) => ({ high: 0, low: view.vector.get(name) ?? 0 }),
    mapSum: () => view.mapHash,
    origin,
    clusterId: joined ? 'the cluster' : null,
    formedAt: joined ? NOW : 0,
    joined,
    admittedBy: null,
    lastLsn: joined ? 1 : 0,
    deadEntries: 0,
    stable: { vector: new Map(), clock: -1 },
    bornHere: 0,
    ownSumAt: (seq) => ({ high: 0, low: seq }),
    reach: () => new Map(),
  };
  const core = new Core(
    {
      ...SETTINGS,
      nodeId: origin.slice(0, origin.indexOf('.')),
      cluster: 'hearsay',
      instance: `instance of ${origin}`,
      urls: [],
      url: null,
      ...settings,
    },
    view,
    seeded(seed),
    clock.nowMs,
    clock.nowMs,
    past,
    claimedRejoinAt ?? null,
  );
  const pulls = new Map<ConnectionId, number>();
  const step = (input: Input): readonly Output[] => {
    const outputs = core.step(input, clock.nowMs);
    for (const { connection, message } of questionsIn(outputs))
      pulls.set(connection, message.re ?? 0);
    return outputs;
  };
  const open = (connection: ConnectionId, dialledUrl: string | null = null): readonly Output[] =>
    step({ kind: 'opened', connection, dialledUrl });
  const receive = (connection: ConnectionId, message: Message): readonly Output[] =>
    step({ kind: 'message', connection, message });
  const tick = (): readonly Output[] => step({ kind: 'tick' });
  const pass = (durationMs: number): readonly Output[] => {
    const endMs = clock.nowMs + durationMs;
    const outputs = [...tick()];
    while (clock.nowMs < endMs) {
      clock.nowMs = Math.min(endMs, clock.nowMs + PASS_TICK_MS);
      outputs.push(...tick());
    }
    return outputs;
  };
  return {
    core,
    view,
    clock,
    step,
    tick,
    pass,
    pullNumber: (connection) => pulls.get(connection) ?? 0,
    receive,
    open,
    greet: (connection, hello = {}, dialledUrl = null) => {
      open(connection, dialledUrl);
      return receive(connection, helloOf(hello.origin ?? originOf(2), hello));
    },
  };
}

/** As a replica keeps it while ops come. */
export function retiredSumOf({
  members,
  vector,
  sumOf,
}: Pick<Digested, 'members' | 'vector' | 'sumOf'>): Hash | null {
  const withOps = members.retiredAfter(0).filter((origin) => vector.has(origin));
  return withOps.length === 0
    ? null
    : withOps.reduce((sum, origin) => add(sum, sumOf(origin)), ZERO);
}

/** The digest of a node that holds what the view does. */
export const digestOf = (view: View, fields: Partial<Digest> = {}): Digest => ({
  ...makeDigest(view, NOW, 10_000, 'none'),
  ...fields,
});

/** The digest of a peer that holds so much, and agrees with the view on what both hold. */
export const digestWith = (view: View, seqs: Readonly<Record<string, number>>): Digest => {
  const vector = new Map(Object.entries(seqs));
  const sums = new Map([...vector].map(([name, seq]) => [name, { high: 0, low: seq }]));
  return digestOf(view, { vector, sums });
};

/** A peer's answer that brings no ops. */
/** @param re the number of the pull that it answers; absent from a peer of protocol 1. */
export const emptyAnswer = (digest: Digest, more = false, re?: number): Message => ({
  type: 'delta',
  delta: { ranges: [], ops: [] },
  answer: { digest, more },
  ...(re !== undefined && { re }),
});
