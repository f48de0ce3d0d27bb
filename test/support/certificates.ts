/** Certificates for tests, in files of a directory that goes with the test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issue, newAuthority, type Wanted } from '../../src/cli/tls/issue.ts';
import type { KeyPair } from '../../src/net/certificates.ts';
import { temporaryDirectory } from './processes.ts';

const DAY_MS = 24 * 3_600_000;
const LOCAL_NAMES: readonly string[] = ['localhost', '127.0.0.1'];

export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

export class TestAuthority {
  readonly pair: KeyPair;
  /** The file of its certificate. */
  readonly file: string;
  readonly #directory: string;

  constructor(directory: string, pair: KeyPair) {
    this.pair = pair;
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    this.file = join(directory, 'ca.crt');
    writeFileSync(this.file, pair.cert);
  }

  /** A certificate of this authority, for a day and for names of this machine. */
  issue(wanted: Partial<Wanted> = {}): Promise<KeyPair> {
    const fromMs = Date.now() - DAY_MS;
    return issue(this.pair, {
      commonName: 'test',
      names: LOCAL_NAMES,
      uses: ['server'],
      fromMs,
      toMs: Date.now() + DAY_MS,
      ...wanted,
    });
  }

  /** Writes a new certificate and its key, or those given. */
  async write(name: string, wanted: Partial<Wanted> | KeyPair = {}): Promise<PairFiles> {
    const pair = 'cert' in wanted ? wanted : await this.issue(wanted);
    const files = {
      cert: join(this.#directory, `${name}.crt`),
      key: join(this.#directory, `${name}.key`),
    };
    writeFileSync(files.key, pair.key, { mode: 0o600 });
    writeFileSync(files.cert, pair.cert);
    return files;
  }
}

export interface TestAuthorities extends AsyncDisposable {
  readonly directory: string;
  readonly authority: TestAuthority;
  /** Nobody trusts it. */
  readonly stranger: TestAuthority;
}

export async function testAuthorities(): Promise<TestAuthorities> {
  const directory = await temporaryDirectory();
  const made = async (name: string): Promise<TestAuthority> => {
    const validity = { fromMs: Date.now() - DAY_MS, toMs: Date.now() + DAY_MS };
    const pair = await newAuthority(`authority ${name}`, validity);
    return new TestAuthority(join(directory.path, name), pair);
  };
  return {
    directory: directory.path,
    authority: await made('own'),
    stranger: await made('stranger'),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
