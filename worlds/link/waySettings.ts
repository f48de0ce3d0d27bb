/** The ways of the link, as its settings name them. */
import { z } from 'zod';
import type { Target } from './relay.ts';

export interface Passage {
  readonly port: number;
  readonly target: Target;
}

export interface Crossing {
  readonly port: number;
  /** The only one that callers may name. */
  readonly host: string;
}

const HOST = '[\\w.-]+';
const PORT = '\\d{1,5}';

const listOf = (rule: RegExp, form: string) =>
  z
    .string()
    .default('')
    .transform((text) => (text === '' ? [] : text.split(',')))
    .pipe(z.array(z.string().regex(rule, `must have the form ${form}`)));

export const passagesSchema = listOf(
  new RegExp(`^${PORT}:${HOST}:${PORT}$`),
  'PORT:HOST:PORT,…',
).transform((texts): Passage[] =>
  texts.map((text) => {
    const [port = '', host = '', targetPort = ''] = text.split(':');
    return { port: Number(port), target: { host, port: Number(targetPort) } };
  }),
);

export const crossingsSchema = listOf(new RegExp(`^${PORT}:${HOST}$`), 'PORT:HOST,…').transform(
  (texts): Crossing[] =>
    texts.map((text) => {
      const [port = '', host = ''] = text.split(':');
      return { port: Number(port), host };
    }),
);
