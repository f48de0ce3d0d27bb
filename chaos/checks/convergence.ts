/** All nodes show the same, key by key. */
import type { Evidence, Shown, Violation } from '../history/evidence.ts';

/** The most keys that are told one by one. */
const MAX_TOLD_KEYS = 20;

export function checkConvergence({ maps }: Evidence): Violation[] {
  const keys = new Set(maps.flatMap((map) => [...map.keys()]));
  const wrong = [...keys].filter((key) => {
    const texts = maps.map((map) => shownText(map.get(key)));
    return texts.some((text) => text !== texts[0]);
  });
  return wrong.slice(0, MAX_TOLD_KEYS).map((key) => ({
    check: 'convergence',
    key,
    text: maps.map((map, node) => `node${node + 1}: ${shownText(map.get(key))}`).join(', '),
  }));
}

function shownText(shown: Shown | undefined): string {
  if (shown === undefined) return 'absent';
  const { value, version, expiresAt } = shown;
  return `${value} version ${version}${expiresAt === null ? '' : ` until ${expiresAt}`}`;
}
