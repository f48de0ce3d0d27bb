/** Asks all nodes of a cluster about themselves at once. */
import { z } from 'zod';
import { HearsayError } from '../../words/errors.ts';
import { areNamed, noneNamed } from '../remote/address.ts';
import { clusterViewOf } from '../remote/clusterMembers.ts';
import { type NodeTokens, RemoteNode } from '../remote/remoteNode.ts';
import { readSamples } from './metricsText.ts';
import { figuresOf, type NodeHealth, type NodeReport } from './nodeReport.ts';
import { membersIn, type Observation } from './observation.ts';

const healthSchema = z.object({
  status: z.enum(['ok', 'degraded', 'failing']),
  reasons: z.array(z.string()).default([]),
});

/** Asks for observations of one cluster, and remembers where its nodes were. */
export class Gatherer {
  readonly #named: readonly string[];
  readonly #tokens: NodeTokens;
  readonly #limitMs: number;
  /** URLs of nodes that have answered, or that members gave as theirs. */
  #known: readonly string[] = [];

  /**
   * @param urls of any nodes of the cluster; the others are found by them.
   * @param limitMs the longest time for each answer, in milliseconds.
   */
  constructor(urls: readonly string[], tokens: NodeTokens, limitMs: number) {
    this.#named = urls;
    this.#tokens = tokens;
    this.#limitMs = limitMs;
  }

  /** @throws HearsayError if no node answers, or if all that answer refuse the token. */
  async observe(nowMs: () => number): Promise<Observation> {
    const failures = new Map<string, string>();
    const unresolved = new Set<string>();
    const reports = new Map<string, NodeReport>();
    const asked = new Set<string>();
    const ask = async (urls: readonly string[]): Promise<void> => {
      const fresh = [...new Set(urls)].filter((url) => !asked.has(url));
      for (const url of fresh) asked.add(url);
      await Promise.all(
        fresh.map(async (url) => {
          try {
            const report = await this.#report(url);
            if (!reports.has(report.origin)) reports.set(report.origin, report);
          } catch (error) {
            if (!(error instanceof HearsayError)) throw error;
            failures.set(url, phraseOf(url, error));
            if (hasNoAddress(error)) unresolved.add(url);
          }
        }),
      );
    };
    if (areNamed(this.#named)) await ask([...this.#named, ...this.#known]);
    else {
      // At the two default URLs there may be two clusters.
      for (const url of this.#named) if (reports.size === 0) await ask([url]);
      await ask(this.#known);
    }
    if (reports.size === 0) throw this.#nobody(failures);
    const found = { atMs: nowMs(), reports: [...reports.values()], failures, unresolved };
    const others = [...membersIn(found).values()].flatMap(({ origin, url }) => {
      // A node that answers at a URL that a person named is not asked at its own, too.
      const isAskedElsewhere = url !== (reports.get(origin)?.url ?? url);
      return url === null || isAskedElsewhere ? [] : [url];
    });
    await ask(others);
    this.#known = others;
    return { atMs: nowMs(), reports: [...reports.values()], failures, unresolved };
  }

  #nobody(failures: ReadonlyMap<string, string>): HearsayError {
    const told = [...failures].map(([url, reason]) => `${url}: ${reason}`).join('; ');
    return new HearsayError(`No node can be asked (${told}).${noneNamed(this.#named)}`);
  }

  /** A member gets the token that was meant for the nodes which named it. */
  #tokenFor(url: string): string | null {
    const token = this.#tokens.at(url);
    const isTrusted = () => this.#named.some((named) => this.#tokens.at(named) !== null);
    return token ?? (isTrusted() ? (this.#tokens.atMember?.(url) ?? null) : null);
  }

  async #report(url: string): Promise<NodeReport> {
    const node = new RemoteNode(
      {
        url,
        token: this.#tokens.ofCluster(),
        bearer: this.#tokenFor(url),
        ...(this.#tokens.refuseInClear && { refuseInClear: this.#tokens.refuseInClear }),
      },
      this.#limitMs,
    );
    const [cluster, health, metrics] = await Promise.all([
      node.once('/_cluster'),
      node.once('/_health'),
      node.once('/metrics'),
    ]);
    return {
      ...clusterViewOf(cluster.body, url),
      url,
      clockMs: cluster.dateMs,
      health: healthOf(health.body),
      // A node that has much to do may leave its metrics out.
      figures:
        metrics.status === 200
          ? figuresOf(readSamples(new TextDecoder().decode(metrics.bytes)), metrics.dateMs)
          : null,
    };
  }
}

function healthOf(answer: unknown): NodeHealth {
  const parsed = healthSchema.safeParse(answer);
  return parsed.success ? parsed.data : { status: 'failing', reasons: ['It tells no health.'] };
}

/** The reason without the URL, which stands before it. */
const phraseOf = (url: string, { message }: HearsayError): string =>
  message.replace(`${url} can't be reached: `, '').replace(`${url} `, '').replace(/\.$/, '');

/** Codes by which Node says that a name has no address here. */
const NO_ADDRESS: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA']);

function hasNoAddress(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('code' in at && NO_ADDRESS.has(at.code)) return true;
  return false;
}
