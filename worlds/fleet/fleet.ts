/**
 * The fleet of a region: it keeps one process in each slot where one is wanted (rule 8), adopts those that
 * a fleet before it has started, and replaces those that end or say nothing. `rules/slotSteps.ts` decides.
 */
import type { Labelled } from '../process/metrics.ts';
import { Tally } from '../process/tally.ts';
import type { SlotView } from '../rules/maintenancePlan.ts';
import {
  decideSet,
  mayStartAgainAtMs,
  nextStep,
  type SetVerdict,
  SLOT_TIMES,
  type SlotProcess,
  type SlotTimes,
  stateOf,
  type WantedSlot,
} from '../rules/slotSteps.ts';
import type { WorldMessage } from '../slots/linkMessages.ts';
import type { ProcessName, SlotStore, StoredSlot } from './slotStore.ts';

/** The processes of the machine. */
export interface Machine {
  /** Starts a process of a world. @returns null if it could not be started. */
  start(slot: StoredSlot): ProcessName | null;
  isAlive(name: ProcessName): boolean;
  kill(name: ProcessName): void;
  /** @returns null if there is none of that pid. */
  startTimeOf(pid: number): string | null;
  /** Asks the instance to drain. */
  drain(instance: InstancePlace, graceMs: number): Promise<void>;
}

export interface InstancePlace {
  readonly world: string;
  readonly slot: number;
  readonly epoch: number;
  readonly controlUrl: string;
}

export interface FleetOptions {
  readonly store: SlotStore;
  readonly machine: Machine;
  /** Most slots that have or want a process. */
  readonly maxProcesses: number;
  /** UTC milliseconds. */
  readonly now: () => number;
  readonly onFault: (error: unknown) => void;
  readonly times?: SlotTimes;
}

type FleetStep = 'started' | 'killed' | 'drained' | 'gone';

interface Slot {
  process: SlotProcess;
  controlUrl: string | null;
  emptySinceMs: number | null;
  earlyEnds: number;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #times: SlotTimes;
  readonly #slots = new Map<string, Slot>();
  readonly #steps = new Tally<FleetStep>(['started', 'killed', 'drained', 'gone']);
  #isEnding = false;
  #lookedAtMs: number;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#times = options.times ?? SLOT_TIMES;
    const { store, now } = options;
    this.#lookedAtMs = now();
    for (const stored of store.slots()) {
      const slot = this.#slotOf(stored.world, stored.slot);
      if (stored.isLiving) slot.process = { type: 'awaited', untilMs: now() + this.#times.adoptMs };
    }
  }

  /** Steps taken since this fleet was started. */
  get steps(): Labelled {
    return this.#steps.counts;
  }

