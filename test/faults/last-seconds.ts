import { eventually } from '../support/wait.js';
import type { Arena } from './arena.js';
import type { Findings } from './scenario.js';

/** New consents in the last seconds. */
const LINKED = 5;
const CLIENT = 'ended';
/** Milliseconds: a replica that was ready may have to find the new primary once more. */
const SETTLED = 30_000;

/**
 * What users and operators do in the last seconds of a primary, and whether it still holds once
 * another server has taken over: deletions, consents and the end of a key. Only what the vault
 * has said yes to counts.
 */
export class LastSeconds {
  private readonly deleted: string[] = [];
  private readonly linked: string[] = [];
  private revoked = false;

  private constructor(
    private readonly arena: Arena,
    private readonly doomed: readonly string[],
    private readonly key: string,
  ) {}

  /** @param doomed whose grants are going to be deleted. @returns once a client is there to be ended */
  static async prepare(arena: Arena, doomed: readonly string[]): Promise<LastSeconds> {
    const asked = ['clients', 'create', CLIENT, '--scope', 'tokens:read', '--json'];
    const created = await arena.site.cli(arena.database, ...asked);
    return new LastSeconds(arena, doomed, (JSON.parse(created) as { key: string }).key);
  }

  async happen(): Promise<void> {
    const { arena, doomed } = this;
    const headers = { authorization: `Bearer ${arena.site.key}` };
    this.revoked = await arena.site.cli(arena.database, 'clients', 'revoke', CLIENT).then(
      () => true,
      () => false,
    );
    const { replicas } = arena;
    for (const [index, user] of doomed.entries()) {
      const { url } = replicas[index % replicas.length]!;
      const answer = await fetch(`${url}/tokens/${user}`, { method: 'DELETE', headers });
      if (answer.status === 204) this.deleted.push(user);
    }
    for (let index = 0; index < LINKED; index += 1) {
      const user = `new-${index}`;
      if (await arena.link(index % replicas.length, user)) this.linked.push(user);
    }
  }

  /** How much of it the vault said yes to. */
  get text(): string {
    const { deleted, linked, revoked } = this;
    return `${deleted.length} deletions, ${linked.length} consents, ${revoked ? 1 : 0} revoked keys`;
  }

  /** What must hold at once: what was deleted or revoked is. */
  async checkEnded(found: Findings): Promise<void> {
    let undone = 0;
    for (const user of this.deleted) {
      const statuses = await this.statuses(user, this.arena.site.key);
      if (statuses.some((status) => status !== 404)) undone += 1;
    }
    found.check(undone === 0, `${undone} deletions undone`);
    if (!this.revoked) return;
    const statuses = await this.statuses('user-0', this.key);
    const valid = statuses.some((status) => status !== 401);
    found.check(!valid, 'a revoked key is valid again');
  }

  /** What must hold once rotations go on: consents are there, with a token that is fresh. */
  async checkLinked(found: Findings): Promise<void> {
    let gone = 0;
    for (const user of this.linked) {
      const statuses = await this.statuses(user, this.arena.site.key);
      if (statuses.some((status) => status !== 200)) gone += 1;
    }
    found.check(gone === 0, `${gone} consents gone`);
  }

  /** What each replica answers, once it has the database to ask: 503 says nothing of the grant. */
  private statuses(user: string, key: string): Promise<number[]> {
    const headers = { authorization: `Bearer ${key}` };
    return Promise.all(
      this.arena.replicas.map(({ url }) =>
        eventually(
          `a replica knows of ${user}`,
          async () => {
            const { status } = await fetch(`${url}/tokens/${user}`, { headers });
            return status !== 503 && status;
          },
          SETTLED,
        ),
      ),
    );
  }
}
