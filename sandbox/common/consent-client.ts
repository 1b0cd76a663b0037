/**
 * Answers a consent page over HTTP as a browser would: gets it, posts its form back, and returns
 * where that redirects to, without going there.
 *
 * @param edit changes the fields the page came with before they are posted
 * @throws Error with the status when the page is refused, or the answer is not a redirect
 */
export async function answerConsentPage(
  authorizationUrl: string,
  edit: (fields: URLSearchParams) => void,
): Promise<string> {
  const shown = await fetch(authorizationUrl, { redirect: 'manual' });
  const text = await shown.text();
  if (shown.status !== 200) throw new Error(`the consent page answered ${shown.status}`);
  const fields = new URLSearchParams(fieldsOf(text));
  edit(fields);
  const action = /<form[^>]*\saction="([^"]*)"/.exec(text)?.[1] ?? '';
  const answer = await fetch(new URL(action, authorizationUrl), {
    method: 'POST',
    body: fields,
    redirect: 'manual',
  });
  const location = answer.headers.get('location');
  await answer.body?.cancel();
  if (location === null) throw new Error(`the decision was answered with ${answer.status}`);
  return location;
}

/** The fields a browser would send: every enabled, named input with its value, checked or not. */
function fieldsOf(page: string): [string, string][] {
  return [...page.matchAll(/<input\s([^>]*)>/g)].flatMap(([, attributes = '']) => {
    const name = attributeOf(attributes, 'name');
    return name === undefined ? [] : [[name, attributeOf(attributes, 'value') ?? '']];
  });
}

function attributeOf(attributes: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
  return value?.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
