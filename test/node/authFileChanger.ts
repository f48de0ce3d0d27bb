/** A process that lists certificates in a file of tokens, one after another: FILE NAME COUNT. */
import { withCertificate } from '../../src/access/authFile.ts';
import { changeAuthFile } from '../../src/node/authFileChange.ts';

const [path = '', name = '', count = '0'] = process.argv.slice(2);
for (let i = 0; i < Number(count); i++)
  changeAuthFile(path, (file) => withCertificate(file, { name: `${name}${i}`, scopes: ['read'] }));
