/** Settings: where a node listens, and how long clients may take. */
import { z } from 'zod';
import { duration, setting, whole, wholeOrNone } from '../settingKinds.ts';
import { hostNames, isHost, networks, origins } from './texts.ts';

export const servingRows = {
  host: setting(z.string().refine(isHost), {
    default: '127.0.0.1',
    placeholder: 'address',
    allowed: 'a host name or an IP address, without a port',
    help: 'address to listen on; 0.0.0.0 for all',
  }),
  port: whole(0, 65_535, {
    default: '8000',
    placeholder: 'port',
    help: 'port to listen on; 0 for any free one',
  }),
  peerPort: wholeOrNone(0, 65_535, {
    help: 'port for other nodes alone, which --nodes and --url then name; by default they come to --port too',
  }),
  peerHost: setting(z.string().refine(isHost).nullable(), {
    default: null,
    placeholder: 'address',
    allowed: 'a host name or an IP address, without a port',
    help: 'address to listen on at --peer-port; by default that of --host',
  }),
  allowedHosts: setting(hostNames(), {
    default: '',
    placeholder: 'names',
    allowed: 'host names such as cache.example.com separated by commas, or *',
    allowedEach: 'host names such as cache.example.com, or of * alone',
    help: 'host names by which the node may be asked, besides addresses, localhost and those in --url and --nodes; * for all, which is the default off loopback',
  }),
  allowedOrigins: setting(origins(), {
    default: '',
    placeholder: 'origins',
    allowed: 'origins such as https://app.example.com separated by commas, or *',
    allowedEach: 'origins such as https://app.example.com, or of * alone',
    help: 'web origins whose pages may call the node, separated by commas; * for all',
  }),
  trustedProxies: setting(networks(), {
    default: '',
    placeholder: 'networks',
    allowed: 'addresses and networks such as 10.0.0.0/8 separated by commas',
    allowedEach: 'addresses and networks such as 10.0.0.0/8',
    help: 'proxies whose X-Forwarded-For or Forwarded tells the address of a client, for limits and the audit log',
  }),
  waitTimeoutMs: duration('1ms', '10m', {
    default: '5s',
    help: 'how long a request waits for the writes of its token to come from other nodes',
  }),
  bookmarkIntervalMs: duration('30ms', '1h', {
    default: '15s',
    help: 'how long a watcher gets no event before it gets a bookmark',
  }),
  watchPingIntervalMs: duration('10ms', '1h', {
    default: '30s',
    help: 'how often the node pings a watcher; four unanswered pings end the watch',
  }),
  sendTimeoutMs: duration('1s', '1h', {
    default: '30s',
    help: 'how long a client may read nothing of an answer or a watch before it is cut off',
  }),
  drainTimeoutMs: duration('0s', '10m', {
    default: '2s',
    help: 'how long a node that stops waits, after --leave-delay, for the requests under way',
  }),
  leaveDelayMs: duration('0s', '10m', {
    default: '0s',
    help: 'how long a node that is to stop still serves, while its health and its answers send clients elsewhere',
  }),
};
