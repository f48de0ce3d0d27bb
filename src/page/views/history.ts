import { type ComponentChildren, h } from 'preact';

export const HistoryView = (): ComponentChildren => h('p', null, 'HistoryView');
