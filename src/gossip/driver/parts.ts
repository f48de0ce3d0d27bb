/**
 * The parts of the driver. Each gets the replica, the ports, and only those functions of the driver
 * that it uses.
 */

import type { Member } from '../../rules/members.ts';
import { RareNotes } from '../../words/rareNotes.ts';
import { NO_TRACER, type Tracer } from '../../words/trace.ts';
import { Border } from '../border/border.ts';
import type { Core } from '../protocol/core.ts';
import type { Input, View } from '../protocol/inputOutput.ts';
import type { ConnectionId } from '../transport.ts';
import { Answers } from './answers.ts';
import { ClientGate } from './clientGate.ts';
import { Commits } from './commits.ts';
import { Compares } from './compares.ts';
import { ConfirmRequests } from './confirmRequests.ts';
import { Judges } from './judges.ts';
import { Lives } from './lives.ts';
import { Offers } from './offers.ts';
import type { DriverOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { PullTimes } from './pullTimes.ts';
import { Pushes } from './pushes.ts';
import { Repairs } from './repairs.ts';
import { Snapshots } from './snapshots.ts';
import { Turns } from './turns.ts';

export interface Parts {
  readonly answers: Answers;
  readonly border: Border;
  readonly commits: Commits;
  readonly compares: Compares;
  readonly confirmRequests: ConfirmRequests;
  readonly gate: ClientGate;
  readonly judges: Judges;
  readonly lives: Lives;
  readonly offers: Offers;
  readonly outbox: Outbox;
  readonly pullTimes: PullTimes;
  readonly pushes: Pushes;
  readonly rareNotes: RareNotes;
  readonly repairs: Repairs;
  readonly snapshots: Snapshots;
  readonly turns: Turns;
}

/** The driver, as its parts see it. */
export interface Whole {
  readonly view: View;
  /** The core of the present life of the log. */
  readonly core: () => Core;
  readonly step: (input: Input) => void;
  readonly isOpen: (connection: ConnectionId) => boolean;
  readonly isStopped: () => boolean;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  /** Offers the ops that were set aside. */
  readonly offer: () => void;
  readonly endConnections: (reason: string) => void;
  /** Begins with a new core. @param known members of the old cluster. */
  readonly begin: (known: readonly Member[], leaves: readonly string[]) => void;
}

export function partsOf(options: DriverOptions, whole: Whole): Parts {
  const { replica, transport, pause, note, settings, losePush, tracer = NO_TRACER } = options;
  const { core, step, steadyMs, isStopped } = whole;
  const { joinTimeoutMs } = settings;
  const outbox = new Outbox({ transport, limits: replica.limits, isStopped });
  const send = (connection: ConnectionId, text: string): void => outbox.send(connection, text);
  const targets = (): ConnectionId[] => core().pushTargets();
  const rareNotes = new RareNotes((text, facts) => note('warn', text, facts), steadyMs);
  const judges = new Judges({
    replica,
    send,
    isOpen: whole.isOpen,
    steadyMs,
    timeoutMs: settings.pullTimeoutMs,
  });
  const offers = offersOf(options, whole, judges);
  const gate = new ClientGate({ readiness: replica.readiness, offers, steadyMs, joinTimeoutMs });
  const pullTimes = new PullTimes(steadyMs, options.pulled ?? (() => {}));
  const lives = livesOf(options, whole, gate, offers);
  return {
    gate,
    judges,
    lives,
    offers,
    outbox,
    rareNotes,
    turns: new Turns(pause),
    answers: new Answers({
      replica,
      send,
      digest: (connection) => core().digestFor(connection, replica.nowMs()),
      tellsDifferences: (connection) => core().tellsDifferences(connection),
      differs: (connection, origin) => step({ kind: 'differs', connection, origin }),
    }),
    border: new Border({
      limits: replica.limits,
      refusalMs: settings.peerRefusalMs,
      isMember: (origin) => whole.view.members.has(origin),
      isNamed: (url) =>
        settings.urls.includes(url) || [...whole.view.members.all()].some((one) => one.url === url),
      steadyMs,
      refuse: (connection, reason) => step({ kind: 'refused', connection, reason }),
      warn: (text, facts) => note('warn', text, facts),
    }),
    commits: new Commits({
      replica,
      tracer,
      takenIn: (connection, from, ops) =>
        tracePull(tracer, pullTimes.takenIn(connection), from, ops),
      step,
      warn: (text, facts) => note('warn', text, facts),
      warnRarely: (text, facts) => rareNotes.tell(text, facts),
    }),
    compares: new Compares({ replica, send, pause, steadyMs }),
    confirmRequests: new ConfirmRequests({
      ownSeq: () => replica.record(replica.origin).seq,
      sendToPeers: (text) => {
        if (!lives.isChanging) for (const connection of targets()) send(connection, text);
      },
    }),
    pullTimes,
    pushes: new Pushes({
      replica,
      transport,
      tracer,
      targets,
      isMesh: () => core().isMesh,
      spreadTargets: (origin, to) => core().spreadTargets(origin, to),
      haveFor: (connection, seqs) => core().haveFor(connection, seqs),
      isHeld: (connection, origin, seq) => core().isHeld(connection, origin, seq),
      steadyMs,
      losePush,
    }),
    repairs: new Repairs({ replica, send, pause, steadyMs, note }),
    snapshots: new Snapshots({ replica, send, pause, steadyMs }),
  };
}

/** A pull that brought nothing new is no work that anybody looks for: each node makes one a second. */
function tracePull(tracer: Tracer, beganAtMs: number | undefined, from: string, ops: number): void {
  if (beganAtMs === undefined || ops === 0) return;
  const facts = { 'hearsay.peer.origin': from, 'hearsay.ops': ops };
  tracer.begin({ name: 'hearsay.pull', kind: 'client', beganAtMs, facts }).end();
}

function offersOf(options: DriverOptions, { core, steadyMs }: Whole, judges: Judges): Offers {
  const { replica, logs, note, settings, holdMs = 0 } = options;
  return new Offers(
    {
      replica,
      logs,
      note,
      steadyMs,
      joinTimeoutMs: settings.joinTimeoutMs,
      maxClockSkewMs: settings.maxClockSkewMs,
      keepMs: holdMs === 0 ? 0 : holdMs + settings.claimPatienceMs + settings.rejoinPauseMs,
      judges: (base) =>
        core()
          .judges()
          .map((connection) => judges.of(connection, base)),
      isHeld: (seq) => seq === 0 || replica.members.size <= 1 || core().acks(seq) > 0,
    },
    options.setAside ?? [],
  );
}

const livesOf = (options: DriverOptions, whole: Whole, gate: ClientGate, offers: Offers): Lives =>
  new Lives({
    driver: options,
    view: whole.view,
    gate,
    offers,
    step: whole.step,
    offer: whole.offer,
    end: whole.endConnections,
    begin: whole.begin,
    steadyMs: whole.steadyMs,
    fail: (error) => {
      if (!whole.isStopped()) options.fail(error);
    },
  });
