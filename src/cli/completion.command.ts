import { Argument } from 'commander';
import type { Command } from 'commander';

const SHELLS = ['bash', 'zsh'] as const;

/** `completion`: prints what makes a shell complete commands and options. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands: eval "$(… completion bash)"')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: (typeof SHELLS)[number]) => {
      process.stdout.write(completionScript(program, shell));
    });
}

/** For bash; zsh runs the same through its emulation of bash's completion. */
export function completionScript(program: Command, shell: (typeof SHELLS)[number]): string {
  const cases = wordsOf(program, []).map(
    ({ path, words }) => `    '${path.join(' ')}') words='${words.join(' ')}' ;;`,
  );
  const prelude = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return `${prelude}_${program.name()}_complete() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _${program.name()}_complete ${program.name()}
`;
}

interface Completion {
  readonly path: readonly string[];
  readonly words: readonly string[];
}

/** Of some options the short form is a word as well. */
const isWord = (flag: string | undefined): flag is string => flag?.startsWith('--') === true;

/** What may follow each command: the names of its own commands, and its options. */
function wordsOf(command: Command, path: readonly string[]): Completion[] {
  const options = [...command.options, ...command.createHelp().visibleOptions(command)];
  const words = [
    ...command.commands.map((each) => each.name()),
    ...new Set(options.flatMap(({ long, short }) => [long, short].filter(isWord))),
  ];
  const below = command.commands.flatMap((each) => wordsOf(each, [...path, each.name()]));
  return [{ path, words }, ...below];
}
