/**
 * Takes the path of `PUBLIC_URL` off the URLs of requests: a proxy in front may have done so, or
 * not. What else begins with that path is left alone.
 *
 * @param publicUrl without a slash at its end
 */
export function stripPublicPath(publicUrl: string): (url: string) => string {
  const path = new URL(publicUrl).pathname.replace(/\/+$/, '');
  if (path === '') return (url) => url;
  const ours = ['authorize', 'callback'].map((route) => `${path}/${route}/`);
  return (url) => (ours.some((start) => url.startsWith(start)) ? url.slice(path.length) : url);
}
