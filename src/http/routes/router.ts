/**
 * The router's class. The ES module of its package imports Node's HTTP whole, which `src/net/http.ts` tells against.
 * In the bundle of the program `scripts/bundle.ts` puts the package itself in the place of this file.
 */
import nodeModule from 'node:module';
import type * as KoaRouter from '@koa/router';

const koaRouter: typeof KoaRouter = nodeModule.createRequire(import.meta.url)('@koa/router');

export const Router: typeof KoaRouter.Router = koaRouter.Router;
