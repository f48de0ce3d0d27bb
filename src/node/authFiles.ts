/**
 * The file of tokens on disk.
 *
 * Invariant: only its owner may read or write it, for who may write it decides who may do what.
 */

import {
  chownSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AuthFile, AuthFileError, formatAuthFile, parseAuthFile } from '../access/authFile.ts';
import { OWN_FILE_MODE } from '../log/sqlite/ownFile.ts';
import { SettingError } from '../words/errors.ts';
import { fileFailure } from '../words/fileFailure.ts';
import { MIB } from '../words/size.ts';

const MAX_FILE_BYTES = 16 * MIB;
const OTHERS = 0o077;

/** @throws SettingError with one sentence that names the file and its fault. */
export function readAuthFile(path: string): AuthFile {
  try {
    return parseAuthFile(textOf(path));
  } catch (error) {
    if (error instanceof AuthFileError)
      throw new SettingError(`The file of tokens ${path} can't be used (${error.message}).`);
    throw error;
  }
}

/**
 * Replaces the file in one step, so that no node reads half of it. The file keeps its owner: a node that runs as
 * another user could not read what `root` has written.
 */
export function writeAuthFile(path: string, file: AuthFile): void {
  const made = `${path}.${process.pid}`;
  try {
    writeFileSync(made, formatAuthFile(file), { mode: OWN_FILE_MODE });
    const replaced = statSync(path, { throwIfNoEntry: false });
    if (replaced !== undefined && replaced.uid !== statSync(made).uid)
      chownSync(made, replaced.uid, replaced.gid);
    renameSync(made, path);
  } finally {
    rmSync(made, { force: true });
  }
}

/** Differs after each change of the file; empty if there is none. */
export function stampOf(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return '';
  const { mtimeMs, ctimeMs, size, ino } = status;
  return [mtimeMs, ctimeMs, size, ino].join();
}

function textOf(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new SettingError(`The file of tokens ${path} can't be read (${fileFailure(error)}).`, {
      cause: error,
    });
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new SettingError(`The file of tokens ${path} is no file.`);
    if (process.platform !== 'win32' && (status.mode & OTHERS) !== 0)
      throw new SettingError(
        `The file of tokens ${path} is open to other users: take their rights by chmod 600.`,
      );
    if (status.size > MAX_FILE_BYTES)
      throw new SettingError(`The file of tokens ${path} is longer than 16 MiB.`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
