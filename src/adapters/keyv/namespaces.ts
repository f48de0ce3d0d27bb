/** Namespaces of Keyv as prefixes of keys. */

/**
 * The front of the keys of a namespace: "cart" gives "cart::", and no namespace gives "::". Colons of the
 * namespace are escaped. So none of these prefixes begins another, and the clear of one namespace takes no
 * key of another.
 */
export const namespacePrefix = (namespace: string | undefined): string =>
  `${(namespace ?? '').replaceAll(/[%:]/g, (mark) => (mark === '%' ? '%25' : '%3A'))}::`;
