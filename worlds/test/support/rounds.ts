/** How often tests repeat: a tenth in `npm test`, the whole in `npm run worlds:soak`. */
const share = Number(process.env.WORLDS_TEST_SHARE ?? '0.1');

export const isWhole = share >= 1;

/** @param whole of the soak; at least one round is left. */
export const rounds = (whole: number): number => Math.max(1, Math.round(whole * share));
