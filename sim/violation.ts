/** The checks of the simulator. Each check can be asked for alone, to be tested itself. */
export type Check =
  /** Rows are committed with lsns from 1 on, without gaps. */
  | 'lsn order'
  /** Rule 7: each origin's ops come in order of seq, none left out; vectors only grow. */
  | 'no gaps'
  /** One op id, one op, on every node, and none before its origin committed it. */
  | 'one op an id'
  /**
   * Rule 6: a row's won bit is the one that folding all rows in order of lsn gives; nothing dead comes
   * back.
   */
  | 'won bit'
  /** Rules 2 and 3: versions admitted, generations given, clocks that never run backwards. */
  | 'birth'
  /** Rule 8: no op is born in a log that has not joined. */
  | 'unjoined'
  /** Rule 8: who starts writes nothing before it holds what the others did. */
  | 'catching up'
  /** Rule 8: two clusters that formed apart and have several members each never mix. */
  | 'apart'
  /** Rule 11: each origin's sums are those of its ops. */
  | 'sums'
  /** Rule 9: only what every member holds is stable; only what is stable and no longer shows goes. */
  | 'forgetting'
  /** The node's vector and sums are those of its log. */
  | 'vector'
  /** Rule 6: the map, and what get and list show of it, is the fold of the log. */
  | 'map'
  /** Nodes with equal vectors hold equal maps. */
  | 'equal vectors'
  /** A write answered as stored is stored; any other answer could be true. */
  | 'answer'
  /** Rule 5: nothing is told, to anybody, that is not committed. */
  | 'commit first'
  /** A restart finds what was committed, and its replay gives the map of before. */
  | 'replay'
  /** Once everything is healed, all nodes hold the same within bounded time, and say so. */
  | 'convergence'
  /** Once converged, each key shows the greatest op that any survivor holds. */
  | 'greatest op'
  /** Rule 11: a repair has no work where no damage was put in. */
  | 'repair'
  /** Rule 13: of an origin that is closed nobody takes more. */
  | 'closing'
  /** Rule 12: what a node had taken before it began anew comes back, unless something has beaten it. */
  | 'fate'
  /** Nothing is reported as damage, and nobody rejoins, where nothing was damaged or lost. */
  | 'false alarm'
  /** Watchers are told in order, nothing twice, nothing that their cursor covers; and the last state. */
  | 'watch'
  /** No error but those that `ARCHITECTURE.md` names. */
  | 'error';

export type Report = (check: Check, text: string) => void;

export interface Violation {
  readonly check: Check;
  readonly text: string;
  /** After how many events, and when, it was seen. */
  readonly step: number;
  readonly atMs: number;
}
