/** Numbers of bytes as people write them. */

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** Bytes in each unit that a size may be written in, the smallest first. */
export const UNITS_BYTES = { '': 1, KiB: KIB, MiB: MIB, GiB: GIB } as const;
