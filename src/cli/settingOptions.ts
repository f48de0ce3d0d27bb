/** The settings as commander's options, and as the tables of docs/settings.md. */
import { type Command, Option } from 'commander';
import {
  describeSettings,
  type Flags,
  type Setting,
  type SettingShape,
} from '../node/settingKinds.ts';
import { settingGroups } from '../node/settings.ts';

/** Adds one option for each row. The settings themselves decide precedence and refuse wrong values. */
export function addSettingOptions(command: Command, shape: SettingShape): void {
  for (const one of describeSettings(shape)) {
    const value = one.isSwitch ? `[${one.placeholder}]` : `<${one.placeholder}>`;
    const option = new Option(`${one.flag} ${value}`, helpText(one));
    const group = settingGroups.find((each) => Object.hasOwn(each.shape, one.name));
    command.addOption(group === undefined ? option : option.helpGroup(`${group.title}:`));
  }
}

/** The flags that were given on the command line, by the names of their settings. */
export function flagsGiven(command: Command, shape: SettingShape): Flags {
  const given: Record<string, string> = {};
  for (const { name, flag } of describeSettings(shape)) {
    const option = command.options.find(({ long }) => long === flag);
    const value: unknown = option && command.getOptionValue(option.attributeName());
    // A switch without a value is on.
    if (typeof value === 'string' || value === true) given[name] = String(value);
  }
  return given;
}

/** All settings as tables of Markdown, each under a heading. */
export function settingsTables(): string {
  return settingGroups
    .map(({ title, shape }) => `## ${title}\n\n${settingsTable(shape)}`)
    .join('\n\n');
}

function settingsTable(shape: SettingShape): string {
  const all = describeSettings(shape);
  const lines = all.map(({ flag, environment, default: value, help, metric }) => {
    const cells = [code(flag), environment === null ? '' : code(environment)];
    cells.push(value ? code(value) : 'none', help);
    return metric === undefined ? cells : [...cells, code(metric)];
  });
  const titles = ['flag', 'environment', 'default', 'meaning', 'metric'];
  const head = titles.slice(0, lines[0]?.length);
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

function helpText({ help, environment, default: value }: Setting): string {
  const facts = [environment ?? '', value ? `default ${value}` : ''].filter((fact) => fact !== '');
  return facts.length === 0 ? help : `${help} (${facts.join(', ')})`;
}
