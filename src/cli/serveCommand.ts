/** `hearsay serve`, as the command line knows it: its settings as options, its help. */
import { type Command, Option } from 'commander';
import { readSettings, settingsShape } from '../node/settings.ts';
import { UNDER_CLUSTER_FLAG } from './cluster/parent.ts';
import { addSettingOptions, flagsGiven } from './settingOptions.ts';

export function register(program: Command): void {
  const command = program
    .command('serve')
    .summary('run one node')
    .description('Runs one node. A flag beats its environment variable, which beats the default.')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const settings = readSettings(flagsGiven(command, settingsShape), process.env);
      // Imported here, so that help and mistakes don't wait for the parts of a node.
      const { serve } = await import('./serve.ts');
      await serve(settings, command.getOptionValue('underCluster') === true);
    });
  addSettingOptions(command, settingsShape);
  command.addOption(new Option(UNDER_CLUSTER_FLAG).hideHelp());
}

const EXAMPLES = `
Examples:
  hearsay serve
  hearsay serve --port 9000 --data-dir /var/lib/hearsay
  NODE_ID=node2 NODES=http://10.0.0.1:8000,http://10.0.0.2:8000 HOST=0.0.0.0 \\
    INTERNAL_TOKEN_FILE=/run/secrets/hearsay AUTH_FILE=/etc/hearsay.json \\
    hearsay serve`;
