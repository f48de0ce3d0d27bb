/** The programs that benches need beside Node, and the packages of Debian that bring them. */
import { spawnSync } from 'node:child_process';

const PACKAGES = {
  'redis-server': 'redis-server',
  'redis-benchmark': 'redis-tools',
  etcd: 'etcd-server',
  wrk: 'wrk',
  cc: 'gcc libc6-dev',
} as const;

export type Tool = keyof typeof PACKAGES;

const found = new Map<Tool, boolean>();

export function isInstalled(tool: Tool): boolean {
  const known = found.get(tool);
  if (known !== undefined) return known;
  const is = spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined;
  found.set(tool, is);
  return is;
}

/** @returns a sentence for each tool that is missing. */
export const missing = (...tools: readonly Tool[]): string[] =>
  tools
    .filter((tool) => !isInstalled(tool))
    .map((tool) => `${tool} is not installed: apt-get install ${PACKAGES[tool]}`);
