/**
 * The audit log of a process: who did what to whom, and how it ended, as a chain of lines
 * (`access/auditChain.ts`) in files that only their owner may read.
 *
 * Invariant: a line is in the file before the call returns, so that no answer tells of an action that the log
 * lacks. A log that can't be written fails the call, not silently.
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Problem } from '../http/problem.ts';
import {
  type AuditRecord,
  type ChainEnd,
  type ChainFault,
  chainLine,
  type Head,
  NO_LINES,
  readLine,
  verifyChain,
} from './auditChain.ts';

export interface AuditLimits {
  /** A longer file is put aside, in bytes. */
  readonly maxFileBytes: number;
  /** Files that are kept, the present one included; the oldest goes. */
  readonly maxFiles: number;
}

export const AUDIT_LIMITS: AuditLimits = { maxFileBytes: 4 * 1024 * 1024, maxFiles: 8 };

/** Gets each audited action. */
export interface Audit {
  /** @throws Error if it can't be stored. */
  write(record: AuditRecord): void;
}

/** For tests, and for processes that do nothing of the kind. */
export const NO_AUDIT: Audit = { write: () => {} };

/** Writes one line about an action once it is done, refused by a Problem, or has failed. */
export async function audited<T>(
  audit: Audit,
  record: Omit<AuditRecord, 'result' | 'reason'>,
  action: () => Promise<T> | T,
): Promise<T> {
  let answer: T;
  try {
    answer = await action();
  } catch (error) {
    const isRefused = error instanceof Problem;
    const reason = isRefused ? error.reason : 'error';
    audit.write({ ...record, result: isRefused ? 'refused' : 'failed', reason });
    throw error;
  }
  audit.write({ ...record, result: 'done' });
  return answer;
}

const PRESENT = 'audit.jsonl';
const HEAD = 'audit.head.json';
const ASIDE = /^audit\.(\d+)\.jsonl$/;

const headSchema = z.object({
  seq: z.int().min(0),
  hash: z.string(),
  oldest: z.int().min(1),
}) satisfies z.ZodType<Head>;

export class AuditLog implements Audit {
  readonly #directory: string;
  readonly #limits: AuditLimits;
  readonly #now: () => number;
  #end: ChainEnd;
  #oldest: number;
  #bytes: number;
  #lines = 0;

  /**
   * @param directory of the process alone.
   * @param now UTC milliseconds.
   */
  constructor(directory: string, now: () => number, limits: AuditLimits = AUDIT_LIMITS) {
    this.#directory = directory;
    this.#limits = limits;
    this.#now = now;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { lines, head } = readAudit(directory);
    const last = lines.map(readLine).findLast((line) => line !== null);
    const end = last === undefined || last === null ? NO_LINES : last;
    // Lines that are gone leave a gap: the chain goes on behind the last one that there was.
    this.#end = head !== null && head.seq > end.seq ? head : { seq: end.seq, hash: end.hash };
    this.#oldest = head?.oldest ?? 1;
    const path = join(directory, PRESENT);
    this.#bytes = existsSync(path) ? statSync(path).size : 0;
    if (this.#bytes > 0 && !readFileSync(path, 'utf8').endsWith('\n')) this.#append('\n');
  }

  /** Lines that this process has written. */
  get lines(): number {
    return this.#lines;
  }

  write(record: AuditRecord): void {
    if (this.#bytes >= this.#limits.maxFileBytes) this.#putAside();
    const { line, end } = chainLine(this.#end, record, this.#now());
    this.#append(`${line}\n`);
    this.#end = end;
    this.#lines += 1;
    const head: Head = { ...end, oldest: this.#oldest };
    const path = join(this.#directory, HEAD);
    writeFileSync(`${path}.new`, JSON.stringify(head), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #append(text: string): void {
    appendFileSync(join(this.#directory, PRESENT), text, { mode: 0o600 });
    this.#bytes += Buffer.byteLength(text);
  }

  #putAside(): void {
    const numbers = asideNumbers(this.#directory);
    const next = (numbers.at(-1) ?? 0) + 1;
    renameSync(join(this.#directory, PRESENT), asideFile(this.#directory, next));
    this.#bytes = 0;
    const kept = [...numbers, next].slice(-(this.#limits.maxFiles - 1));
    const dropped = [...numbers, next].filter((number) => !kept.includes(number));
    if (dropped.length === 0) return;
    const [oldest = next] = kept;
    const [first = ''] = linesOf(asideFile(this.#directory, oldest));
    this.#oldest = readLine(first)?.seq ?? this.#oldest;
    for (const number of dropped) rmSync(asideFile(this.#directory, number));
  }
}

export interface ReadAudit {
  /** The oldest first. */
  readonly lines: readonly string[];
  readonly head: Head | null;
}

export function readAudit(directory: string): ReadAudit {
  const files = [
    ...asideNumbers(directory).map((number) => asideFile(directory, number)),
    join(directory, PRESENT),
  ];
  return { lines: files.flatMap(linesOf), head: headOf(join(directory, HEAD)) };
}

/** @returns what is wrong with the audit log of a directory. */
export function verifyAudit(directory: string): ChainFault[] {
  const { lines, head } = readAudit(directory);
  return verifyChain(lines, head);
}

/** @returns the directories below, this one included, that hold an audit log. */
export function auditDirectories(directory: string, depth = 3): string[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  const isOne = entries.some(({ name }) => name === PRESENT || name === HEAD);
  const below = entries
    .filter((entry) => entry.isDirectory() && depth > 0)
    .flatMap(({ name }) => auditDirectories(join(directory, name), depth - 1));
  return isOne ? [directory, ...below] : below;
}

const asideFile = (directory: string, number: number): string =>
  join(directory, `audit.${number}.jsonl`);

const asideNumbers = (directory: string): number[] =>
  readdirSync(directory)
    .flatMap((name) => ASIDE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);

const linesOf = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

function headOf(file: string): Head | null {
  try {
    return headSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}
