/** Tokens of one user as the provider last gave them. */
export interface Issued {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Whose every token is, known from the provider's own answers and not from the vault. */
export class Ledger {
  private readonly byAccess = new Map<string, string>();
  private readonly byRefresh = new Map<string, string>();
  private readonly newest = new Map<string, Issued>();

  note(user: string, issued: Issued): void {
    this.byAccess.set(issued.accessToken, user);
    this.byRefresh.set(issued.refreshToken, user);
    this.newest.set(user, issued);
  }

  ownerOfAccess(token: string): string | undefined {
    return this.byAccess.get(token);
  }

  ownerOfRefresh(token: string): string | undefined {
    return this.byRefresh.get(token);
  }

  newestOf(user: string): Issued | undefined {
    return this.newest.get(user);
  }
}
