/** An entry, as the program around an embedded node sees it. */
import { decodeValue } from '../client/values/values.ts';
import type { ReadValue } from '../store/readValues.ts';
import type { Put } from '../words/op.ts';
import { UndecodableValueError } from './errors.ts';

export { Bytes } from '../client/values/bytes.ts';

export interface Entry<T = unknown> {
  readonly key: string;
  /**
   * Each read makes the value anew, so that the caller may change it. The type `T` is not checked:
   * another program may have stored the value. Reading it throws UndecodableValueError if its
   * annotations can't be applied.
   */
  readonly value: T;
  readonly version: number;
  /** Null if the entry never expires. */
  readonly expiresAt: Date | null;
}

export function entryOf<T>(op: Put): Entry<T> {
  const { key, version } = op;
  const expiresAt = instantOf(op);
  try {
    const meta: unknown = op.meta === null ? null : JSON.parse(op.meta);
    const value = decodeValue(JSON.parse(op.value), meta);
    // The program asserts this type; nothing here can check it.
    return { key, value: value as T, version, expiresAt };
  } catch (error) {
    const refusal = new UndecodableValueError(messageOf(error), { cause: error });
    const get = (): never => {
      throw refusal;
    };
    const entry = { key, version, expiresAt };
    return Object.defineProperty(entry, 'value', { enumerable: true, get }) as Entry<T>;
  }
}

/** The entry with a value that was kept ready. */
export const knownEntry = <T>(key: string, known: ReadValue): Entry<T> => ({
  key,
  // The program asserts this type; nothing here can check it.
  value: known.value as T,
  version: known.version,
  expiresAt: instantOf(known),
});

export const instantOf = ({ expiresAt }: Pick<Put, 'expiresAt'>): Date | null =>
  expiresAt === null ? null : new Date(expiresAt);

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
