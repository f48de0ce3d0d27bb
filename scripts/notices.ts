/** The licences of the packages whose code a bundle holds, as most of them ask to go with every copy. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from './bundle.ts';

const PACKAGE = /^.*\bnode_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/;
const TEXT = /^(licen[cs]e|copying|notice)/i;
const RULE = '-'.repeat(80);

/**
 * @param files of which the bundle was made, from the root; those of no package are Hearsay's own.
 * @returns each package once, by name, with its version, its licence and the texts that come with it.
 * @throws Error if a package names no licence.
 */
export function noticesOf(files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => PACKAGE.exec(file)?.[0] ?? []));
  const notices = new Set([...folders].map((folder) => noticeOf(resolve(ROOT, folder))));
  return [INTRODUCTION, ...[...notices].sort()].join(`\n${RULE}\n\n`);
}

const INTRODUCTION = `The files beside this one hold code of the following packages, under their own licences.
`;

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string')
    throw new Error(
      `${name}@${version} names no licence: ask its authors, or use another package.`,
    );
  const texts = readdirSync(folder)
    .filter((file) => TEXT.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
  const comesWith = texts.length === 0 ? ['It comes without the text of its licence.'] : texts;
  return `${[`${name}@${version} (${license})`, ...comesWith].join('\n\n')}\n`;
}
