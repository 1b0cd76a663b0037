import { execFileSync } from 'node:child_process';
import { completionScript } from './completion.command.js';
import { buildProgram } from './program.js';

describe('the completion of commands in bash', () => {
  const script = completionScript(buildProgram(), 'bash');
  const complete = (...words: string[]): string[] =>
    execFileSync(
      'bash',
      [
        '-c',
        `${script}
COMP_WORDS=(vault "$@"); COMP_CWORD=$#; _vault_complete; echo "\${COMPREPLY[@]}"`,
        'vault',
        ...words,
      ],
      { encoding: 'utf8' },
    )
      .trim()
      .split(' ');

  it.each([
    [['gra'], ['grants']],
    [
      ['grants', 're'],
      ['retry', 'reread', 'refresh'],
    ],
    [
      ['grants', 'list', '--us'],
      ['--user-id', '--user'],
    ],
    [['grants', '--json', 'list', '--st'], ['--status']],
  ])('%j', (typed, offered) => {
    expect(complete(...typed).sort()).toEqual([...offered].sort());
  });
});
