import { readFileSync } from 'node:fs';

/** A command of a page, which stands in a block marked `sh`. */
export interface Command {
  readonly text: string;
  /** `sh browser`: the user then opens the `authorization_url` of the answer, and consents. */
  readonly browser: boolean;
  /** The block that shows the answer, when it is the next one under the same heading. */
  readonly shown: Block | undefined;
}

interface Block {
  readonly info: string;
  readonly text: string;
}

/** The commands of a page of the docs that run as they stand, in their order. */
export function commandsOf(file: string): Command[] {
  const blocks = blocksOf(readFileSync(file, 'utf8'));
  return blocks.flatMap(([block, heading], index) => {
    if (!/^sh\b/.test(block.info)) return [];
    const [next, nextHeading] = blocks[index + 1] ?? [];
    const answers = next !== undefined && nextHeading === heading && !/^(sh|ts)\b/.test(next.info);
    const browser = block.info.endsWith(' browser');
    return [{ text: block.text, browser, shown: answers ? next : undefined }];
  });
}

/** The fenced blocks of a page, each with the number of headings before it. */
function blocksOf(page: string): [Block, number][] {
  const blocks: [Block, number][] = [];
  let headings = 0;
  let open: { info: string; lines: string[] } | undefined;
  for (const line of page.split('\n')) {
    const fence = /^```(.*)$/.exec(line);
    if (fence && open) {
      blocks.push([{ info: open.info, text: open.lines.join('\n') }, headings]);
      open = undefined;
    } else if (fence) open = { info: fence[1]!.trim(), lines: [] };
    else if (open) open.lines.push(line);
    else if (line.startsWith('#')) headings += 1;
  }
  return blocks;
}

/** Names and kinds of everything in a JSON value, for comparing an answer with what docs show. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  const entries = Object.entries(value).map(([name, each]) => [name, shapeOf(each)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b)));
}
