import { join } from 'node:path';

/** @type {import('next').NextConfig} */
export default {
  cacheHandler: join(import.meta.dirname, 'page-handler.mjs'),
  cacheMaxMemorySize: 0,
  // Only because this app stands inside another repository.
  turbopack: { root: join(import.meta.dirname, '..') },
};
