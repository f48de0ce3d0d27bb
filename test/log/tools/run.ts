/** Runs `hearsay` commands, as people and scripts do. */
import * as assert from 'uvu/assert';
import { runCommand } from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';

export const TOKEN = { INTERNAL_TOKEN: 'for-tests' };

export async function succeeds(
  ...words: readonly string[]
): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await runShared(words, TOKEN);
  assert.is(code, 0, `hearsay ${words.join(' ')}\n${stderr}`);
  return { stdout, stderr };
}

/** Its output with `--json`, parsed. */
export async function jsonOf(...words: readonly string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await succeeds(...words, '--json');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export async function fails(
  code: number,
  reason: RegExp,
  ...words: readonly string[]
): Promise<string> {
  // A node that starts all the same would run for ever.
  const run = words[0] === 'serve' ? runCommand : runShared;
  const ended = await run(words, TOKEN);
  assert.is(ended.code, code, `hearsay ${words.join(' ')}\n${ended.stderr}`);
  assert.match(ended.stderr, reason);
  return ended.stdout;
}
