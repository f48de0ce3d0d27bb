/**
 * `hearsay.json`: the settings of a node as a file, by the names of their flags without the dashes.
 *
 * Invariant: a flag beats the environment, which beats the file, which beats the default.
 */
import { readFileSync, statSync } from 'node:fs';
import { Option } from 'commander';
import { z } from 'zod';
import { nearestName } from '../node/nearestName.ts';
import {
  describeSettings,
  type Environment,
  type Flags,
  type Setting,
  type SettingShape,
} from '../node/settingKinds.ts';
import { SettingError } from '../words/errors.ts';
import { fileFailure } from '../words/fileFailure.ts';

/** Read without being named, if it is in the working directory. */
export const DEFAULT_FILE = 'hearsay.json';
const VARIABLE = 'HEARSAY_CONFIG';
const OTHERS = 0o077;

/** The flags and the environment of a command, with those of a file below them. */
export interface Sources {
  readonly flags: Flags;
  readonly environment: Environment;
  /** The settings that count from the file, by their variables. */
  readonly ofFile: Environment;
}

export const configOption = (): Option =>
  new Option(
    '--config <file>',
    `file with settings (${VARIABLE}, default ${DEFAULT_FILE} if it is there)`,
  );

/**
 * @param path as `--config` names it; undefined if it does not.
 * @throws SettingError for a file that can't be read, is open to others though it holds a secret, or holds anything
 *   but settings.
 */
export function withConfigFile(
  shape: SettingShape,
  flags: Flags,
  environment: Environment,
  path: string | undefined,
): Sources {
  const named = path ?? (environment[VARIABLE] || undefined);
  const file = named ?? DEFAULT_FILE;
  const status = statSync(file, { throwIfNoEntry: false });
  if (named === undefined && status === undefined) return { flags, environment, ofFile: {} };
  const found = settingsIn(textOf(file), file, shape);
  const isOpen = process.platform !== 'win32' && ((status?.mode ?? 0) & OTHERS) !== 0;
  if (isOpen && [...found.keys()].some(({ isSecret }) => isSecret === true))
    throw new SettingError(
      `${file} holds a secret and is open to other users: take their rights by chmod 600.`,
    );
  return below(found, flags, environment);
}

/** Texts by setting. @throws SettingError for anything but settings of the shape. */
export function settingsIn(
  text: string,
  file: string,
  shape: SettingShape,
): ReadonlyMap<Setting, string> {
  const settings = describeSettings(shape);
  const byName = new Map(settings.map((one) => [one.flag.slice(2), one]));
  return new Map(
    Object.entries(objectIn(text, file)).map(([name, value]) => {
      const one = byName.get(name);
      if (one === undefined) throw unknownName(name, file, [...byName.keys()]);
      const written = asText(value);
      const schema = shape[one.name];
      if (written === null || schema?.safeParse(written).success !== true)
        throw wrongValue(one, name, value, file);
      return [one, written] as const;
    }),
  );
}

/** A token and its file are one setting under two names: whichever is set beats both in the file. */
const TOKENS = ['internalToken', 'internalTokenFile'] as const;

function below(
  found: ReadonlyMap<Setting, string>,
  flags: Flags,
  environment: Environment,
): Sources {
  const isSet = (name: string, variable: string | null): boolean =>
    flags[name] !== undefined || (variable !== null && (environment[variable] ?? '') !== '');
  const isTokenSet =
    isSet('internalToken', 'INTERNAL_TOKEN') || isSet('internalTokenFile', 'INTERNAL_TOKEN_FILE');
  const counting = [...found].filter(
    ([{ name, environment: variable }]) =>
      !isSet(name, variable) && !(isTokenSet && TOKENS.some((token) => token === name)),
  );
  const ofFile: Record<string, string> = {};
  const asFlags: Record<string, string> = {};
  for (const [{ name, environment: variable }, text] of counting)
    if (variable === null) asFlags[name] = text;
    else ofFile[variable] = text;
  return {
    flags: { ...asFlags, ...flags },
    environment: { ...environment, ...ofFile },
    ofFile,
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingError(`The file ${file} can't be read (${fileFailure(error)}).`, {
      cause: error,
    });
  }
}

const objectSchema = z.record(z.string(), z.unknown());

function objectIn(text: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingError(`${file} is no JSON: ${reason}.`, { cause: error });
  }
  const parsed = objectSchema.safeParse(value);
  if (parsed.success && !Array.isArray(value)) return parsed.data;
  throw new SettingError(`${file} must hold an object with settings by name, as {"port": 9000}.`);
}

/** As a person would write it; null for a value of another kind. */
function asText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isList ? value.join(',') : null;
}

function unknownName(name: string, file: string, known: readonly string[]): SettingError {
  const near = nearestName(name, known);
  const advice = near === null ? '`hearsay serve --help` has them all' : `the nearest is ${near}`;
  return new SettingError(`${file} has ${JSON.stringify(name)}, which is no setting: ${advice}.`);
}

function wrongValue(
  { allowed, isSecret }: Setting,
  name: string,
  value: unknown,
  file: string,
): SettingError {
  const shown = isSecret ? '' : `, not ${JSON.stringify(value)?.slice(0, 60)}`;
  return new SettingError(`${file}: ${name} must be ${allowed}${shown}.`);
}
