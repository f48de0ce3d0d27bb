/** One real node in this process that asks for tokens, with its file of tokens in a directory of its own. */
import { join } from 'node:path';
import type { AuthFile, TokenRow } from '../../../src/access/authFile.ts';
import type { Scope } from '../../../src/access/scopes.ts';
import { hashText, makeSecret } from '../../../src/access/secret.ts';
import { writeAuthFile } from '../../../src/node/authFiles.ts';
import type { GivenSettings } from '../../../src/node/nodeSettings.ts';
import { completeSettings } from '../../../src/node/settings.ts';
import { type RunningNode, startNode } from '../../../src/node/startNode.ts';
import { temporaryDirectory, waitFor } from '../../support/processes.ts';

export const CLUSTER_TOKEN = 'the-token-of-the-cluster';

export interface MadeToken {
  readonly row: TokenRow;
  readonly token: string;
}

let made = 0;

export function makeToken(
  scopes: readonly Scope[],
  prefix: string | null = null,
  more: Partial<TokenRow> = {},
): MadeToken {
  const id = `t${++made}`;
  const token = makeSecret(id, crypto.getRandomValues(new Uint8Array(32)));
  const prefixes = prefix === null ? {} : { prefixes: [prefix] };
  return { token, row: { id, hash: hashText(token), scopes: [...scopes], ...prefixes, ...more } };
}

export const bearer = (token: string | null): Record<string, string> =>
  token === null ? {} : { Authorization: `Bearer ${token}` };

export interface GuardedNode extends AsyncDisposable {
  readonly node: RunningNode;
  readonly url: string;
  readonly file: string;
  readonly dataDir: string;
  /** Lines of its log. */
  readonly lines: readonly string[];
  /** Replaces the file; the node reads it when it looks, or at `node.reload()`. */
  write(made: readonly MadeToken[], anonymous?: AuthFile['anonymous']): void;
  metric(name: string): Promise<number>;
}

/** @param made null: there is no file. */
export async function guardedNode(
  made: readonly MadeToken[] | null,
  settings: GivenSettings = {},
): Promise<GuardedNode> {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'tokens.json');
  const dataDir = join(directory.path, 'data');
  const write: GuardedNode['write'] = (tokens, anonymous) =>
    writeAuthFile(file, {
      version: 1,
      tokens: tokens.map(({ row }) => row),
      ...(anonymous && { anonymous }),
    });
  if (made !== null) write(made);
  const lines: string[] = [];
  const line = (text: string): void => {
    lines.push(text);
  };
  const node = await startNode(
    completeSettings({
      port: 0,
      dataDir,
      internalToken: CLUSTER_TOKEN,
      authFile: made === null ? null : file,
      ...settings,
    }),
    {
      logger: {
        info: line,
        warn: line,
        error: (details, text) => line(`${text} ${String(Reflect.get(details, 'err'))}`),
      },
    },
  );
  await waitFor(() => node.replica.readiness.isWritable, 10_000, 'the node may be written');
  const metric = async (name: string): Promise<number> => {
    const value = (await node.metrics())
      .split('\n')
      .find((one) => one.startsWith(`${name} `))
      ?.split(' ')
      .at(-1);
    return Number(value);
  };
  return {
    node,
    url: node.url,
    file,
    dataDir,
    lines,
    write,
    metric,
    [Symbol.asyncDispose]: async () => {
      await node.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}
