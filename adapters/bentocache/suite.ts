/** Bentocache's own suite for drivers: 21 tests. */
import { test } from '@japa/runner';
import { registerCacheDriverTestSuite } from 'bentocache/test_suite';
import type { L2CacheDriver } from 'bentocache/types';
import { HearsayDriver } from 'hearsay/bentocache';

const endpoints = (process.env.HEARSAY_URL ?? '').split(',');

/** Typed as Bentocache types its drivers. */
const createDriver = (options?: { readonly prefix?: string }): L2CacheDriver =>
  new HearsayDriver({ endpoints, prefix: 'suite', ...options });

test.group('hearsay/bentocache', (group) => {
  registerCacheDriverTestSuite({ test, group, createDriver });
});
