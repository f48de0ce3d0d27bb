/** The options of `getOrSet`, with their defaults and ranges. */
import { InvalidRequestError } from '../errors.ts';
import { checkNames } from '../knownNames.ts';
import { whole } from '../options.ts';
import { checkedTags } from '../tags/tagEntries.ts';

export interface GetOrSetOptions {
  /** How long a value is fresh at most: 1 to 10^13 milliseconds; null, the default: until it is replaced. */
  readonly ttlMs?: number | null;
  /**
   * How long a value is kept beyond that: it is then given at once, while a new one is loaded. 0, the
   * default, to 10^13 milliseconds.
   */
  readonly staleMs?: number;
  /** How long it is remembered that `load` gave undefined: 1 to 10^13 milliseconds. Default: not at all. */
  readonly absentTtlMs?: number;
  /** The most of the time to live that is left out at random: 0 to 1, default 0.1. */
  readonly jitter?: number;
  /** How early a fresh value is loaded anew, at random: 0 never, 1, the default, to 10 earlier. */
  readonly earlyRefresh?: number;
  /** `invalidateTag` of one of them makes the value stale or absent. At most 64. */
  readonly tags?: readonly string[];
  /**
   * Whether of several processes one loads, and the others wait for its value: best effort. Default
   * false; true takes the defaults of `LockOptions`.
   */
  readonly lock?: boolean | LockOptions;
  /** A token, or several separated by commas: the read sees those writes, whichever node answers it. */
  readonly after?: string | null;
  /** Ends this call; a load that others wait for goes on. */
  readonly signal?: AbortSignal;
  /**
   * Told of errors that do not fail the call: those of nodes, and those of a load in the background.
   * Default: nobody is.
   */
  readonly onError?: (error: unknown) => void;
}

export interface LockOptions {
  /** The longest time that a load takes: 1 to 86,400,000 milliseconds, default 10,000. Another process may load then. */
  readonly leaseMs?: number;
  /** The longest wait for the value of another process: 0 to 86,400,000 milliseconds, default 5,000. */
  readonly waitMs?: number;
}

export interface CheckedLock {
  readonly leaseMs: number;
  readonly waitMs: number;
}

export interface CheckedGetOrSet {
  readonly ttlMs: number | null;
  readonly staleMs: number;
  readonly absentTtlMs: number | null;
  readonly jitter: number;
  readonly earlyRefresh: number;
  readonly tags: readonly string[];
  readonly lock: CheckedLock | null;
  readonly after: string | null;
  readonly signal: AbortSignal | undefined;
  readonly onError: (error: unknown) => void;
}

const NAMES: ReadonlySet<string> = new Set<keyof GetOrSetOptions>([
  'ttlMs',
  'staleMs',
  'absentTtlMs',
  'jitter',
  'earlyRefresh',
  'tags',
  'lock',
  'after',
  'signal',
  'onError',
]);
const LOCK_NAMES: ReadonlySet<string> = new Set<keyof LockOptions>(['leaseMs', 'waitMs']);
const MAX_TTL_MS = 10 ** 13;
const DAY_MS = 24 * 3_600_000;

/** @throws InvalidRequestError that names the option. */
export function checkedGetOrSet(options: GetOrSetOptions): CheckedGetOrSet {
  checkNames('getOrSet', options, NAMES);
  const { ttlMs = null, staleMs = 0, absentTtlMs = null, after = null } = options;
  if (ttlMs !== null) whole('ttlMs', ttlMs, 1, MAX_TTL_MS);
  if (absentTtlMs !== null) whole('absentTtlMs', absentTtlMs, 1, MAX_TTL_MS);
  return {
    ttlMs,
    staleMs: whole('staleMs', staleMs, 0, MAX_TTL_MS),
    absentTtlMs,
    jitter: within('jitter', options.jitter ?? 0.1, 1),
    earlyRefresh: within('earlyRefresh', options.earlyRefresh ?? 1, 10),
    tags: checkedTags(options.tags ?? []),
    lock: checkedLock(options.lock ?? false),
    after,
    signal: options.signal,
    onError: options.onError ?? (() => {}),
  };
}

function checkedLock(lock: boolean | LockOptions): CheckedLock | null {
  if (lock === false) return null;
  const given = lock === true ? {} : lock;
  checkNames('lock', given, LOCK_NAMES);
  return {
    leaseMs: whole('leaseMs', given.leaseMs ?? 10_000, 1, DAY_MS),
    waitMs: whole('waitMs', given.waitMs ?? 5000, 0, DAY_MS),
  };
}

function within(name: string, value: number, most: number): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw new InvalidRequestError(`${name} must be a number from 0 to ${most}.`);
}
