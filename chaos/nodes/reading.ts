/** The content of nodes: their maps while they run, and their logs after they have stopped. */
import { z } from 'zod';
import { nameOfValue } from '../clients/caller.ts';
import type { LoggedOp, Shown, ShownMap, StoppedLog } from '../history/evidence.ts';
import { command } from '../network/command.ts';
import { MAIN } from './environment.ts';
import type { ChaosNode } from './node.ts';

const PAGE_TIMEOUT_MS = 10_000;

const pageSchema = z.object({
  entries: z.array(
    z.object({
      key: z.string(),
      value: z.unknown(),
      version: z.number(),
      expires_at: z.string().nullable(),
    }),
  ),
  next: z.string().nullable(),
});

const rowSchema = z.object({
  lsn: z.number(),
  origin: z.string(),
  seq: z.number(),
  won: z.boolean(),
  hlc: z.number(),
  kind: z.string(),
  key: z.string(),
  generation: z.number(),
  version: z.number(),
  expires_at: z.number().nullable(),
  value: z.string().nullable(),
});

/** @throws Error where the node does not answer every page. */
export async function readMap({ clientUrl }: ChaosNode): Promise<ShownMap> {
  const map = new Map<string, Shown>();
  let after: string | null = null;
  do {
    const query: string = after === null ? '' : `?after=${encodeURIComponent(after)}`;
    const signal = AbortSignal.timeout(PAGE_TIMEOUT_MS);
    const response: Response = await fetch(`${clientUrl}/cache${query}`, { signal });
    if (!response.ok) throw new Error(`a list was answered with ${response.status}`);
    const page: z.output<typeof pageSchema> = pageSchema.parse(await response.json());
    for (const { key, value, version, expires_at } of page.entries)
      map.set(key, {
        value: nameOfValue(String(value)),
        version,
        expiresAt: expires_at === null ? null : Date.parse(expires_at),
      });
    after = page.next;
  } while (after !== null);
  return map;
}

/**
 * Asks `hearsay log` what it makes of the directory of a node that has stopped.
 *
 * @param main the command line that is asked.
 */
export async function readLog(
  { index, dataDirectory }: ChaosNode,
  main: string = MAIN,
): Promise<StoppedLog> {
  const log = (...words: readonly string[]): Promise<string> =>
    command(process.execPath, main, 'log', ...words, '--data-dir', dataDirectory);
  const damage = await log('verify').then(
    () => null,
    (error) => firstLine(error),
  );
  try {
    const text = await log('export', '--as-ops');
    return { node: index, damage, ops: opsIn(text) };
  } catch (error) {
    return { node: index, damage: damage ?? firstLine(error), ops: [] };
  }
}

function opsIn(text: string): LoggedOp[] {
  const ops: LoggedOp[] = [];
  for (const line of text.split('\n')) {
    // The first line and the last are about the whole.
    if (!line.startsWith('{"lsn":')) continue;
    const row = rowSchema.parse(JSON.parse(line));
    const { origin, seq, won, hlc, kind, key, generation, version, expires_at, value } = row;
    const name = value === null || kind !== 'put' ? value : nameOfValue(String(JSON.parse(value)));
    const expiresAt = expires_at;
    ops.push({ origin, seq, hlc, kind, key, generation, version, expiresAt, value: name, won });
  }
  return ops;
}

function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = 'stdout' in error && String(error.stdout) !== '' ? error.stdout : error.message;
  return String(said).trim().split('\n').slice(0, 3).join(' ');
}
