/**
 * The header in the table `meta`: one row for each fact, its value as JSON text, so that a person with
 * the sqlite3 shell can read it, and null differs from a missing fact.
 */

import { isCounter, isOrigin } from '../../words/opRules.ts';
import type { HeaderChanges, LogHeader } from '../../words/row.ts';
import { isCount } from '../../words/shape.ts';
import { factTexts, parseFacts } from '../factsText.ts';

/** Raised with every change that an older version could not read. */
export const SCHEMA_VERSION = 1;

export type MetaRow = readonly [name: string, value: string];

const FACT_PREFIX = 'fact.';

/** A fact of the header is missing or malformed. */
export class HeaderFault extends Error {
  constructor(name: string) {
    super(`the fact ${name} of its header is missing or unreadable`);
  }
}

/** The rows of `meta` for the given facts. */
export function metaRows(header: HeaderChanges): MetaRow[] {
  const rows: MetaRow[] = [];
  const put = (name: string, value: unknown): void => {
    if (value !== undefined) rows.push([name, JSON.stringify(value)]);
  };
  put('cluster_name', header.clusterName);
  put('cluster_id', header.clusterId);
  put('origin', header.origin);
  put('horizon', header.horizon);
  // As pairs and not as an object, whose members could not bear every name.
  put('stable', header.stable === undefined ? undefined : [...header.stable]);
  put('stable_clock', header.stableClock);
  for (const [name, text] of factTexts(header.facts ?? {})) put(FACT_PREFIX + name, text);
  return rows;
}

/** @throws HeaderFault if it is missing or no integer. */
export const schemaVersionOf = (meta: ReadonlyMap<string, string>): number =>
  integer(meta, 'schema_version');

/**
 * Whether a power cut may have taken back commits of the log's own origin, or still may. It is stored
 * before the first commit with durability=normal, and removed after the last or with a new origin.
 */
export const isUnsynced = (meta: ReadonlyMap<string, string>): boolean => {
  const value = parsed(meta, 'unsynced');
  if (typeof value !== 'boolean') throw new HeaderFault('unsynced');
  return value;
};

/** @throws HeaderFault if a fact is missing or malformed. */
export function parseHeader(meta: ReadonlyMap<string, string>): LogHeader {
  const clusterId = parsed(meta, 'cluster_id');
  if (clusterId !== null && typeof clusterId !== 'string') throw new HeaderFault('cluster_id');
  return {
    clusterName: clusterNameOf(meta),
    clusterId,
    origin: origin(meta),
    horizon: horizon(meta),
    stable: vector(meta, 'stable'),
    stableClock: integer(meta, 'stable_clock'),
    facts: parseFacts(factPairs(meta), (name) => new HeaderFault(FACT_PREFIX + name)),
  };
}

/** @throws HeaderFault if it is missing. */
export const clusterNameOf = (meta: ReadonlyMap<string, string>): string =>
  text(meta, 'cluster_name');

function parsed(meta: ReadonlyMap<string, string>, name: string): unknown {
  const value = meta.get(name);
  if (value === undefined) throw new HeaderFault(name);
  try {
    return JSON.parse(value);
  } catch {
    throw new HeaderFault(name);
  }
}

function text(meta: ReadonlyMap<string, string>, name: string): string {
  const value = parsed(meta, name);
  if (typeof value !== 'string') throw new HeaderFault(name);
  return value;
}

function integer(meta: ReadonlyMap<string, string>, name: string): number {
  const value = parsed(meta, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new HeaderFault(name);
  return value;
}

/** Checked because it becomes the name of a folder when the log is set aside. */
function origin(meta: ReadonlyMap<string, string>): string {
  const value = text(meta, 'origin');
  if (!isOrigin(value)) throw new HeaderFault('origin');
  return value;
}

/** Checked because new generations are no smaller, so that a wrong horizon would spread to all peers. */
function horizon(meta: ReadonlyMap<string, string>): number {
  const value = integer(meta, 'horizon');
  if (!isCounter(value)) throw new HeaderFault('horizon');
  return value;
}

function vector(meta: ReadonlyMap<string, string>, name: string): ReadonlyMap<string, number> {
  const value = parsed(meta, name);
  if (!Array.isArray(value)) throw new HeaderFault(name);
  const seqs = new Map<string, number>();
  for (const pair of value) {
    if (!Array.isArray(pair)) throw new HeaderFault(name);
    const [origin, seq]: unknown[] = pair;
    if (!isOrigin(origin) || !isCount(seq)) throw new HeaderFault(name);
    seqs.set(origin, seq);
  }
  return seqs;
}

const factPairs = (meta: ReadonlyMap<string, string>): [name: string, text: string][] =>
  [...meta.keys()]
    .filter((name) => name.startsWith(FACT_PREFIX))
    .map((name) => [name.slice(FACT_PREFIX.length), text(meta, name)]);
