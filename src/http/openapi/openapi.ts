/** openapi.json: the description of the REST interface, made from the rows of the routes. */
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';
import { type Needs, scopesOf } from '../../access/scopes.ts';
import { ANY_TYPE, JSON_TYPE, NDJSON_TYPE } from '../answer/answer.ts';
import { type Answers, MISDIRECTED, NOT_ALLOWED } from './answers.ts';

/** The part of a route's row that describes the route. */
export interface DescribedRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** The path from the root, in OpenAPI's form; at most one `{key}`. */
  readonly path: string;
  /** The scopes of which the caller needs one. */
  readonly needs: Needs;
  /** Null: the route is not described. */
  readonly summary: string | null;
  readonly description?: string;
  readonly query?: z.ZodObject;
  /** Headers that only the description names: the handler checks them itself. */
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A line of the body, where it may also come as NDJSON. */
  readonly lines?: z.ZodType;
  /** Whether the body may also be bytes of any type. */
  readonly takesBytes?: true;
  readonly answers: Answers;
}

/** The names of the token and of the certificate among the security schemes. */
const SCHEME = 'token';
const CERTIFICATE_SCHEME = 'certificate';

/**
 * @param key the schema of a key in a path.
 * @param version of the package.
 */
export function describeApi(
  rows: readonly DescribedRoute[],
  key: z.ZodType<string>,
  version: string,
): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const row of rows) {
    if (row.summary === null) continue;
    paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operation(row, key) };
  }
  return createDocument({
    openapi: '3.1.1',
    info: { title: 'Hearsay', version, license: { name: 'MIT', identifier: 'MIT' } },
    // The node that shows the description.
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        [SCHEME]: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token with the scope. An open node asks for it for the scope `admin` alone.',
        },
        [CERTIFICATE_SCHEME]: {
          type: 'mutualTLS',
          description:
            'A certificate whose name the file of tokens lists with the scope, at nodes with `--tls-client-ca`.',
        },
      },
    },
  });
}

function operation(row: DescribedRoute, key: z.ZodType<string>): ZodOpenApiOperationObject {
  const { path, needs, summary, description, query, body, lines, headers: header } = row;
  const scopes = scopesOf(needs);
  const requestParams = {
    ...(path.includes('{key}') && { path: z.object({ key }) }),
    ...(query && { query }),
    ...(header && { header }),
  };
  return {
    operationId: operationId(row),
    security: [SCHEME, CERTIFICATE_SCHEME].flatMap((scheme) =>
      scopes.map((scope) => ({ [scheme]: [scope] })),
    ),
    ...(summary !== null && { summary }),
    ...(description !== undefined && { description }),
    ...(Object.keys(requestParams).length > 0 && { requestParams }),
    ...(body && {
      requestBody: {
        required: true,
        content: {
          [JSON_TYPE]: { schema: body },
          ...(lines && { [NDJSON_TYPE]: { schema: lines } }),
          ...(row.takesBytes && { [ANY_TYPE]: {} }),
        },
      },
    }),
    responses: {
      ...MISDIRECTED,
      ...(scopes.length > 0 && NOT_ALLOWED),
      ...row.answers,
    },
  };
}

/** The method and the words of the path: generators name functions by it. */
function operationId({ method, path }: DescribedRoute): string {
  const words = path.match(/[a-z]+/g) ?? [];
  return [method.toLowerCase(), ...words.map(capitalized)].join('');
}

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
