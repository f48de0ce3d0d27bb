import { type ComponentChildren, h } from 'preact';

export const WatchersView = (): ComponentChildren => h('p', null, 'WatchersView');
