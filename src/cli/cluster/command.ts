/** `hearsay cluster`, as the command line knows it: its settings as options, its help. */
import type { Command } from 'commander';
import { tokenOfNode, userTokenFile } from '../../node/tokenFile.ts';
import { configOption, withConfigFile } from '../configFile.ts';
import { addSettingOptions, flagsGiven } from '../settingOptions.ts';
import { note } from '../terminal/output.ts';
import { clusterShape, planCluster } from './clusterPlan.ts';

/** @param entry the file of the `hearsay` command, which runs each node. */
export function register(program: Command, entry: string): void {
  const command = program
    .command('cluster')
    .summary('run several nodes on this machine')
    .description(
      'Runs several nodes on this machine, node1 and so on, each with its own directory below ' +
        '--data-dir, until Ctrl-C. All other settings go to every node.',
    )
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const read = withConfigFile(
        clusterShape,
        flagsGiven(command, clusterShape),
        process.env,
        command.getOptionValue('config'),
      );
      const plans = planCluster(read.flags, read.environment, (given) =>
        tokenOfNode(given, userTokenFile(process.env), note),
      ).map((plan) => ({ ...plan, environment: { ...read.ofFile, ...plan.environment } }));
      const { cluster } = await import('./cluster.ts');
      await cluster(plans, entry);
    });
  command.addOption(configOption());
  addSettingOptions(command, clusterShape);
}

const EXAMPLES = `
Examples:
  hearsay cluster
  hearsay cluster --nodes 5 --first-port 9001 --data-dir /tmp/five`;