  /** The slots where a process is or is wanted. */
  views(): SlotView[] {
    return this.#options.store
      .slots()
      .map((stored) => this.#view(stored))
      .filter(({ state, wanted }) => state !== 'ended' || wanted === 'running');
  }

  /** `isNew`: there was no process, and one is wanted now. */
  set(world: string, slot: number, wanted: WantedSlot): { verdict: SetVerdict; isNew: boolean } {
    const { store, maxProcesses } = this.#options;
    if (this.#isEnding) return { verdict: 'no room', isNew: false };
    const present = store.slots().find((one) => one.world === world && one.slot === slot) ?? null;
    const others = this.views().filter((view) => view.world !== world || view.slot !== slot);
    const verdict = decideSet(present, wanted, others.length, maxProcesses);
    if (verdict === 'set') {
      store.set(world, slot, wanted.wanted, wanted.configurationVersion);
      this.look();
    }
    return { verdict, isNew: wanted.wanted === 'running' && present?.isLiving !== true };
  }

  /** All are to end at once, and nothing is started any more. */
  stopAll(): void {
    this.#isEnding = true;
    for (const { world, slot, configurationVersion } of this.#options.store.slots())
      this.#options.store.set(world, slot, 'stopped', configurationVersion);
    this.look();
  }

  /** @returns false: a later process has the slot, or nobody knows it; this one has to end. */
  admits(world: string, slot: number, epoch: number): boolean {
    const stored = this.#options.store
      .slots()
      .find((one) => one.world === world && one.slot === slot);
    return stored?.epoch === epoch && stored.isLiving;
  }

  /** Of a process that was admitted. */
  hear(world: string, slot: number, epoch: number, message: WorldMessage): void {
    if (!this.admits(world, slot, epoch)) return;
    const present = this.#slotOf(world, slot);
    if (present.process.type === 'killed') return;
    const heardAtMs = this.#options.now();
    if (message.type === 'ready') {
      const startTime = this.#options.machine.startTimeOf(message.pid);
      if (startTime === null) return;
      this.#options.store.setProcess(world, slot, { pid: message.pid, startTime });
      present.controlUrl = message.controlUrl;
      const drain = present.process.type === 'linked' ? present.process.drain : null;
      present.process = { type: 'linked', state: 'active', taken: 0, heardAtMs, drain };
      return;
    }
    if (present.process.type !== 'linked') return;
    const { state, taken } = message;
    present.process = { ...present.process, state, taken, heardAtMs };
    present.emptySinceMs = taken > 0 ? null : (present.emptySinceMs ?? heardAtMs);
  }

  /** Takes the next step of each slot; to be called a few times a second. */
  look(): void {
    this.#excuseSilence();
    for (const stored of this.#options.store.slots()) {
      try {
        this.#lookAt(stored);
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  /** While the fleet itself was held up, it heard nobody. */
  #excuseSilence(): void {
    const nowMs = this.#options.now();
    const isHeldUp = nowMs - this.#lookedAtMs >= this.#times.silentMs / 2;
    this.#lookedAtMs = nowMs;
    if (!isHeldUp) return;
    for (const slot of this.#slots.values())
      if (slot.process.type === 'linked') slot.process = { ...slot.process, heardAtMs: nowMs };
  }

  #lookAt(stored: StoredSlot): void {
    const { store, machine, now } = this.#options;
    const { world, slot: number } = stored;
    const slot = this.#slotOf(world, number);
    if (stored.isLiving && this.#isGone(stored, slot)) {
      store.setGone(world, number);
      this.#steps.add('gone');
      const isEarly = now() - stored.startedAtMs < this.#times.steadyMs;
      slot.earlyEnds = isEarly ? slot.earlyEnds + 1 : 0;
      const mayStartAtMs = mayStartAgainAtMs(slot.earlyEnds, now(), this.#times);
      slot.process = { type: 'none', mayStartAtMs };
      slot.controlUrl = null;
      slot.emptySinceMs = null;
    }
    const step = nextStep(stored.wanted, slot.process, now(), this.#times);
    switch (step.type) {
      case 'nothing':
        return;
      case 'start': {
        const epoch = store.raiseEpoch(world, number, now());
        slot.process = { type: 'awaited', untilMs: now() + this.#times.startMs };
        const name = machine.start({ ...stored, epoch });
        this.#steps.add('started');
        if (name !== null) store.setProcess(world, number, name);
        return;
      }
      case 'kill':
        if (slot.process.type !== 'killed') this.#steps.add('killed');
        slot.process = { type: 'killed' };
        if (stored.process !== null) machine.kill(stored.process);
        return;
      case 'drain':
        this.#drain(stored, slot, step.graceMs);
        return;
    }
  }

  #isGone({ process: name }: StoredSlot, { process: known }: Slot): boolean {
    // One that nobody can name is not waited for: its epoch is refused when it comes.
    if (name === null) return known.type === 'killed';
    return !this.#options.machine.isAlive(name);
  }

  #drain(stored: StoredSlot, slot: Slot, graceMs: number): void {
    const { world, slot: number, epoch } = stored;
    const { process: linked, controlUrl } = slot;
    if (linked.type !== 'linked' || controlUrl === null) return;
    slot.process = { ...linked, drain: { graceMs, askedAtMs: this.#options.now() } };
    this.#steps.add('drained');
    // One that does not hear it is killed when its time is over.
    this.#options.machine
      .drain({ world, slot: number, epoch, controlUrl }, graceMs)
      .catch(this.#options.onFault);
  }

  #view(stored: StoredSlot): SlotView {
    const { world, slot: number, wanted, configurationVersion, startedAtMs } = stored;
    const { process: known, emptySinceMs } = this.#slotOf(world, number);
    return {
      world,
      slot: number,
      wanted,
      configurationVersion,
      startedAtMs,
      emptySinceMs,
      state: stateOf(wanted, known),
      taken: known.type === 'linked' ? known.taken : 0,
    };
  }

  #slotOf(world: string, number: number): Slot {
    const key = `${world}/${number}`;
    const present = this.#slots.get(key);
    if (present !== undefined) return present;
    const process: SlotProcess = { type: 'none', mayStartAtMs: 0 };
    const slot: Slot = { process, controlUrl: null, emptySinceMs: null, earlyEnds: 0 };
    this.#slots.set(key, slot);
    return slot;
  }
}
