/** The private listener of a fleet in the process of the test, as far as worlds connect to it. */

import { temporaryDirectory } from '../../../test/support/processes.ts';
import type { ServiceSigner } from '../../access/serviceTokens.ts';
import { makeRoleKeys, openGuard, openSigner } from '../../access/serviceTokens.ts';
import { Links } from '../../fleet/links.ts';
import { listen } from '../../http/jsonApp.ts';
import { ROLES } from '../../rules/grants.ts';
import type { WorldMessage } from '../../slots/linkMessages.ts';
import { fleetName } from '../../slots/linkMessages.ts';

export class FleetServer implements AsyncDisposable {
  readonly heard: WorldMessage[] = [];
  /** The epoch that may connect, of every slot. */
  epoch = 1;
  url = '';
  links!: Links;
  worldSigner!: ServiceSigner;
  apiSigner!: ServiceSigner;
  readonly #ends = new AsyncDisposableStack();

  static async start(maxLinks: number, port = 0): Promise<FleetServer> {
    const server = new FleetServer();
    const directory = server.#ends.use(await temporaryDirectory());
    await makeRoleKeys(directory.path, ROLES);
    server.worldSigner = await openSigner(directory.path, 'world');
    server.apiSigner = await openSigner(directory.path, 'api');
    const listener = server.#ends.use(
      await listen((_request, response) => void response.writeHead(404).end(), '127.0.0.1', port),
    );
    server.url = listener.url;
    const fleet = {
      admits: (_world: string, _slot: number, epoch: number) => epoch === server.epoch,
      hear: (_world: string, _slot: number, _epoch: number, message: WorldMessage) =>
        void server.heard.push(message),
    };
    const guard = await openGuard(directory.path, fleetName('eu'));
    const onFault = (error: unknown): never => {
      throw error;
    };
    server.links = server.#ends.use(
      new Links(listener.server, { fleet, guard, maxLinks, onFault }),
    );
    return server;
  }

  linkUrl(slot = 1, epoch = 1): string {
    return `${this.url.replace('http', 'ws')}/link?world=meadow&slot=${slot}&epoch=${epoch}`;
  }

  token = (): Promise<string> => this.worldSigner.tokenFor(fleetName('eu'));

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }
}
