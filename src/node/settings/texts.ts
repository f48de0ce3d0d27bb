/** The texts that several settings allow: paths, origins and names of hosts. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { networkOf } from '../../net/networks.ts';
import { baseUrls } from '../settingKinds.ts';

/** The path of a file or a directory. */
export function path() {
  return z.string().regex(/^[^\0]+$/);
}

/** The `Origin` of browsers: a base URL, or `*` for all. */
export function origins() {
  return z.union([z.literal('*').transform(() => ['*'] as readonly string[]), baseUrls()]);
}

/** Networks of addresses, such as 10.0.0.0/8. */
export function networks() {
  return z
    .string()
    .transform((text) => text.split(',').map((network) => network.trim()))
    .transform((texts): readonly string[] => texts.filter((network) => network !== ''))
    .refine((texts) => texts.every((network) => networkOf(network) !== null));
}

export function hostNames() {
  return z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim().toLowerCase()))
    .transform((names): readonly string[] => names.filter((name) => name !== ''))
    .refine((names) => names.every((name) => name === '*' || isHost(name)));
}

export function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^[A-Za-z0-9._-]{1,253}$/.test(text);
}
