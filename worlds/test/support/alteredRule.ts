/** A rule with a piece of its code replaced, so that a test can see its check fail without the rule. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const RULES = new URL('../../rules/', import.meta.url);

/**
 * @param file of `worlds/rules`.
 * @param code must occur in it exactly once.
 * @returns the module with `code` replaced.
 */
export async function alteredRule<Module>(
  file: string,
  code: string,
  replacement: string,
): Promise<Module> {
  const source = readFileSync(new URL(file, RULES), 'utf8');
  const parts = source.split(code);
  if (parts.length !== 2) throw new Error(`${file} does not hold this once: ${code}`);
  const text = stripTypeScriptTypes(parts.join(replacement)).replace(
    /(from\s+')(\.\/[^']+)'/g,
    (_all, start: string, path: string) => `${start}${new URL(path, RULES).href}'`,
  );
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-rule-'));
  try {
    const path = join(directory, file.replace(/\.ts$/, '.mjs'));
    writeFileSync(path, text);
    return (await import(pathToFileURL(path).href)) as Module;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
