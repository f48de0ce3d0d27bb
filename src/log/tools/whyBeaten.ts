/** Says in words for people which clause of rule 1 decides between two ops on one key. */
import { decidingClause, type KeyOp, LAST_VERSION, type Ranked } from '../../words/op.ts';

type Told = Ranked & Partial<Pick<KeyOp, 'value' | 'meta'>>;

/** Rule 1: a touch is the live entry once more. A put of the same version and value says the same. */
export const isTouchOf = (loser: Told, winner: Told): boolean =>
  winner.kind === 'put' &&
  winner.value !== undefined &&
  winner.value === loser.value &&
  winner.meta === loser.meta;

/** The reason why the loser lost, as a phrase. */
export function whyBeaten(loser: Told, winner: Told): string {
  switch (decidingClause(winner, loser)) {
    case 'generation':
      return `generation ${winner.generation} beats ${loser.generation}`;
    case 'version':
      return winner.version === LAST_VERSION
        ? 'a delete ended its generation'
        : `version ${versionText(winner)} beats ${versionText(loser)}`;
    case 'kind':
      return 'a delete beats a put of its version';
    case 'hlc':
      if (isTouchOf(loser, winner)) return 'a touch gave it another time to live';
      return `version ${versionText(winner)} twice: the later clock wins`;
    case 'origin':
      return 'same clock too: the greater origin wins';
    case 'seq':
      return 'same origin too: the later seq wins';
    case null:
      return 'it is the same op';
  }
}

/** A delete without a version has the last version. */
export const versionText = ({ version }: Pick<Ranked, 'version'>): string =>
  version === LAST_VERSION ? 'last' : String(version);
