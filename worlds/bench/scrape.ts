/** Figures out of `/metrics`. */
export interface Scrape {
  /** The sum of a metric over its labels. */
  total(name: string): number;
  /** Upper bounds of buckets in seconds → observations in all up to there. */
  buckets(name: string): Map<number, number>;
}

export async function scrape(url: string): Promise<Scrape> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const lines = text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', value = ''] =
      /^([a-z_]\w*)(?:\{([^}]*)\})? (\S+)$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, labels, value: Number(value) }];
  });
  return {
    total: (name) =>
      lines.filter((line) => line.name === name).reduce((sum, { value }) => sum + value, 0),
    buckets: (name) =>
      new Map(
        lines
          .filter((line) => line.name === `${name}_bucket`)
          .map(({ labels, value }) => [
            Number((/le="([^"]*)"/.exec(labels)?.[1] ?? '').replace('+Inf', 'Infinity')),
            value,
          ]),
      ),
  };
}

/**
 * @param quantile from 0 to 1.
 * @returns the upper bound of the bucket in which it lies, in seconds, for observations between two scrapes.
 */
export function quantileBetween(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  quantile: number,
): number {
  const grown = [...after].map(
    ([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const,
  );
  const all = grown.at(-1)?.[1] ?? 0;
  return grown.find(([, count]) => count >= quantile * all)?.[0] ?? Number.NaN;
}
