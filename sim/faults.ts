/** Faults and their times: each kind of fault comes at random, once in its mean time, until healed. */
import type { Timeline } from './clock.ts';
import type { Dice, Span } from './dice.ts';
import type { LogCopy } from './disk.ts';
import type { Network } from './network.ts';
import type { SimNode } from './node.ts';
import { haveSameMembers } from './sameMembers.ts';
import type { Trace } from './trace.ts';

/** Mean times between two faults of a kind in the whole cluster, in milliseconds; 0: never. */
export interface FaultOptions {
  readonly crashEveryMs: number;
  /** The smallest member that runs crashes. */
  readonly rootDiesEveryMs: number;
  readonly stopEveryMs: number;
  /** All nodes crash at one moment. */
  readonly powerCutEveryMs: number;
  readonly downMs: Span;
  /** How likely a node that was down finds an empty disk. */
  readonly wipes: number;
  readonly loseEveryMs: number;
  /** A person retires a member that is well, at another member. */
  readonly retireEveryMs: number;
  /** Whether people wait until all members have taken in the retirement before. */
  readonly retireInTurn: boolean;
  /** How likely a third member learns of it late, and goes on taking its ops meanwhile. */
  readonly lateToLearn: number;
  readonly cutEveryMs: number;
  readonly cutMs: Span;
  /** A node hears nobody for a while, and only some hear it. */
  readonly deafEveryMs: number;
  readonly breakEveryMs: number;
  readonly fullDiskEveryMs: number;
  readonly fullDiskMs: Span;
  readonly clockJumpEveryMs: number;
  /** How far a clock may be off, either way. */
  readonly maxSkewMs: number;
  /** A clock is an hour wrong for a while, forwards or back: its node and the others refuse each other. */
  readonly hourOffEveryMs: number;
  readonly hourOffMs: Span;
  /** All clocks are an hour ahead together for a while: no node can tell. */
  readonly allAheadEveryMs: number;
  /** One link between two nodes is cut from the beginning of the storm to its end. */
  readonly brokenLink: boolean;
  /** Whether one half of the nodes does not reach the other half, until everything is healed. */
  readonly halves: boolean;
  /** Whether on each of those sides a person retires all of the other one. */
  readonly sidesRetire: boolean;
  /** A running node's log is copied, or a node's log is put back to such a copy. */
  readonly copyEveryMs: number;
  readonly restoreEveryMs: number;
  /** Whether only logs are copied whose node is the only member. */
  readonly copiesAlone: boolean;
  /** How likely it is put back by hand, under the origin that it had, and not by `hearsay restore`. */
  readonly byHand: number;
  /** A node is started on a copy of another's log. */
  readonly cloneEveryMs: number;
  /** How likely nobody reaches a node that was started on a copy, and for how long. */
  readonly aloneOnCopy: number;
  readonly aloneMs: Span;
}

const HOUR_MS = 3_600_000;
/** The people of a side retire the other one within this time after the cut. */
const RETIRED_WITHIN_MS: Span = [500, 4000];

type Way = readonly [from: string, to: string];

const bothWays = (a: string, b: string): Way[] => [
  [a, b],
  [b, a],
];

export class Faults {
  readonly #options: FaultOptions;
  /** Without those that are lost. */
  readonly #nodes: SimNode[];
  readonly #founders: number;
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #trace: Trace;
  readonly #dice: Dice;
  #isHealed = false;
  readonly #copies = new Map<SimNode, LogCopy>();

  constructor(
    options: FaultOptions,
    nodes: SimNode[],
    { timeline, network, trace }: { timeline: Timeline; network: Network; trace: Trace },
    dice: Dice,
  ) {
    this.#options = options;
    this.#nodes = nodes;
    this.#founders = nodes.length;
    this.#timeline = timeline;
    this.#network = network;
    this.#trace = trace;
    this.#dice = dice;
  }

