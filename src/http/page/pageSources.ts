/**
 * The page straight from its sources, for development: modules without their types, under flat names, so that
 * each is one segment of a path.
 *
 * Invariant: only files that the page reaches from its first module are served.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

/** The modules of packages, by the names by which the page imports them, from the root. */
const PACKAGES: Readonly<Record<string, string>> = {
  preact: 'node_modules/preact/dist/preact.mjs',
  'preact/hooks': 'node_modules/preact/hooks/dist/hooks.mjs',
  uplot: 'node_modules/uplot/dist/uPlot.esm.js',
};
const IMPORTS = /(\b(?:from|import)\s*)["']([^"']+)["']/g;

/**
 * @param root of the checkout.
 * @param entry the first module, from the root.
 * @returns scripts by their names; the first one has the name `entryName`.
 */
export function scriptsFrom(root: string, entry: string, entryName: string): Map<string, string> {
  const scripts = new Map<string, string>();
  const visit = (file: string, name: string): void => {
    if (scripts.has(name)) return;
    scripts.set(name, '');
    const text = readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
    const script = file.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
    const renamed = script.replace(IMPORTS, (whole, front: string, specifier: string) => {
      const known = Object.hasOwn(PACKAGES, specifier) ? PACKAGES[specifier] : undefined;
      if (known === undefined && !specifier.startsWith('.')) return whole;
      const imported = known === undefined ? join(dirname(file), specifier) : join(root, known);
      const importedName = relative(root, imported).split(sep).join('~');
      visit(imported, importedName);
      return `${front}"./${importedName}"`;
    });
    scripts.set(name, renamed);
  };
  visit(join(root, entry), entryName);
  return scripts;
}
