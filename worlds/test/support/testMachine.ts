/** Processes that live in memory, for a fleet under test. */
import type { InstancePlace, Machine } from '../../fleet/fleet.ts';
import type { ProcessName, StoredSlot } from '../../fleet/slotStore.ts';

export interface TestProcess {
  readonly world: string;
  readonly slot: number;
  readonly epoch: number;
  readonly name: ProcessName;
  isAlive: boolean;
}

export class TestMachine implements Machine {
  readonly processes: TestProcess[] = [];
  readonly drains: { readonly place: InstancePlace; readonly graceMs: number }[] = [];
  /** The next process is started, but the fleet ends before it knows the pid. */
  isFleetKilledInStart = false;
  #pids = 100;

  start({ world, slot, epoch }: StoredSlot): ProcessName | null {
    const pid = this.#pids++;
    const name = { pid, startTime: `at ${pid}` };
    this.processes.push({ world, slot, epoch, name, isAlive: true });
    return this.isFleetKilledInStart ? null : name;
  }

  alive(slot: number): TestProcess[] {
    return this.processes.filter((one) => one.slot === slot && one.isAlive);
  }

  isAlive({ pid, startTime }: ProcessName): boolean {
    return this.startTimeOf(pid) === startTime;
  }

  kill(name: ProcessName): void {
    for (const one of this.processes) if (one.name.pid === name.pid) one.isAlive = false;
  }

  startTimeOf(pid: number): string | null {
    return (
      this.processes.find(({ name, isAlive }) => name.pid === pid && isAlive)?.name.startTime ??
      null
    );
  }

  async drain(place: InstancePlace, graceMs: number): Promise<void> {
    this.drains.push({ place, graceMs });
  }
}
