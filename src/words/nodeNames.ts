/** The order in which people look for nodes: node2 comes before node10. */

const COLLATOR = new Intl.Collator('en', { numeric: true });

/** Compares two node ids, as `Array.prototype.sort` wants it. */
export const compareNodeIds = (a: string, b: string): number => COLLATOR.compare(a, b);
