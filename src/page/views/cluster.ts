import { type ComponentChildren, h } from 'preact';

export const ClusterView = (): ComponentChildren => h('p', null, 'ClusterView');