  start(): void {
    this.#network.storm();
    for (const node of this.#nodes) node.disk.storm();
    const { crashEveryMs, stopEveryMs, cutEveryMs, breakEveryMs } = this.#options;
    const { fullDiskEveryMs, clockJumpEveryMs, hourOffEveryMs } = this.#options;
    this.#every(crashEveryMs, () => this.#crash());
    this.#every(this.#options.rootDiesEveryMs, () => this.#crashRoot());
    this.#every(stopEveryMs, () => this.#stop());
    this.#every(this.#options.loseEveryMs, () => this.#lose());
    this.#every(this.#options.retireEveryMs, () => this.#retire());
    this.#every(cutEveryMs, () => this.#cut());
    this.#every(breakEveryMs, () => this.#break());
    this.#every(fullDiskEveryMs, () => this.#fillDisk());
    this.#every(clockJumpEveryMs, () => this.#jump());
    this.#every(hourOffEveryMs, () => this.#jumpAnHour());
    this.#every(this.#options.allAheadEveryMs, () => this.#setAllAhead());
    if (this.#options.brokenLink) this.#breakLink();
    if (this.#options.halves) this.#cutInHalves();
    this.#every(this.#options.deafEveryMs, () => this.#deafen());
    this.#every(this.#options.copyEveryMs, () => this.#copy());
    this.#every(this.#options.restoreEveryMs, () => this.#restore());
    this.#every(this.#options.cloneEveryMs, () => this.#clone());
    this.#every(this.#options.powerCutEveryMs, () => this.#cutPower());
  }

  /** Ends all of it: the network is whole, disks have space, clocks are right, and every node runs. */
  heal(): void {
    this.#isHealed = true;
    this.#network.heal();
    for (const node of this.#nodes) {
      node.disk.heal();
      node.clock.errorMs = 0;
      this.startLater(node, 0);
    }
  }

  /** A person gives up what these nodes hold. */
  startEmpty(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      this.#say(`${node.name} is started with an empty disk`);
      node.crash();
      node.disk.wipe();
    }
  }

  #every(meanMs: number, fault: () => void): void {
    if (meanMs === 0) return;
    this.#timeline.plan(this.#dice.waitMs(meanMs), '', 'a fault', () => {
      if (this.#isHealed) return;
      fault();
      this.#every(meanMs, fault);
    });
  }

