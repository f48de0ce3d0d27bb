/** The settings of a process: a flag beats its environment variable, which beats the default. */
import { Command, Option } from 'commander';
import { z } from 'zod';

/** Empty: there is none. */
export const optionalUrlSchema = z
  .union([z.literal(''), z.url()])
  .default('')
  .transform((text) => (text === '' ? null : text));

/** A list separated by commas. */
export const urlsSchema = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.url()).min(1));

/** @returns a schema of a whole number that is given as text. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));

export const portSchema = wholeNumber(0, 65_535);

/** Empty: none. */
export const fileSchema = z.string().default('');

/** @throws Error if there is one of the two alone. */
export function tlsFilesOf({
  tlsCertFile: certFile,
  tlsKeyFile: keyFile,
}: {
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
}): { readonly certFile: string; readonly keyFile: string } | null {
  if (certFile === '' && keyFile === '') return null;
  if (certFile === '' || keyFile === '')
    throw new Error('TLS needs both --tls-cert-file and --tls-key-file: give the other one too.');
  return { certFile, keyFile };
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export const logLevelSchema = z
  .enum(LOG_LEVELS)
  .default('info')
  .describe(`least important line to log: ${LOG_LEVELS.join(', ')}`);

/**
 * Ends the process, with one sentence, if a setting is malformed or missing.
 *
 * @param schema of texts; the description of each member is shown by `--help`.
 * @param words behind the name of the program.
 */
export function readSettings<Shape extends z.ZodRawShape>(
  name: string,
  schema: z.ZodObject<Shape>,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): z.output<z.ZodObject<Shape>> {
  const command = new Command(name).helpOption('-h, --help', 'print this help');
  const given: Record<string, string> = {};
  for (const [key, member] of Object.entries(schema.shape)) {
    const description = member instanceof z.ZodType ? (member.description ?? '') : '';
    const option = new Option(`--${flagOf(key)} <value>`, description)
      .env(variableOf(key))
      .argParser((text: string) => {
        given[key] = text;
        return text;
      });
    command.addOption(option);
    const fromEnvironment = environment[variableOf(key)];
    if (fromEnvironment !== undefined) given[key] = fromEnvironment;
  }
  command.parse(words, { from: 'user' });
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = String(issue?.path[0] ?? '');
  const isMissing = given[key] === undefined;
  return command.error(
    `--${flagOf(key)} (${variableOf(key)}) ${isMissing ? 'is missing' : `is malformed: ${issue?.message}`}.`,
  );
}

const flagOf = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @param key of a setting, in camel case. */
export const variableOf = (key: string): string =>
  `WORLDS_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
