import { join } from 'node:path';

const file = (name) => join(import.meta.dirname, name);

/** @type {import('next').NextConfig} */
export default {
  cacheComponents: true,
  partialPrefetching: true,
  cacheHandlers: {
    default: file('use-cache-handler.mjs'),
    remote: file('use-cache-handler.mjs'),
  },
  cacheHandler: file('page-handler.mjs'),
  cacheMaxMemorySize: 0,
  // Only because this app stands inside another repository.
  turbopack: { root: join(import.meta.dirname, '..') },
};
