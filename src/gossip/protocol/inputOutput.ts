/** The core's inputs and outputs, and the replica as the core reads it. */

import type { DeltaOutcome } from '../../rules/delta.ts';
import type { Said } from '../../rules/forkedMembership.ts';
import type { Stable } from '../../rules/stability.ts';
import type { Delta } from '../../words/delta.ts';
import type { Hash } from '../../words/hash.ts';
import type { NoteFacts, NoteLevel } from '../../words/note.ts';
import type { OpId } from '../../words/op.ts';
import type { SnapshotEnd, SnapshotOrigins, SnapshotRow } from '../../words/snapshot.ts';
import type { TraceParent } from '../../words/trace.ts';
import type { Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { DialSettings } from './addressBook.ts';
import type { Digest, Digested } from './digest.ts';
import type {
  ComparedMessage,
  CompareMessage,
  DeletesMessage,
  JudgedMessage,
  JudgeMessage,
  Message,
} from './messages.ts';
import type { PeerFault } from './peerFaults.ts';
import type { StandingSettings } from './standing.ts';

export interface CoreSettings extends DialSettings, StandingSettings {
  readonly nodeId: string;
  readonly cluster: string;
  /** Drawn at random at each start of the process. */
  readonly instance: string;
  /** Base URLs of all nodes; this node's own may be among them. */
  readonly urls: readonly string[];
  /** This node's own URL for its peers; null if it is not known. */
  readonly url: string | null;
  /** Time between pulls, in milliseconds; jittered by a quarter. */
  readonly pullIntervalMs: number;
  /** After this time without an answer, in milliseconds, a pull counts as lost. */
  readonly pullTimeoutMs: number;
  /** A peer whose clock is ahead by more milliseconds is refused. */
  readonly maxClockSkewMs: number;
  /**
   * A member that alone claims another history under this node's ids is followed after this long, in
   * milliseconds.
   */
  readonly claimPatienceMs: number;
  /** The shortest time between two rejoins that peers claimed, in milliseconds. */
  readonly rejoinPauseMs: number;
  /** A peer that broke the protocol repeatedly is refused for this long, in milliseconds. */
  readonly peerRefusalMs: number;
  /** The most peers that are let in within a minute, at each of `urls`, and at all others together. */
  readonly maxJoinsPerMinute: number;
  /** With more members than this, nodes hear one another by rounds. */
  readonly meshLimit: number;
  /** A member silent for this long, in milliseconds, is retired. */
  readonly memberTimeoutMs: number;
  /** A member counts as heard for this long after its last message, in milliseconds. */
  readonly hearingMs: number;
}

/** The replica as the core reads it. */
export interface View extends Digested {
  readonly origin: string;
  readonly clusterId: string | null;
  /** The time at which the cluster was formed, in UTC milliseconds; 0 until then. */
  readonly formedAt: number;
  readonly joined: boolean;
  readonly admittedBy: string | null;
  readonly lastLsn: number;
  /** Dead entries that could be collected. */
  readonly deadEntries: number;
  readonly stable: Stable;
  /** Ops born here since the log was opened. */
  readonly bornHere: number;
  /** The sum of this node's own ops up to that seq; undefined if only the log could give it. */
  ownSumAt(seq: number): Hash | undefined;
  /** Origin → highest seq compacted away. */
  reach(): Vector;
}

/** A peer's digest, and the number that the answer repeats. */
export interface Question {
  readonly digest: Digest;
  /** The digest as the peer sent it, where `same` may answer it. */
  readonly sent?: Digest | undefined;
  /**
   * The number of origins that were closed here when the digest was read. An answer leaves them out, since the sender
   * holds them; of one that was closed later it may lack ops.
   */
  readonly closedCount: number;
  readonly re?: number | undefined;
}

export type Input =
  /** Given a few times a second. */
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'opened';
      readonly connection: ConnectionId;
      readonly dialledUrl: string | null;
    }
  | { readonly kind: 'dialFailed'; readonly url: string; readonly reason: string }
  | { readonly kind: 'closed'; readonly connection: ConnectionId; readonly reason: string }
  | { readonly kind: 'message'; readonly connection: ConnectionId; readonly message: Message }
  /** The peer broke the protocol. */
  | {
      readonly kind: 'malformed';
      readonly connection: ConnectionId;
      readonly fault: PeerFault;
      /** The fault itself, as the end of a sentence about the peer. */
      readonly reason: string;
    }
  /** The peer broke it earlier, and is not let in yet. */
  | { readonly kind: 'refused'; readonly connection: ConnectionId; readonly reason: string }
  /** The outcome of a `take`; `refused` if the queue or the disk is full. */
  | {
      readonly kind: 'taken';
      readonly connection: ConnectionId;
      readonly outcome: DeltaOutcome | { readonly kind: 'refused' };
      /** The number of the pull that it answered; null for a push. */
      readonly pull: number | null;
      readonly more: boolean;
    }
  /** The outcome of a `takeSnapshot`. */
  | {
      readonly kind: 'tookSnapshot';
      readonly connection: ConnectionId;
      readonly part: number;
      readonly ended: boolean;
      readonly ok: boolean;
      /** Why the snapshot can be of no log; null if nothing shows that. */
      readonly fault: string | null;
    }
  /** The sums of an answer under way show that the peer holds other ops of the origin than this node. */
  | { readonly kind: 'differs'; readonly connection: ConnectionId; readonly origin: string }
  /** The `join` of an `admit` is committed. */
  | ({ readonly kind: 'admitted'; readonly connection: ConnectionId } & Question)
  /** `form` or `welcome` is committed. */
  | { readonly kind: 'joined' }
  /** `form` or `welcome` found no room and is not committed. */
  | { readonly kind: 'joinFailed' };

