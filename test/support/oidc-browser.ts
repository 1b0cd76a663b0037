/** More steps than any login takes. */
const MOST_STEPS = 12;

/**
 * Signs in and consents as a person with a browser would: keeps cookies, follows redirects, posts
 * the forms it is shown.
 *
 * @returns the URL that leads back to `redirectUri`, without going there
 */
export async function signInAndConsent(
  authorizationUrl: string,
  user: string,
  redirectUri: string,
): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(authorizationUrl);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: form } : {}),
    });
    await answer.arrayBuffer();
    keep(cookies, answer);
    const location = answer.headers.get('location');
    if (location === null) {
      if (answer.status !== 200) throw new Error(`${url.pathname} answered ${answer.status}`);
      form = new URLSearchParams({ user });
      continue;
    }
    form = undefined;
    url = new URL(location, url);
    if (url.href.startsWith(redirectUri)) return url.href;
  }
  throw new Error('the login never came to an end');
}

function keep(cookies: Map<string, string>, answer: Response): void {
  for (const cookie of answer.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (value) cookies.set(name, value);
    else cookies.delete(name);
  }
}
