import { type ComponentChildren, h } from 'preact';

export const KeysView = (): ComponentChildren => h('p', null, 'KeysView');
