/** The machine of a fleet: it starts the processes of worlds so that they outlive it. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceSigner } from '../access/serviceTokens.ts';
import { fileOfPackage } from '../process/fileOfPackage.ts';
import { traceHeaders } from '../process/spans.ts';
import { instanceOf } from '../tables/instanceTables.ts';
import type { Machine } from './fleet.ts';
import { isAlive, killProcess, startTimeOf } from './systemProcesses.ts';

export interface MachineOptions {
  readonly region: string;
  readonly signer: ServiceSigner;
  /** Settings of each process, by their flags without the dashes. */
  readonly settings: Readonly<Record<string, string>>;
  /** Gets the log of each process. */
  readonly logDirectory: string;
  /** A process could not be started. */
  readonly onFault: (error: unknown) => void;
}

const MAIN = fileOfPackage('worlds/world/main.ts');
/**
 * V8 begins with halves of 1 MiB for young objects and collects them every few seconds. Of a world with 50 players that
 * takes a twentieth of the processor time; more room takes 17 MiB instead.
 */
const YOUNG_HEAP = '--min-semi-space-size=8';
const ASK_LIMIT_MS = 2000;

export const machineOf = (options: MachineOptions): Machine => ({
  isAlive,
  startTimeOf,
  kill: killProcess,
  start: ({ world, slot, epoch, configurationVersion }) => {
    const { region, logDirectory, onFault } = options;
    const settings = {
      region,
      world,
      slot: `${slot}`,
      epoch: `${epoch}`,
      'configuration-version': `${configurationVersion}`,
      ...options.settings,
    };
    const words = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value]);
    // One file a slot: a world that is started again goes on with it.
    const log = openSync(join(logDirectory, `${region}-${world}-${slot}.log`), 'a', 0o600);
    try {
      const child = spawn(process.execPath, [YOUNG_HEAP, MAIN, ...words], {
        detached: true,
        stdio: ['ignore', log, log],
        // The start of a world belongs to the trace that asked for it.
        env: { ...process.env, WORLDS_TRACEPARENT: traceHeaders().traceparent ?? '' },
      });
      child.on('error', onFault);
      child.unref();
      if (child.pid === undefined) return null;
      const startTime = startTimeOf(child.pid);
      return startTime === null ? null : { pid: child.pid, startTime };
    } finally {
      closeSync(log);
    }
  },
  drain: async ({ world, slot, epoch, controlUrl }, graceMs) => {
    const instance = instanceOf({ region: options.region, world, slot, epoch });
    const answer = await fetch(`${controlUrl}/drain`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${await options.signer.tokenFor(instance)}`,
        ...traceHeaders(),
      },
      body: JSON.stringify({ graceMs }),
      redirect: 'error',
      signal: AbortSignal.timeout(ASK_LIMIT_MS),
    });
    if (!answer.ok) throw new Error(`${instance} answered ${answer.status} to the order to drain.`);
  },
});
