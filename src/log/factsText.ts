/**
 * The facts of a header by name, as text, for the file and for an export. Names and texts that this
 * version does not know are kept unchanged for the version that knows them.
 */
import { formatHash, parseHash } from '../words/hash.ts';
import {
  type FactChanges,
  type GivenUp,
  type HeaderFacts,
  NO_FACTS,
  type ReachedStable,
  type RecordedMapSum,
  type SeqRange,
} from '../words/row.ts';

/** One fact as text. */
interface FactText<T> {
  readonly name: string;
  readonly textOf: (value: T) => string;
  /** @returns undefined if the text is no such fact. */
  readonly parse: (text: string) => T | undefined;
}

type Known = Omit<HeaderFacts, 'others'>;

const flag = (name: string): FactText<boolean> => ({
  name,
  textOf: (value) => (value ? 'yes' : 'no'),
  parse: (text) => (text === 'yes' ? true : text === 'no' ? false : undefined),
});

const time = (name: string): FactText<number> => ({
  name,
  textOf: String,
  parse: (text) => {
    const atMs = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(atMs) ? atMs : undefined;
  },
});

const text = (name: string): FactText<string> => ({
  name,
  textOf: (value) => value,
  parse: (value) => value,
});

const SNAPSHOT_TEXTS = { underWay: 'yes', taken: 'no' } as const;

/** The names of the file format: they stay, even if the members are renamed. */
const FACTS: { readonly [Name in keyof Known]: FactText<NonNullable<Known[Name]>> } = {
  joined: flag('joined'),
  formedAtMs: time('formedAt'),
  admittedBy: text('admittedBy'),
  owesOrigin: flag('renewOrigin'),
  snapshot: {
    name: 'snapshotUnderWay',
    textOf: (value) => SNAPSHOT_TEXTS[value],
    parse: (value) => (value === 'yes' ? 'underWay' : value === 'no' ? 'taken' : undefined),
  },
  cutAtMs: time('cutAt'),
  mapSum: { name: 'mapSum', textOf: mapSumText, parse: parseMapSum },
  reached: { name: 'stableReached', textOf: reachedText, parse: parseReached },
  givenUp: { name: 'givenUp', textOf: givenUpText, parse: parseGivenUp },
  offered: { name: 'offered', textOf: (range) => rangeText(range), parse: parseRange },
  settledLog: text('settledLog'),
  importOf: text('importOf'),
};

/** The changes as pairs of name and text. */
export function factTexts({ others, ...known }: FactChanges): [name: string, text: string][] {
  const pairs = Object.entries(others ?? {});
  const put = <T>({ name, textOf }: FactText<T>, value: T | undefined): void => {
    if (value !== undefined) pairs.push([name, textOf(value)]);
  };
  put(FACTS.joined, known.joined);
  put(FACTS.formedAtMs, known.formedAtMs);
  put(FACTS.admittedBy, known.admittedBy);
  put(FACTS.owesOrigin, known.owesOrigin);
  put(FACTS.snapshot, known.snapshot);
  put(FACTS.cutAtMs, known.cutAtMs);
  put(FACTS.mapSum, known.mapSum);
  put(FACTS.reached, known.reached);
  put(FACTS.givenUp, known.givenUp);
  put(FACTS.offered, known.offered);
  put(FACTS.settledLog, known.settledLog);
  put(FACTS.importOf, known.importOf);
  return pairs;
}

/** All facts of a header, in the order of their names. */
export function allFactTexts(facts: HeaderFacts): [name: string, text: string][] {
  const told = Object.entries(facts).filter(([, value]) => value !== null && value !== false);
  return factTexts(Object.fromEntries(told)).sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * @param fault makes the error for a fact with a wrong text.
 * @throws the error that `fault` makes.
 */
export function parseFacts(
  pairs: Iterable<readonly [name: string, text: string]>,
  fault: (name: string) => Error,
): HeaderFacts {
  const texts = new Map(pairs);
  const take = <T>({ name, parse }: FactText<T>): T | undefined => {
    const found = texts.get(name);
    if (found === undefined) return undefined;
    texts.delete(name);
    const value = parse(found);
    if (value === undefined) throw fault(name);
    return value;
  };
  return {
    joined: take(FACTS.joined) ?? NO_FACTS.joined,
    formedAtMs: take(FACTS.formedAtMs) ?? null,
    admittedBy: take(FACTS.admittedBy) ?? null,
    owesOrigin: take(FACTS.owesOrigin) ?? NO_FACTS.owesOrigin,
    snapshot: take(FACTS.snapshot) ?? null,
    cutAtMs: take(FACTS.cutAtMs) ?? null,
    mapSum: take(FACTS.mapSum) ?? null,
    reached: take(FACTS.reached) ?? null,
    givenUp: take(FACTS.givenUp) ?? null,
    offered: take(FACTS.offered) ?? null,
    settledLog: take(FACTS.settledLog) ?? null,
    importOf: take(FACTS.importOf) ?? null,
    // Built from entries, so that `__proto__` is a name like any other.
    others: Object.fromEntries(texts),
  };
}

function mapSumText({ lsn, asOf, sum }: RecordedMapSum): string {
  return `${lsn} ${asOf} ${formatHash(sum)}`;
}

function parseMapSum(value: string): RecordedMapSum | undefined {
  const [, lsn, asOf, digits] = /^(\d{1,16}) (\d{1,16}) (\S+)$/.exec(value) ?? [];
  const sum = digits === undefined ? undefined : parseHash(digits);
  return sum === undefined ? undefined : { lsn: Number(lsn), asOf: Number(asOf), sum };
}

function givenUpText({ state, openedAtSeq, hadOthers }: GivenUp): string {
  return `${state} ${openedAtSeq} ${hadOthers ? 'others' : 'alone'}`;
}

function parseGivenUp(value: string): GivenUp | undefined {
  const [, state, seq, others] = /^(\w+) (\d{1,16}) (others|alone)$/.exec(value) ?? [];
  if (state !== 'sound' && state !== 'forked' && state !== 'shared') return undefined;
  return { state, openedAtSeq: Number(seq), hadOthers: others === 'others' };
}

/** One line for each change: its clock, then each origin and seq. */
function reachedText(reached: readonly ReachedStable[]): string {
  return reached.map(({ vector, clock }) => [clock, ...[...vector].flat()].join(' ')).join('\n');
}

function parseReached(value: string): ReachedStable[] | undefined {
  if (value === '') return [];
  const reached: ReachedStable[] = [];
  for (const line of value.split('\n')) {
    if (!/^\d{1,16}( \S+ \d{1,16})*$/.test(line)) return undefined;
    const [clock, ...pairs] = line.split(' ');
    const vector = new Map<string, number>();
    for (let at = 0; at < pairs.length; at += 2) vector.set(pairs[at] ?? '', Number(pairs[at + 1]));
    reached.push({ vector, clock: Number(clock) });
  }
  return reached;
}

const rangeText = ({ origin, from, to }: SeqRange): string => `${from} ${to} ${origin}`;

function parseRange(value: string): SeqRange | undefined {
  const [, from, to, origin] = /^(\d{1,16}) (\d{1,16}) (\S+)$/.exec(value) ?? [];
  return origin === undefined ? undefined : { origin, from: Number(from), to: Number(to) };
}
