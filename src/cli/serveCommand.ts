/** `hearsay serve`, as the command line knows it: its settings as options, its help. */
import { type Command, Option } from 'commander';
import { type NodeSettings, readSettings, settingsShape } from '../node/settings.ts';
import { UNDER_CLUSTER_FLAG } from './cluster/parent.ts';
import { configOption, withConfigFile } from './configFile.ts';
import { addSettingOptions, flagsGiven } from './settingOptions.ts';

export function register(program: Command): void {
  const command = program
    .command('serve')
    .summary('run one node')
    .description(
      'Runs one node. A flag beats its environment variable, which beats the file of --config, which beats the default.',
    )
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const settings = settingsOf(command);
      // Imported here, so that help and mistakes don't wait for the parts of a node.
      const { serve } = await import('./serve.ts');
      await serve(settings, isUnderCluster(command));
    });
  command.addOption(configOption());
  addSettingOptions(command, settingsShape);
  command.addOption(new Option(UNDER_CLUSTER_FLAG).hideHelp());
}

const isUnderCluster = (command: Command): boolean =>
  command.getOptionValue('underCluster') === true;

/** `hearsay cluster` has read the file for its nodes. */
function settingsOf(command: Command): NodeSettings {
  const flags = flagsGiven(command, settingsShape);
  if (isUnderCluster(command)) return readSettings(flags, process.env);
  const read = withConfigFile(settingsShape, flags, process.env, command.getOptionValue('config'));
  return readSettings(read.flags, read.environment);
}

const EXAMPLES = `
Examples:
  hearsay serve
  hearsay serve --port 9000 --data-dir /var/lib/hearsay
  NODE_ID=node2 NODES=http://10.0.0.1:8000,http://10.0.0.2:8000 HOST=0.0.0.0 \\
    INTERNAL_TOKEN_FILE=/run/secrets/hearsay AUTH_FILE=/etc/hearsay.json \\
    hearsay serve`;
