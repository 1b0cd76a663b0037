/** The part of oidc-provider 9 that the tests use; the package comes without types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface StoredToken {
    readonly jti: string;
    readonly accountId: string;
    readonly grantId: string;
  }

  export interface InteractionDetails {
    readonly prompt: {
      readonly name: string;
      readonly details: { readonly missingOIDCScope?: string[] };
    };
    readonly params: { readonly client_id: string };
    readonly session?: { readonly accountId: string };
  }

  export interface Grant {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
    destroy(): Promise<void>;
  }

  /** The context of a request to the token endpoint, as its events carry it. */
  export interface TokenContext {
    readonly oidc: { readonly params: { readonly grant_type?: string } };
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    readonly Grant: {
      new (of: { accountId: string; clientId: string }): Grant;
      find(id: string): Promise<Grant | undefined>;
    };
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<InteractionDetails>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Record<string, unknown>,
      options?: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
    on(event: 'grant.success', heard: (context: TokenContext) => void): this;
    on(event: 'grant.error', heard: (context: TokenContext, error: Error) => void): this;
    on(
      event: 'refresh_token.saved' | 'refresh_token.consumed',
      heard: (token: StoredToken) => void,
    ): this;
  }
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  /** Its own store in memory, that no other server of the process shares. */
  export function createMemoryAdapter(): unknown;
}
