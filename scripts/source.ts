/**
 * Reads source text for the tests that keep rules about it. Not a parser: it only knows where code
 * ends and text begins, which is enough to look for a name without finding it in a comment.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface SourceFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** As long as `text`, with spaces for comments and for the insides of quotes. */
  readonly code: string;
  /** As long as `text`, with spaces for all but the comments. */
  readonly comments: string;
}

/** Every TypeScript file below the folders that exist of those named. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    filesBelow(folder)
      .filter((path) => path.endsWith('.ts'))
      .map((path) => sourceFile(path, readFileSync(join(ROOT, path), 'utf8'))),
  );
}

/** The files of any kind below a folder, sorted, without installed packages; none where there is no such folder. */
export function filesBelow(folder: string): string[] {
  try {
    return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length).split(sep).join('/'))
      .filter((path) => !/\/(node_modules|\.next)\//.test(path))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, ...partsOf(text) };
}

/** The imports of a file: static, dynamic, of types only, and its exports from elsewhere. */
export function importsOf({ text, code }: SourceFile): string[] {
  const found: string[] = [];
  for (const match of code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"`])/g)) {
    const start = match.index + match[0].length;
    found.push(text.slice(start, code.indexOf(match[1] as string, start)));
  }
  return found;
}

/** The arguments of the call whose opening bracket stands at `open`, as they are written. */
export function argumentsAt({ text, code }: SourceFile, open: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = open; at < code.length; at += 1) {
    const sign = code.charAt(at);
    if ('([{'.includes(sign)) depth += 1;
    if (')]}'.includes(sign)) depth -= 1;
    if (depth === 0 || (depth === 1 && sign === ',')) {
      // A comment before an argument is blank in `code`, and so no part of it.
      const lead = code.slice(start, at).length - code.slice(start, at).trimStart().length;
      const argument = text.slice(start + lead, at).trim();
      if (argument !== '') found.push(argument);
      start = at + 1;
    }
    if (depth === 0) return found;
  }
  return found;
}

/** The line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The code of a text, as `SourceFile` has it. */
export function codeOf(text: string): string {
  return partsOf(text).code;
}

function partsOf(text: string): Pick<SourceFile, 'code' | 'comments'> {
  const code: string[] = [];
  const comments: string[] = [];
  // For each template that we are inside of, how many curly brackets its expression has open.
  const templates: number[] = [];
  /** The end of the code so far, without comments. */
  let tail = '';
  for (let at = 0; at < text.length; ) {
    const commentEnd = endOfComment(text, at);
    const end = commentEnd ?? at;
    if (commentEnd !== undefined) {
      code.push(blank(text, at, end));
      comments.push(text.slice(at, end));
      at = end;
      continue;
    }
    const part = nextPart(text, at, tail, templates);
    code.push(part);
    comments.push(blank(text, at, at + part.length));
    tail = (tail + part).slice(-TAIL_LENGTH);
    at += part.length;
  }
  return { code: code.join(''), comments: comments.join('') };
}

/** Longer than every keyword, with some space behind it. */
const TAIL_LENGTH = 200;
const PLAIN = /[^/'"`{}]+/y;

/** The code that begins at a place where no comment does: a quote with its inside blanked, or plain text. */
function nextPart(text: string, at: number, tail: string, templates: number[]): string {
  const sign = text.charAt(at);
  if (sign === "'" || sign === '"') return quoted(text, at, sign);
  if (sign === '/' && regexMayStartAfter(tail)) return quoted(text, at, '/');
  if (sign === '`') {
    templates.push(0);
    return `\`${templateText(text, at + 1, templates)}`;
  }
  const open = templates.at(-1);
  if (sign === '}' && open === 0) return `}${templateText(text, at + 1, templates)}`;
  if (sign === '{' && open !== undefined) templates[templates.length - 1] = open + 1;
  if (sign === '}' && open !== undefined) templates[templates.length - 1] = open - 1;
  if ('{}/'.includes(sign)) return sign;
  PLAIN.lastIndex = at;
  return PLAIN.exec(text)?.[0] ?? sign;
}

function endOfComment(text: string, at: number): number | undefined {
  if (text.startsWith('//', at)) return endOf(text, /\n|$/g, at);
  if (text.startsWith('/*', at)) return endOf(text, /\*\/|$/g, at + 2, true);
  return undefined;
}

function endOf(text: string, pattern: RegExp, from: number, inclusive = false): number {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  if (!match) return text.length;
  return match.index + (inclusive ? match[0].length : 0);
}

function blank(text: string, start: number, end: number): string {
  return text.slice(start, end).replace(/[^\n]/g, ' ');
}

function quoted(text: string, start: number, quote: string): string {
  let inClass = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const sign = text.charAt(at);
    if (sign === '\\') at += 1;
    else if (sign === '\n') return `${quote}${blank(text, start + 1, at)}`;
    else if (quote === '/' && sign === '[') inClass = true;
    else if (quote === '/' && sign === ']') inClass = false;
    else if (sign === quote && !inClass) return `${quote}${blank(text, start + 1, at)}${quote}`;
  }
  return `${quote}${blank(text, start + 1, text.length)}`;
}

/** From inside a template to its end, or to the expression in it that comes first. */
function templateText(text: string, start: number, templates: number[]): string {
  for (let at = start; at < text.length; at += 1) {
    const sign = text.charAt(at);
    if (sign === '\\') at += 1;
    else if (sign === '`') {
      templates.pop();
      return `${blank(text, start, at)}\``;
    } else if (text.startsWith('${', at)) return `${blank(text, start, at)}\${`;
  }
  return blank(text, start, text.length);
}

/** A slash divides after a value, and begins a regular expression everywhere else. */
function regexMayStartAfter(code: string): boolean {
  const before = code.trimEnd();
  if (/\b(return|typeof|case|in|of|void|delete|throw|new|else|do|await|yield)$/.test(before))
    return true;
  return !/[\w$)\]'"`]$/.test(before);
}
