import { cacheLife, cacheTag } from 'next/cache';

/** The price of a product, and when it was computed: the same at every server until it is invalidated. */
export async function priceOf(id) {
  'use cache';
  cacheTag('prices', `price-${id}`);
  cacheLife({ stale: 60, revalidate: 900, expire: 3600 });
  return { id, price: Number(id) * 2, made: `${process.pid}-${performance.now()}` };
}
