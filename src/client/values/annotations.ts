/**
 * superjson's annotations, as another client may have sent them. They are used only after they are seen
 * to fit the value. Then superjson can neither be led to a prototype, nor allocate more than the value
 * holds, nor recurse without end.
 *
 * The shape: `values` is a tree. A node is `[type]` or `[type, branches]`, or only branches: an object
 * from paths (segments joined by dots) to nodes. `referentialEqualities` name paths of one object.
 */
import { isObject, type JsonObject } from '../json.ts';
import { ARRAY_NAMES, CUSTOM_TYPES } from './valueTypes.ts';

const SIMPLE_TYPES: ReadonlySet<unknown> = new Set([
  'undefined',
  'bigint',
  'Date',
  'Error',
  'regexp',
  'set',
  'map',
  'number',
  'URL',
]);

/** Levels of annotations within annotations: each is a Map, Set or Error within another. */
const MAX_DEPTH = 200;

/** Whether there is anything to apply. */
export const hasAnnotations = (meta: JsonObject): boolean =>
  meta.values !== undefined || meta.referentialEqualities !== undefined;

/** @throws TypeError if they don't fit the value, or are of an unknown kind. */
export function checkAnnotations(meta: JsonObject, json: unknown): void {
  // Before version 1, a backslash in a path stood for itself.
  const reader: PathReader = { isLegacy: meta.v === undefined || meta.v === 0 };
  if (!reader.isLegacy && meta.v !== 1) throw new TypeError('They are of a newer version.');
  if (meta.values !== undefined) checkNode(meta.values, json, reader, 0);
  if (meta.referentialEqualities !== undefined)
    checkEqualities(meta.referentialEqualities, json, reader);
}

interface PathReader {
  readonly isLegacy: boolean;
}

function checkNode(node: unknown, json: unknown, reader: PathReader, depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`They nest more than ${MAX_DEPTH} deep.`);
  if (!Array.isArray(node)) {
    checkBranches(node, json, reader, depth);
    return;
  }
  const [type, branches]: readonly unknown[] = node;
  checkType(type, json);
  if (branches !== undefined) checkBranches(branches, json, reader, depth);
}

function checkBranches(branches: unknown, json: unknown, reader: PathReader, depth: number): void {
  if (!isObject(branches)) throw new TypeError('A node is neither a type nor an object.');
  for (const [path, node] of Object.entries(branches))
    checkNode(node, partAt(json, path, reader), reader, depth + 1);
}

function checkType(type: unknown, json: unknown): void {
  if (SIMPLE_TYPES.has(type)) return;
  const [kind, name]: readonly unknown[] = Array.isArray(type) ? type : [];
  if (kind === 'custom' && CUSTOM_TYPES.has(name)) return;
  if (kind !== 'typed-array' || !ARRAY_NAMES.has(name))
    throw new TypeError(`The type ${JSON.stringify(type)} is not known.`);
  // A number would count as the length of a new array.
  if (!Array.isArray(json)) throw new TypeError('A typed array has no elements.');
}

/** `{ path: paths }`, or `[pathsOfTheWhole, { path: paths }]`. */
function checkEqualities(equalities: unknown, json: unknown, reader: PathReader): void {
  const [ofWhole, others]: readonly unknown[] = Array.isArray(equalities)
    ? equalities
    : [[], equalities];
  checkPaths(ofWhole, json, reader);
  if (others === undefined) return;
  if (!isObject(others)) throw new TypeError('Equalities are no object.');
  for (const [path, paths] of Object.entries(others)) {
    partAt(json, path, reader);
    checkPaths(paths, json, reader);
  }
}

function checkPaths(paths: unknown, json: unknown, reader: PathReader): void {
  if (!Array.isArray(paths)) throw new TypeError('Equal paths are no list.');
  for (const path of paths) partAt(json, String(path), reader);
}

/** @throws TypeError if the value has no such part of its own. */
function partAt(json: unknown, path: string, { isLegacy }: PathReader): unknown {
  let part = json;
  for (const segment of segmentsOf(path, isLegacy)) {
    const holds =
      typeof part === 'object' &&
      part !== null &&
      Object.hasOwn(part, segment) &&
      !(Array.isArray(part) && segment === 'length');
    if (!holds) throw new TypeError(`The value has no part ${JSON.stringify(path)}.`);
    part = (part as JsonObject)[segment];
  }
  return part;
}

function segmentsOf(path: string, isLegacy: boolean): string[] {
  const segments: string[] = [];
  let segment = '';
  for (let index = 0; index < path.length; index++) {
    const character = path.charAt(index);
    const isEscape =
      character === '\\' && (path[index + 1] === '.' || (!isLegacy && path[index + 1] === '\\'));
    if (isEscape) {
      index++;
      segment += path.charAt(index);
    } else if (character === '.') {
      segments.push(segment);
      segment = '';
    } else segment += character;
  }
  segments.push(segment);
  return segments;
}