export type Output =
  | { readonly kind: 'dial'; readonly url: string }
  | { readonly kind: 'send'; readonly connection: ConnectionId; readonly message: Message }
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly reason: string }
  /** Send the ops that this digest lacks. */
  | ({ readonly kind: 'answer'; readonly connection: ConnectionId } & Question)
  /** Log the `join`, then give `admitted`. */
  | ({
      readonly kind: 'admit';
      readonly connection: ConnectionId;
      readonly origin: string;
      readonly value: string;
    } & Question)
  /** Count a fault against the peer; another output closes its connection. */
  | {
      readonly kind: 'misbehaved';
      readonly connection: ConnectionId;
      readonly fault: PeerFault;
      readonly reason: string;
    }
  /** A member holds more ops of this node's own than it had confirmed before. */
  | { readonly kind: 'heldMore' }
  /** A peer holds the same ops but another map. */
  | { readonly kind: 'disagrees' }
  /** A peer that may join has to ask again later, because of a bound. */
  | { readonly kind: 'postponed' }
  /** Take the delta in, then give `taken`. */
  | {
      readonly kind: 'take';
      readonly connection: ConnectionId;
      readonly delta: Delta;
      /** The spans of the requests that the ops were born for. */
      readonly traces?: readonly TraceParent[];
      /** The origin of the peer. */
      readonly from: string;
      readonly pull: number | null;
      readonly more: boolean;
    }
  /** Send a part of a snapshot; part 0 starts one. */
  | {
      readonly kind: 'snapshot';
      readonly connection: ConnectionId;
      readonly part: number;
      /** The number of the question that part 0 answers. */
      readonly re: number | undefined;
    }
  /** Store the part, then give `tookSnapshot`. */
  | {
      readonly kind: 'takeSnapshot';
      readonly connection: ConnectionId;
      readonly part: number;
      readonly rows: readonly SnapshotRow[];
      readonly origins: SnapshotOrigins | null;
      readonly end: SnapshotEnd | null;
    }
  /** Raise our horizon to a peer's, if that is greater. */
  | { readonly kind: 'horizon'; readonly horizon: number }
  /** Form a cluster, then give `joined`. */
  | { readonly kind: 'form'; readonly value: string }
  /** Store that the node has joined, offer the ops of the log that it set aside, then give `joined`. */
  | {
      readonly kind: 'welcome';
      readonly sponsor: string;
      readonly clusterId: string;
      readonly formedAt: number;
    }
  /** From now on the node may write. */
  | { readonly kind: 'ready'; readonly value: string }
  | { readonly kind: 'retire'; readonly origin: string }
  /** Log that a retired origin is closed (rule 13). */
  | {
      readonly kind: 'closeOrigin';
      readonly origin: string;
      readonly lastSeq: number;
      /** The `retire` that all members hold. */
      readonly by: OpId;
    }
  /** Log a `join` or `retire` again, since only a forked origin tells it (rule 11). */
  | { readonly kind: 'sayAgain'; readonly said: Said }
  /** Log another `join` of this node, whose name or URL has changed. */
  | { readonly kind: 'announce'; readonly value: string }
  | { readonly kind: 'collect'; readonly stable: Stable }
  /** Find the keys whose entries differ from the peer's, and settle them. */
  | { readonly kind: 'repair'; readonly connection: ConnectionId; readonly asOf: number }
  /** Answer a message of a repair, or act on it. */
  | {
      readonly kind: 'repairStep';
      readonly connection: ConnectionId;
      /** The origin of the peer. */
      readonly from: string;
      readonly message: CompareMessage | ComparedMessage;
    }
  /** Answer with a page of a judgement, or take one in. */
  | {
      readonly kind: 'judge';
      readonly connection: ConnectionId;
      readonly message: JudgeMessage | JudgedMessage;
    }
  /** Answer with a page of deletes. */
  | {
      readonly kind: 'deletes';
      readonly connection: ConnectionId;
      readonly message: DeletesMessage;
    }
  /** This node has not joined yet. The reason is the end of a sentence. */
  | { readonly kind: 'waits'; readonly reason: string }
  /** This core's last output: start again with an empty log under a new origin. */
  | {
      readonly kind: 'rejoin';
      readonly reason: string;
      /** Whether the log of this node is set aside and its ops offered again, or thrown away. */
      readonly keep: boolean;
      /**
       * `forked`: other ops may bear the ids of this node's own. `shared`: another node goes on under
       * its origin as well.
       */
      readonly ownOps: 'sound' | 'forked' | 'shared';
      /** Whether peers claimed the reason; else this node found it. */
      readonly isClaimed: boolean;
      /** The members that it does not ask at first to let it in: they would take it back to where it came from. */
      readonly leaves: readonly string[];
    }
  | {
      readonly kind: 'note';
      readonly level: NoteLevel;
      readonly text: string;
      readonly facts: NoteFacts;
    };

export type InputOf<Kind extends Input['kind']> = Extract<Input, { kind: Kind }>;
export type OutputOf<Kind extends Output['kind']> = Extract<Output, { kind: Kind }>;
