import { type ComponentChildren, h } from 'preact';

export const TimeView = (): ComponentChildren => h('p', null, 'TimeView');
