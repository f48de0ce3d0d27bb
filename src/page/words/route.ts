/** The view and what it shows, kept in the fragment of the URL, so that a view is a link. */
import { Store } from './store.ts';

export type ViewName = 'cluster' | 'keys' | 'history' | 'time' | 'live' | 'watchers';

export interface Route {
  readonly view: ViewName;
  readonly parameters: URLSearchParams;
}

/** The views in the order of the navigation. */
export const VIEWS: readonly (readonly [name: ViewName, label: string])[] = [
  ['cluster', 'Cluster'],
  ['keys', 'Keys'],
  ['history', 'One key'],
  ['live', 'Live'],
  ['time', 'Time'],
  ['watchers', 'Watchers'],
];

export function routeOf(fragment: string): Route {
  const [name = '', query = ''] = fragment.replace(/^#\/?/, '').split('?', 2);
  const view = VIEWS.find(([known]) => known === name)?.[0] ?? 'cluster';
  return { view, parameters: new URLSearchParams(query) };
}

export function linkTo(view: ViewName, parameters: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(parameters).toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

export const route = new Store<Route>(routeOf(location.hash));
addEventListener('hashchange', () => route.set(routeOf(location.hash)));

export function go(view: ViewName, parameters: Readonly<Record<string, string>> = {}): void {
  location.hash = linkTo(view, parameters);
}
