/**
 * Entries of an export as new PUTs to a running node, many in a request. What the cluster holds in a
 * version that is no lower stays; so running it twice does no harm, and what was cut off goes on.
 */

import { type ExportedEntry, exportedEntryOf, isEnd } from '../../log/tools/exportFormat.ts';
import { parseLine } from '../../log/tools/rowLine.ts';
import { HearsayError } from '../../words/errors.ts';
import { type BatchPut, type Result, sendBatch } from '../remote/rawBatch.ts';
import type { NodeAddress } from '../remote/urlReader.ts';
import { LineOutput, note } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText, quoted } from '../terminal/text.ts';
import { shortened, wrapped } from '../terminal/width.ts';
import type { Line } from './lines.ts';

interface ImportFlags {
  readonly json?: true;
  readonly fromLine?: number;
  readonly verbose?: true;
}

/** Entries that were skipped for one reason. */
interface Skipped {
  count: number;
  /** The first of them, as they are told. */
  readonly first: string[];
}

/** So many of the skipped are told by name. */
const TOLD_KEYS = 3;

/** Of a note on stderr. */
const NOTE_COLUMNS = 100;

const BATCH_OPS = 256;
const BATCH_CHARACTERS = 256 * 1024;

export async function importEntries(
  address: NodeAddress,
  lines: AsyncGenerator<Line>,
  flags: ImportFlags,
): Promise<void> {
  const importer = new EntryImporter(address, flags);
  let isWhole = false;
  for await (const { text, number } of lines) {
    const fields = parseLine(text);
    if (isEnd(fields)) {
      isWhole = true;
      break;
    }
    if (number < (flags.fromLine ?? 0)) continue;
    await importer.take(exportedEntryOf(text, fields), number);
  }
  await importer.end();
  if (!isWhole)
    throw new HearsayError(
      'The file ends before its last line: it was cut off, and more entries may be missing.',
    );
}

interface Waiting {
  readonly entry: ExportedEntry;
  readonly put: BatchPut;
  readonly line: number;
}

class EntryImporter {
  readonly #address: NodeAddress;
  readonly #isJson: boolean;
  readonly #isVerbose: boolean;
  readonly #output = new LineOutput();
  readonly #progress = new Progress('import');
  #waiting: Waiting[] = [];
  #characters = 0;
  #stored = 0;
  readonly #skipped = new Map<string, Skipped>();

  constructor(address: NodeAddress, flags: ImportFlags) {
    this.#address = address;
    this.#isJson = flags.json === true;
    this.#isVerbose = flags.verbose === true;
  }

  async take(entry: ExportedEntry, line: number): Promise<void> {
    const ttlMs = entry.expiresAt === null ? null : entry.expiresAt - Date.now();
    if (ttlMs !== null && ttlMs <= 0) {
      await this.#skip(entry, 'expired', 'it has expired since');
      return;
    }
    const { key, version, value, meta } = entry;
    this.#waiting.push({ entry, line, put: { key, version, ttlMs, value, meta } });
    this.#characters += key.length + value.length + (meta?.length ?? 0);
    if (this.#waiting.length >= BATCH_OPS || this.#characters >= BATCH_CHARACTERS)
      await this.#send();
  }

  async end(): Promise<void> {
    await this.#send();
    this.#progress.end();
    await this.#output.flush();
    this.#tellSkipped();
    const skipped = [...this.#skipped].map(([kind, { count }]) => `${countText(count)} ${kind}`);
    note(
      `${countText(this.#stored)} entries stored, ${skipped.length === 0 ? 'none' : skipped.join(', ')} skipped.`,
    );
  }

  async #send(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#characters = 0;
    const results = await sendBatch(
      this.#address,
      waiting.map(({ put }) => put),
    ).catch((error: unknown) => {
      this.#progress.end();
      const reason = error instanceof Error ? error.message : String(error);
      throw new HearsayError(`${reason} Go on with --from-line ${waiting[0]?.line}.`, {
        cause: error,
      });
    });
    for (const [index, result] of results.entries()) {
      const one = waiting[index];
      if (one !== undefined) await this.#settle(one.entry, result);
    }
    this.#progress.show(this.#stored, 'entries', null);
  }

  async #settle(entry: ExportedEntry, result: Result): Promise<void> {
    if (result.status === 200) {
      this.#stored++;
      if (this.#isJson)
        await this.#output.line(
          JSON.stringify({ key: entry.key, version: entry.version, status: 'stored' }),
        );
    } else if (result.status === 409)
      await this.#skip(entry, 'conflicting', `the cluster holds version ${result.currentVersion}`);
    else await this.#skip(entry, 'refused', result.detail);
  }

  async #skip({ key, version }: ExportedEntry, kind: string, reason: string): Promise<void> {
    const skipped = this.#skipped.get(kind) ?? { count: 0, first: [] };
    this.#skipped.set(kind, skipped);
    skipped.count++;
    const told = `${shortened(quoted(key), 60)}, version ${version}: ${reason}`;
    if (skipped.first.length < TOLD_KEYS) skipped.first.push(told);
    if (this.#isJson)
      await this.#output.line(JSON.stringify({ key, version, status: 'skipped', reason }));
    else if (this.#isVerbose) {
      this.#progress.end();
      note(`Skipped ${told}.`);
    }
  }

  /** With --json and --verbose each has been told. */
  #tellSkipped(): void {
    if (this.#isJson || this.#isVerbose) return;
    for (const [kind, { count, first }] of this.#skipped) {
      const more = count - first.length;
      const rest = more > 0 ? `; and ${countText(more)} more, which --verbose tells` : '';
      for (const line of wrapped(
        `Skipped as ${kind}: ${first.join('; ')}${rest}.`,
        NOTE_COLUMNS,
        2,
      ))
        note(line);
    }
  }
}
