/**
 * A setting consists of a schema that takes text, and of a row that describes it to people.
 *
 * Invariants: flag, environment and default are all text and pass the same schema. A flag beats the
 * environment, which beats the default. A variable that is set but empty counts as not set, because
 * compose files pass on a missing variable as an empty one.
 */

import { z } from 'zod';
import { SettingError } from '../words/errors.ts';
import { present } from '../words/invariant.ts';
import { UNITS_BYTES } from '../words/size.ts';
import { UNITS_MS } from '../words/time.ts';
import { inUnits, type Units } from '../words/units.ts';
import { baseUrlOf } from './baseUrl.ts';
import { nearestName } from './nearestName.ts';

export interface SettingRow {
  /** As a person would write it; null if the setting has no default value. */
  readonly default: string | null;
  /** Stands for the value in help: `--join-timeout <duration>`. */
  readonly placeholder: string;
  /** Completes "must be …". */
  readonly allowed: string;
  /** For a list that a program gives: completes "must be an array of …". */
  readonly allowedEach?: string;
  /** Either it holds or not: its flag needs no value, and a program gives a boolean. */
  readonly isSwitch?: true;
  /** For a number: the values that a program may give. */
  readonly range?: NumberRange;
  /** Its meaning, as a phrase, for the help and docs/settings.md. */
  readonly help: string;
  /** For a limit: the metric that shows how near it is, or how often it was reached. */
  readonly metric?: string;
  /** Its value never appears in a message. */
  readonly isSecret?: true;
  /** False if only a flag sets it. */
  readonly hasEnvironment?: false;
}

export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** The unit of the number that a program gives; empty for a mere count. */
  readonly unit: '' | 'milliseconds' | 'bytes';
}

export interface Setting extends SettingRow {
  /** As in the parsed settings: `joinTimeoutMs`. */
  readonly name: string;
  /** `--join-timeout` */
  readonly flag: string;
  /** `JOIN_TIMEOUT`, or null if only the flag sets it. */
  readonly environment: string | null;
}

export type SettingShape = Readonly<Record<string, z.ZodType>>;

/** Settings that belong together. */
export interface SettingGroup {
  readonly title: string;
  readonly shape: SettingShape;
}

/** Text by a setting's name; undefined if the flag was not given. */
export type Flags = Readonly<Record<string, string | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** A row for a kind that brings its own placeholder and its own words for the allowed values. */
type OwnRow = Omit<SettingRow, 'allowed' | 'placeholder' | 'range'>;

const LONGEST_SHOWN = 60;

const rows = z.registry<SettingRow>();

/**
 * Reads one table of settings.
 *
 * @throws SettingError for the first wrong value, in one sentence.
 */
export function readShape<S extends SettingShape>(
  shape: S,
  flags: Flags,
  environment: Environment,
): z.output<z.ZodObject<S>> {
  return parseTexts(shape, (one) => {
    const text = textOf(one, flags, environment);
    return { text, refuse: () => sentenceOn(one, text) };
  });
}

/**
 * Reads a table of settings that a program gives: each a number, a text, or an array of texts.
 *
 * @param path stands before each name in a message.
 * @throws SettingError for the first wrong value, in one sentence.
 */
export function readGiven<S extends SettingShape>(
  shape: S,
  given: Readonly<Record<string, unknown>>,
  path: string,
): z.output<z.ZodObject<S>> {
  return parseTexts(shape, (one) => {
    const value = given[one.name];
    const refuse = () => givenSentenceOn(one, value, path);
    const text = value === undefined ? one.default : textOfGiven(one, value);
    if (text === undefined) throw new SettingError(refuse());
    return { text, refuse };
  });
}

/** @throws SettingError for an unknown name; its message suggests the nearest known name. */
export function refuseUnknown(given: object, known: readonly string[], path: string): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, known);
  const advice = near === null ? 'docs/settings.md has them all' : `the nearest is ${path}${near}`;
  throw new SettingError(`There is no setting ${path}${unknown}: ${advice}.`);
}

