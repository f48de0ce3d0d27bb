/**
 * Node's HTTP. An `import` of it would also load fetch, HTTP/2 and web streams, because it names everything that
 * the module could give: that is a tenth of a node's start.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
