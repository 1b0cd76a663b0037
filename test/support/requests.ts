import type { World } from './world.js';

/** What `POST /authorization-requests` answers. */
export interface BegunRequest {
  id: string;
  authorization_url: string;
  expires_at: string;
}

/** What `GET /authorization-requests/:id` answers. */
export interface RequestAnswer {
  id: string;
  user_id: string;
  provider: string;
  connection: string;
  status: string;
  created_at: string;
  expires_at: string;
  completed_at: string | null;
  error: string | null;
  refreshable: boolean | null;
}

type Callers = Pick<World, 'vault' | 'key'>;

export const postRequest = (
  { vault, key }: Callers,
  body: Record<string, unknown>,
): Promise<Response> =>
  vault.request('/authorization-requests', { key, method: 'POST', body: JSON.stringify(body) });

/** Begins a link. @throws when it is refused */
export async function begin(
  callers: Callers,
  body: Record<string, unknown>,
): Promise<BegunRequest> {
  const answer = await postRequest(callers, body);
  if (answer.status !== 201) throw new Error(`the request was refused with ${answer.status}`);
  return (await answer.json()) as BegunRequest;
}

export async function requestStatus({ vault, key }: Callers, id: string): Promise<RequestAnswer> {
  const answer = await vault.request(`/authorization-requests/${id}`, { key });
  return (await answer.json()) as RequestAnswer;
}

/** Goes to a URL as a browser would, without following where it leads. */
export const visit = (url: string | URL): Promise<Response> => fetch(url, { redirect: 'manual' });
