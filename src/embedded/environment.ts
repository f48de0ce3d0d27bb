/** The settings of `hearsay serve`, for a program that takes them from flags and the environment. */
import type { NodeSettings } from '../node/nodeSettings.ts';
import { readSettings as readTexts } from '../node/settings.ts';

/**
 * Reads settings as `hearsay serve` does: a flag beats its environment variable, which beats the default.
 *
 * @param flags texts by the setting's name, such as `{ port: '8001', joinTimeoutMs: '10s' }`.
 * @param environment texts by the variable's name, such as `process.env`.
 * @throws SettingError, whose message is one sentence.
 */
export function readSettings(
  flags: Readonly<Record<string, string | undefined>> = {},
  environment: Readonly<Record<string, string | undefined>> = {},
): NodeSettings {
  return readTexts(flags, environment);
}
