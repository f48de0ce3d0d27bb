/** Says in words for people which clause of rule 1 decides between two ops on one key. */
import { decidingClause, LAST_VERSION, type Ranked } from '../../words/op.ts';

/** The reason why the loser lost, as a phrase. */
export function whyBeaten(loser: Ranked, winner: Ranked): string {
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
