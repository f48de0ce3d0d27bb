/**
 * Sends the entries of an export to a running node as new PUTs, many in each request. An entry that the
 * cluster holds in the same or a higher version stays. So a second run does no harm, and continues an
 * interrupted first one.
 */

import {
  ConflictError,
  type HearsayClient,
  InvalidRequestError,
  JsonText,
  type Stored,
  UnknownOutcomeError,
} from '../../client/index.ts';
import { type ExportedEntry, exportedEntryOf, isEnd } from '../../log/tools/exportFormat.ts';
import { parseLine } from '../../log/tools/rowLine.ts';
import { HearsayError } from '../../words/errors.ts';
import type { TokenFlags } from '../remote/commandToken.ts';
import { patientClient } from '../remote/patientClient.ts';
import { isTokenRefused, withTokenAdvice } from '../remote/tokenAdvice.ts';
import { LineOutput, note } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText, quoted } from '../terminal/text.ts';
import { shortened, wrapped } from '../terminal/width.ts';
import { type Line, readLine } from './lines.ts';

interface ImportFlags extends TokenFlags {
  /** The longest time of a request, in milliseconds. */
  readonly timeout?: number;
  readonly json?: true;
  readonly fromLine?: number;
  readonly verbose?: true;
}

/** Entries that were skipped for one reason. */
interface Skipped {
  count: number;
  /** The first of them, in the form in which they are shown. */
  readonly first: string[];
}

/** The number of skipped entries that are named for each reason. */
const TOLD_KEYS = 3;

/** The width of a note on stderr. */
const NOTE_COLUMNS = 100;

const BATCH_OPS = 256;
const BATCH_CHARACTERS = 256 * 1024;

/** @param sizeBytes of the file, for the progress. */
export async function importEntries(
  urls: readonly string[],
  lines: AsyncGenerator<Line>,
  sizeBytes: number,
  flags: ImportFlags,
): Promise<void> {
  await using client = patientClient(urls, flags, true, flags.timeout);
  const importer = new EntryImporter(client, flags);
  let isWhole = false;
  for await (const line of lines) {
    const { number } = line;
    const fields = readLine(line, parseLine);
    if (isEnd(fields)) {
      isWhole = true;
      break;
    }
    if (number < (flags.fromLine ?? 0)) continue;
    const entry = readLine(line, (text) => exportedEntryOf(text, fields));
    importer.share = Math.min(1, line.endByte / Math.max(1, sizeBytes));
    await importer.take(entry, number);
  }
  const refused = await importer.end();
  if (!isWhole)
    throw new HearsayError(
      'The file ends before its last line: it was cut off, and more entries may be missing.',
    );
  if (refused > 0)
    throw new HearsayError(
      `The cluster lacks ${countText(refused)} of the entries: it refused them.`,
    );
}

interface WaitingEntry {
  readonly entry: ExportedEntry;
  readonly ttlMs: number | null;
  readonly line: number;
}

class EntryImporter {
  /** The part of the file that was read, from 0 to 1. */
  share = 0;
  readonly #client: HearsayClient;
  readonly #isJson: boolean;
  readonly #isVerbose: boolean;
  readonly #output = new LineOutput();
  readonly #progress = new Progress('import');
  #waiting: WaitingEntry[] = [];
  #characters = 0;
  #stored = 0;
  readonly #skipped = new Map<string, Skipped>();

  constructor(client: HearsayClient, flags: ImportFlags) {
    this.#client = client;
    this.#isJson = flags.json === true;
    this.#isVerbose = flags.verbose === true;
  }

  async take(entry: ExportedEntry, line: number): Promise<void> {
    const ttlMs = entry.expiresAt === null ? null : entry.expiresAt - Date.now();
    if (ttlMs !== null && ttlMs <= 0) {
      await this.#skip(entry, 'expired', 'it has expired since');
      return;
    }
    const { key, value, meta } = entry;
    this.#waiting.push({ entry, line, ttlMs });
    this.#characters += key.length + value.length + (meta?.length ?? 0);
    if (this.#waiting.length >= BATCH_OPS || this.#characters >= BATCH_CHARACTERS)
      await this.#send();
  }

  /** @returns the number of entries that the cluster refused, and lacks. */
  async end(): Promise<number> {
    await this.#send();
    this.#progress.end();
    await this.#output.flush();
    this.#tellSkipped();
    const skipped = [...this.#skipped].map(([kind, { count }]) => `${countText(count)} ${kind}`);
    note(
      `${countText(this.#stored)} entries stored, ${skipped.length === 0 ? 'none' : skipped.join(', ')} skipped.`,
    );
    return this.#skipped.get('refused')?.count ?? 0;
  }

  async #send(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#characters = 0;
    // Calls of one turn share one request.
    const outcomes = await Promise.allSettled(waiting.map((one) => this.#put(one)));
    for (const [index, outcome] of outcomes.entries()) {
      const one = waiting[index];
      if (one === undefined) continue;
      if (outcome.status === 'fulfilled') await this.#tellStored(one.entry);
      else await this.#settle(one, outcome.reason);
    }
    this.#progress.show(this.#stored, 'entries', this.share);
  }

  async #put({ entry, ttlMs }: WaitingEntry): Promise<Stored> {
    const { key, version, value, meta } = entry;
    return this.#client.put(key, new JsonText(value, meta), { version, ttlMs });
  }

  async #tellStored({ key, version }: ExportedEntry): Promise<void> {
    this.#stored++;
    if (this.#isJson) await this.#output.line(JSON.stringify({ key, version, status: 'stored' }));
  }

  /** @throws HearsayError for every failure that is not about the entry alone. */
  async #settle({ entry, line }: WaitingEntry, error: unknown): Promise<void> {
    if (error instanceof ConflictError || error instanceof UnknownOutcomeError)
      await this.#skip(entry, 'conflicting', `the cluster holds version ${error.currentVersion}`);
    else if (error instanceof InvalidRequestError && !isTokenRefused(error.status))
      await this.#skip(entry, 'refused', error.message.replace(/\.$/, ''));
    else {
      this.#progress.end();
      const reason = withTokenAdvice(error instanceof Error ? error.message : String(error));
      throw new HearsayError(`${reason} Go on with --from-line ${line}.`, { cause: error });
    }
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

  /** With --json and --verbose each skipped entry has been named already. */
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
