import { execFileSync } from 'node:child_process';
import { jest } from '@jest/globals';
import { buildProgram } from './program.js';

describe('the completion of commands in bash', () => {
  let script = '';

  beforeAll(async () => {
    const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      script += String(text);
      return true;
    });
    await buildProgram().parseAsync(['completion', 'bash'], { from: 'user' });
    write.mockRestore();
  });

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
