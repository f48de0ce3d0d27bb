/** The words in which people are told the clause of rule 1 that decides between two ops on one key. */
import { decidingClause, LAST_VERSION, type Ranked } from '../../words/op.ts';

/** Why the loser lost, as a phrase. */
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

/** The version of a delete without one is the last that there is. */
export const versionText = ({ version }: Pick<Ranked, 'version'>): string =>
  version === LAST_VERSION ? 'last' : String(version);
