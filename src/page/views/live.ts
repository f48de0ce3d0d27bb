import { type ComponentChildren, h } from 'preact';

export const LiveView = (): ComponentChildren => h('p', null, 'LiveView');