  #say(what: string): void {
    this.#trace.add(this.#timeline.nowMs, '', what);
  }

  #crash(): void {
    this.#crashOf(this.#dice.pick(this.#nodes));
  }

  #crashRoot(): void {
    const running = this.#nodes.filter(({ isReady }) => isReady);
    const [root] = running.sort((a, b) => (a.witness.origin < b.witness.origin ? -1 : 1));
    if (root !== undefined) this.#crashOf(root);
  }

  #crashOf(node: SimNode): void {
    this.#say(`${node.name} crashes`);
    if (node.crash()) this.restartLater(node);
  }

  #cutPower(): void {
    this.#say('the power fails');
    for (const node of this.#nodes) if (node.crash()) this.restartLater(node);
  }

  /** A node is lost for good, with its disk. Of those that there were at first, a majority stays. */
  #lose(): void {
    const most = Math.ceil(this.#founders / 2) - 1;
    if (this.#founders - this.#nodes.length >= most) return;
    const node = this.#dice.pick(this.#nodes);
    this.#say(`${node.name} is lost`);
    node.crash();
    node.disk.wipe();
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
  }

  /** As `hearsay member retire --force`: it takes writes until it learns of it, and then rejoins. */
  #retire(): void {
    const names = this.#nodes.map(({ name }) => name);
    const [node, other] = [this.#dice.pick(this.#nodes), this.#dice.pick(this.#nodes)];
    const late = this.#dice.pick(names);
    const origin = other.running?.replica.origin;
    if (node === other || origin === undefined) return;
    if (this.#options.retireInTurn && !this.#isWhole()) return;
    if (late !== node.name && late !== other.name && this.#dice.chance(this.#options.lateToLearn)) {
      const silenced = names.filter((name) => name !== late && name !== other.name);
      const toLate = silenced.map((name): Way => [name, late]);
      this.#cutWays([...toLate, [late, other.name]], this.#options.cutMs);
    }
    this.#retireAt(node, origin, this.#dice.within([0, 1000]));
  }

  #retireAt(node: SimNode, origin: string, afterMs: number): void {
    this.#timeline.plan(afterMs, node.name, `a person retires ${origin}`, () => {
      if (node.isReady) node.running?.replica.membership.retire(origin).catch(() => {});
    });
  }

  #isWhole(): boolean {
    const size = this.#nodes.length;
    return (
      haveSameMembers(this.#nodes) &&
      this.#nodes.every(({ isReady, running }) => isReady && running?.replica.members.size === size)
    );
  }

  /** A backup is made while the node runs; the latest counts, and an old one now and then. */
  #copy(): void {
    const node = this.#dice.pick(this.#nodes);
    if (!node.isReady || (this.#copies.has(node) && this.#dice.chance(0.5))) return;
    if (this.#options.copiesAlone && node.running?.replica.members.size !== 1) return;
    const copy = node.disk.copy();
    if (copy === undefined) return;
    node.checkLog();
    this.#copies.set(node, copy);
  }

  #restore(): void {
    const [node, copy] = this.#dice.pick([...this.#copies, [undefined, undefined]]);
    if (node === undefined || copy === undefined || !this.#nodes.includes(node)) return;
    const byCommand = !this.#dice.chance(this.#options.byHand);
    this.#startOn(
      node,
      copy,
      byCommand,
      byCommand ? 'a restored backup' : 'an old copy of its log',
    );
  }

  #clone(): void {
    const [node, other] = [this.#dice.pick(this.#nodes), this.#dice.pick(this.#nodes)];
    const copy = other.isReady && node !== other ? other.disk.copy() : undefined;
    if (copy !== undefined) this.#startOn(node, copy, false, `a copy of the log of ${other.name}`);
  }

  #startOn(node: SimNode, copy: LogCopy, byCommand: boolean, what: string): void {
    this.#say(`${node.name} starts on ${what}`);
    node.crash();
    node.replaceLog(copy, byCommand);
    if (this.#dice.chance(this.#options.aloneOnCopy)) {
      const others = this.#nodes.filter((other) => other !== node);
      this.#cutWays(
        others.flatMap(({ name }) => bothWays(node.name, name)),
        this.#options.aloneMs,
      );
    }
    this.restartLater(node);
  }

  restartLater(node: SimNode): void {
    this.startLater(node, this.#dice.within(this.#options.downMs));
  }

  #stop(): void {
    const node = this.#dice.pick(this.#nodes);
    if (node.running === null) return;
    // An event of the node: its code runs in it.
    this.#timeline.plan(0, node.name, 'stop', async () => {
      await node.stop();
      this.restartLater(node);
    });
  }

  /** Starts the node, unless somebody has by then. */
  startLater(node: SimNode, delayMs: number): void {
    this.#timeline.plan(delayMs, node.name, 'start', () => {
      if (node.disk.log !== null || !this.#nodes.includes(node)) return;
      if (!this.#isHealed && this.#dice.chance(this.#options.wipes)) {
        this.#say(`the disk of ${node.name} is empty`);
        node.disk.wipe();
      }
      void node.start();
    });
  }

  #cut(): void {
    this.#cutWays(this.#waysToCut(), this.#options.cutMs);
  }

  /** Who does not hear it seals it, while others still take what it writes. */
  #deafen(): void {
    const one = this.#dice.pick(this.#nodes).name;
    const others = this.#nodes.map(({ name }) => name).filter((name) => name !== one);
    if (others.length === 0) return;
    const deaf = others.map((name): Way => [name, one]);
    this.#cutWays([...deaf, [one, this.#dice.pick(others)]], this.#options.cutMs);
  }

  #cutWays(ways: readonly Way[], forMs: Span): void {
    const cutMs = this.#dice.within(forMs);
    const names = ways.map((way) => way.join('>')).join(' ');
    this.#say(`cut ${names}`);
    for (const [from, to] of ways) this.#network.cut(from, to);
    this.#timeline.plan(cutMs, '', `mend ${names}`, () => {
      if (!this.#isHealed) for (const [from, to] of ways) this.#network.mend(from, to);
    });
  }

  /** Two sides, one node alone, one pair, or one way only. */
  #waysToCut(): readonly Way[] {
    const names = this.#nodes.map((node) => node.name);
    const one = this.#dice.pick(names);
    const another = this.#dice.pick(names);
    switch (this.#dice.below(4)) {
      case 0:
        return names.filter((name) => name !== one).flatMap((name) => bothWays(one, name));
      case 1:
        return bothWays(one, another);
      case 2:
        return [[one, another]];
      default: {
        const left = names.filter(() => this.#dice.chance(0.5));
        const right = names.filter((name) => !left.includes(name));
        return left.flatMap((a) => right.flatMap((b) => bothWays(a, b)));
      }
    }
  }

  #break(): void {
    const ends = this.#network.openEnds();
    if (ends.length > 0) this.#network.break(this.#dice.pick(ends), 'the connection broke');
  }

  #fillDisk(): void {
    const { disk, name } = this.#dice.pick(this.#nodes);
    this.#say(`the disk of ${name} is full`);
    disk.isFull = true;
    this.#timeline.plan(this.#dice.within(this.#options.fullDiskMs), name, 'disk has space', () => {
      disk.isFull = false;
    });
  }

  /** Within what nodes put up with: two clocks are never further apart than `max-clock-skew`. */
  #jump(): void {
    const { clock, name } = this.#dice.pick(this.#nodes);
    const { maxSkewMs } = this.#options;
    clock.skewMs = this.#dice.within([-maxSkewMs, maxSkewMs]);
    this.#say(`the clock of ${name} is off by ${clock.skewMs} ms`);
  }

  /** Entries that live then by the true time may be collected, and later ones must not be. */
  #setAllAhead(): void {
    if (this.#nodes.some((node) => node.clock.errorMs !== 0)) return;
    this.#say('all clocks are an hour ahead');
    for (const { clock } of this.#nodes) clock.errorMs = HOUR_MS;
    this.#timeline.plan(
      this.#dice.within(this.#options.hourOffMs),
      '',
      'all clocks are right',
      () => {
        for (const { clock } of this.#nodes) clock.errorMs = 0;
      },
    );
  }

  #breakLink(): void {
    const [one, another] = this.#nodes;
    if (one === undefined || another === undefined) return;
    this.#say(`the link between ${one.name} and ${another.name} is broken`);
    for (const [from, to] of bothWays(one.name, another.name)) this.#network.cut(from, to);
  }

  #cutInHalves(): void {
    const names = this.#nodes.map(({ name }) => name);
    const left = names.filter((_name, index) => index % 2 === 0);
    const right = names.filter((_name, index) => index % 2 === 1);
    this.#say(`cut in halves: ${left.join(' ')} and ${right.join(' ')}`);
    for (const one of left)
      for (const other of right)
        for (const [from, to] of bothWays(one, other)) this.#network.cut(from, to);
    if (!this.#options.sidesRetire) return;
    this.#retireSide(left, right);
    this.#retireSide(right, left);
  }

  /** The first member of the side that is ready by then retires those of the other. */
  #retireSide(side: readonly string[], others: readonly string[]): void {
    const isAt = (names: readonly string[]) => (node: SimNode) => names.includes(node.name);
    const origins = this.#nodes.filter(isAt(others)).map(({ witness }) => witness.origin);
    for (const origin of origins)
      this.#timeline.plan(this.#dice.within(RETIRED_WITHIN_MS), '', 'a person', () => {
        const node = this.#nodes.filter(isAt(side)).find(({ isReady }) => isReady);
        if (node !== undefined && !this.#isHealed) this.#retireAt(node, origin, 0);
      });
  }

  /** One clock at a time, beside `allAheadEveryMs`. */
  #jumpAnHour(): void {
    if (this.#nodes.some((node) => node.clock.errorMs !== 0)) return;
    const { clock, name } = this.#dice.pick(this.#nodes);
    clock.errorMs = this.#dice.chance(0.5) ? HOUR_MS : -HOUR_MS;
    this.#say(`the clock of ${name} is wrong by ${clock.errorMs} ms`);
    const forMs = this.#dice.within(this.#options.hourOffMs);
    this.#timeline.plan(forMs, '', `the clock of ${name} is right`, () => {
      clock.errorMs = 0;
    });
  }
}
