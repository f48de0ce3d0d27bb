/** The text of `/metrics`, as tests read it. */
import { spawnSync } from 'node:child_process';

/** Name with its labels → value. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_]\w*(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number(value));
  }
  return samples;
}

/** @returns the complaints of promtool; null if it is not installed. */
export function complaintsOf(text: string): string | null {
  const { error, status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
  if (error !== undefined) return null;
  return status === 0 ? String(stderr) : `status ${status}: ${stderr}`;
}
