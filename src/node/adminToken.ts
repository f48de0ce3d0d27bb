/**
 * The token for the scope `admin` of a node that has no file of tokens. The node makes it anew at each
 * start, and puts it in its data directory, where only its user can read it. Its id has the node's port,
 * so that a command shows it to no other server.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { idOfSecret, makeSecret, SECRET_BYTES } from '../access/secret.ts';
import { OWN_FILE_MODE } from '../log/sqlite/ownFile.ts';
import { isLoopback } from './loopback.ts';

export const ADMIN_TOKEN_FILE = 'admin-token';

const idAt = (url: string): string => `admin-${portOf(new URL(url))}`;

export const newAdminToken = (url: string): string =>
  makeSecret(idAt(url), randomBytes(SECRET_BYTES));

/** @throws the errors of the file system. */
export function writeAdminToken(dataDir: string, token: string): void {
  const file = join(dataDir, ADMIN_TOKEN_FILE);
  const made = `${file}.${process.pid}`;
  try {
    writeFileSync(made, `${token}\n`, { mode: OWN_FILE_MODE });
    renameSync(made, file);
  } finally {
    rmSync(made, { force: true });
  }
}

export const dropAdminToken = (dataDir: string): void =>
  rmSync(join(dataDir, ADMIN_TOKEN_FILE), { force: true });

/**
 * The token of the node at a URL of this machine, from its data directory, or from one directly below a
 * common directory of several nodes.
 *
 * @returns null if there is none that this user may read.
 */
export function findAdminToken(url: string, dataDir: string): string | null {
  const { hostname } = new URL(url);
  if (!isLoopback(hostname.replace(/^\[|\]$/g, ''))) return null;
  const id = idAt(url);
  for (const directory of [dataDir, ...directoriesIn(dataDir)]) {
    const token = textIn(join(directory, ADMIN_TOKEN_FILE)).trim();
    if (idOfSecret(token) === id) return token;
  }
  return null;
}

function directoriesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name));
  } catch {
    return [];
  }
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');