function parseTexts<S extends SettingShape>(
  shape: S,
  read: (one: Setting) => { text: string | null; refuse: () => string },
): z.output<z.ZodObject<S>> {
  const found = new Map(describeSettings(shape).map((one) => [one.name, read(one)]));
  const texts = [...found].map(([name, { text }]) => [name, text]);
  const parsed = z.object(shape).safeParse(Object.fromEntries(texts));
  if (parsed.success) return parsed.data;
  const wrong = found.get(String(parsed.error.issues[0]?.path[0]));
  if (wrong === undefined) throw parsed.error;
  throw new SettingError(wrong.refuse());
}

/** The rows of a table, in its order, with the names made from theirs. */
export function describeSettings(shape: SettingShape): Setting[] {
  return Object.entries(shape).map(([name, schema]) => {
    const row = rows.get(schema);
    if (row === undefined) throw new Error(`The setting ${name} has no row.`);
    // A duration is written with its unit, so its flag names none.
    const words = name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter}`);
    return {
      ...row,
      name,
      flag: `--${words.toLowerCase().replaceAll('_', '-')}`,
      environment: row.hasEnvironment === false ? null : words.toUpperCase(),
    };
  });
}

/** Ties a schema to its row. */
export function setting<S extends z.ZodType>(schema: S, row: SettingRow): S {
  rows.add(schema, row);
  return schema;
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number, row: Omit<SettingRow, 'allowed'>) {
  return setting(wholeNumber(least, most), { ...row, ...allowedWhole(least, most) });
}

/** A whole number from `least` to `most`, or null if none is given. */
export function wholeOrNone(least: number, most: number, row: Omit<OwnRow, 'default'>) {
  const given = { ...row, default: null, placeholder: 'port', ...allowedWhole(least, most) };
  return setting(wholeNumber(least, most).nullable(), given);
}

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= least && value <= most);

const allowedWhole = (least: number, most: number) => ({
  allowed: `a whole number from ${least} to ${most}`,
  range: { least, most, unit: '' } as const,
});

/** Off unless it is named. */
export function onOff(row: Omit<OwnRow, 'default'>) {
  const schema = z.enum(['true', 'false']).transform((text) => text === 'true');
  const placeholder = 'true|false';
  const allowed = 'true or false';
  return setting(schema, { ...row, default: 'false', placeholder, allowed, isSwitch: true });
}

/** One of a few words. */
export function choice<const W extends readonly string[]>(words: W, row: OwnRow) {
  const allowed = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  const isLong = words.length > 3;
  return setting(z.enum(words), {
    ...row,
    placeholder: isLong ? 'word' : words.join('|'),
    allowed,
    help: isLong ? `${row.help}: ${allowed}` : row.help,
  });
}

/** A length of time, in milliseconds once read; the bounds are written as a person would. */
export function duration(least: string, most: string, row: OwnRow) {
  const allowed = `a duration from ${least} to ${most}, such as 250ms, 10s, 1m or 24h`;
  const schema = measured(least, most, UNITS_MS);
  const range = rangeOf(least, most, UNITS_MS, 'milliseconds');
  return setting(schema, { ...row, placeholder: 'duration', allowed, range });
}

/** A number of bytes; the bounds are written as a person would. */
export function size(least: string, most: string, row: OwnRow) {
  const allowed = `a size from ${least} to ${most}, in bytes or such as 64KiB or 1MiB`;
  const schema = measured(least, most, UNITS_BYTES);
  const range = rangeOf(least, most, UNITS_BYTES, 'bytes');
  return setting(schema, { ...row, placeholder: 'size', allowed, range });
}

/** A number of bytes, or null if none is given. */
export function sizeOrNone(least: string, most: string, row: OwnRow) {
  const allowed = `a size from ${least} to ${most}, in bytes or such as 512MiB or 4GiB`;
  const schema = measured(least, most, UNITS_BYTES).nullable();
  const range = rangeOf(least, most, UNITS_BYTES, 'bytes');
  return setting(schema, { ...row, placeholder: 'size', allowed, range });
}

/** As a person would write it: 1MiB. */
export function sizeText(sizeBytes: number): string {
  const [unit, unitBytes] = present(
    Object.entries(UNITS_BYTES).findLast(([, bytes]) => sizeBytes % bytes === 0),
    'the unit of single bytes',
  );
  return `${sizeBytes / unitBytes}${unit}`;
}

/** Scheme, host and port of one node, so that two ways to write its URL are one. */
export function baseUrl() {
  return z.string().transform(toBaseUrl);
}

/** The base URLs of several nodes, each once. */
export function baseUrls() {
  return z.string().transform((text, context): readonly string[] => {
    const parts = text.split(',').filter((part) => part.trim() !== '');
    return [...new Set(parts.map((part) => toBaseUrl(part, context)))];
  });
}

function toBaseUrl(text: string, context: z.core.$RefinementCtx): string {
  const url = baseUrlOf(text);
  if (url !== null) return url;
  context.addIssue('not a base URL');
  return z.NEVER;
}

function measured(least: string, most: string, units: Units) {
  const [leastValue, mostValue] = [inUnits(least, units), inUnits(most, units)];
  return z
    .string()
    .transform((text) => inUnits(text, units))
    .refine((value) => value >= leastValue && value <= mostValue);
}

const rangeOf = (
  least: string,
  most: string,
  units: Units,
  unit: NumberRange['unit'],
): NumberRange => ({ least: inUnits(least, units), most: inUnits(most, units), unit });

function textOf(one: Setting, flags: Flags, environment: Environment): string | null {
  const variable = one.environment === null ? undefined : environment[one.environment];
  return flags[one.name] ?? (variable === '' ? undefined : variable) ?? one.default;
}

/** @returns the value as a person would have written it; undefined where its type is wrong. */
function textOfGiven({ range, allowedEach, isSwitch, default: none }: Setting, value: unknown) {
  if (value === null && none === null) return null;
  if (isSwitch) return typeof value === 'boolean' ? String(value) : undefined;
  if (range !== undefined) {
    if (!Number.isSafeInteger(value)) return undefined;
    return `${value}${range.unit === 'milliseconds' ? 'ms' : ''}`;
  }
  if (allowedEach === undefined) return typeof value === 'string' ? value : undefined;
  // A comma within an item would make two items of it.
  const isEach = (item: unknown) =>
    typeof item === 'string' && item.trim() !== '' && !item.includes(',');
  return Array.isArray(value) && value.every(isEach) ? value.join(',') : undefined;
}

function sentenceOn({ flag, environment, allowed, isSecret }: Setting, text: string | null) {
  const names = environment === null ? flag : `${flag} (${environment})`;
  if (isSecret || text === null) return `${names} must be ${allowed}.`;
  return `${names} must be ${allowed}, not ${JSON.stringify(shown(text))}.`;
}

function givenSentenceOn(one: Setting, value: unknown, path: string): string {
  const must = `${path}${one.name} must be ${allowedGiven(one)}`;
  return one.isSecret ? `${must}.` : `${must}, not ${shown(typedText(value))}.`;
}

function allowedGiven({ allowed, allowedEach, range, default: none }: Setting): string {
  if (allowedEach !== undefined) return `an array of ${allowedEach}`;
  const orNull = none === null ? ', or null' : '';
  if (range === undefined) return `${allowed}${orNull}`;
  const unit = range.unit === '' ? '' : ` of ${range.unit}`;
  return `a whole number${unit} from ${range.least} to ${range.most}${orNull}`;
}

/** The value as JSON, so that the text "8000" differs from the number. */
function typedText(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return `a ${typeof value}`;
  }
}

function shown(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
