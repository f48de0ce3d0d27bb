/** The log of a node, as `hearsay log stat` tells it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const HEARSAY = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const statSchema = z.object({ last_lsn: z.number(), text_bytes: z.number() });

export interface LogSize {
  /** All ops that ever came into the log. */
  readonly ops: number;
  readonly textBytes: number;
}

/** @param dataDir of a node, which may run. */
export async function logSizeOf(dataDir: string): Promise<LogSize> {
  const words = ['log', 'stat', '--data-dir', dataDir, '--output', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, [HEARSAY, ...words]);
  const { last_lsn: ops, text_bytes: textBytes } = statSchema.parse(JSON.parse(stdout));
  return { ops, textBytes };
}
