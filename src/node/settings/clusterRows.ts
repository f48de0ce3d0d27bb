/** Settings: the cluster, its nodes, and the times that they allow one another. */
import { z } from 'zod';
import { baseUrl, baseUrls, choice, duration, setting } from '../settingKinds.ts';
import { isToken } from '../token.ts';
import { path } from './texts.ts';

export const clusterRows = {
  nodeId: setting(z.string().regex(/^[A-Za-z0-9_-]{1,32}$/), {
    default: 'node1',
    placeholder: 'name',
    allowed: '1 to 32 letters (A to Z), digits, _ or -',
    help: "this node's name in answers and logs",
  }),
  nodes: setting(baseUrls(), {
    default: '',
    placeholder: 'urls',
    allowed: 'http or https base URLs separated by commas, such as http://10.0.0.2:8000',
    allowedEach: 'http or https base URLs, such as http://10.0.0.2:8000',
    help: 'base URLs of all nodes, separated by commas; its own may be among them',
  }),
  url: setting(baseUrl().nullable(), {
    default: null,
    placeholder: 'url',
    allowed: 'an http or https base URL, such as http://10.0.0.1:8000',
    help: 'base URL at which the others reach this node; by default the one of --nodes that answers as this node',
  }),
  cluster: setting(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), {
    default: 'hearsay',
    placeholder: 'name',
    allowed: '1 to 64 letters (A to Z), digits, dots, _ or -',
    help: 'name of the cluster; this node refuses nodes of another name',
  }),
  internalToken: setting(z.string().refine(isToken).nullable(), {
    default: null,
    placeholder: 'token',
    allowed: '1 to 256 printable ASCII characters without spaces',
    help: 'secret that the nodes of a cluster share; other users of the machine see a flag, so give a file',
    isSecret: true,
  }),
  internalTokenFile: setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help: 'file that holds the token, and a second line while one replaces another; else, on loopback alone, one that all nodes of this user share',
  }),
  peerAuth: choice(['challenge', 'header', 'mtls'], {
    default: 'challenge',
    help: 'challenge: nodes prove to each other that they know the token, and never send it; header: those up to 0.3.0 are shown it; mtls: only certificates count, which name cluster and node',
  }),
  joinTimeoutMs: duration('0ms', '1d', {
    default: '10s',
    help: 'how long a node that starts waits for its peers before it goes on alone',
  }),
  memberTimeoutMs: duration('1s', '365d', {
    default: '24h',
    help: 'how long a member may be silent before it is retired',
  }),
  peerRefusalMs: duration('1s', '1d', {
    default: '10m',
    help: 'how long a peer that breaks the protocol again and again is refused',
  }),
  maxClockSkewMs: duration('0ms', '1d', {
    default: '1m',
    help: 'how far the clocks of two nodes may be apart',
  }),
  pullIntervalMs: duration('10ms', '1h', {
    default: '1s',
    help: 'how often a node compares its log with a peer',
  }),
};
