type Fetch = (request: Request) => Promise<Response>;

const ADDRESSES = ["location", "content-location"];

/**
 * Answers under a prefix what is answered without one, and names addresses as whoever asks sees them. Without the prefix the
 * same is answered: what watches the process need not know it.
 */
export function withPrefix(fetch: Fetch, prefix: string | undefined): Fetch {
  if (prefix === undefined) return fetch;
  return async (request) => {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(`${prefix}/`)) return await fetch(request);
    url.pathname = url.pathname.slice(prefix.length);
    const response = await fetch(new Request(url, request));
    for (const name of ADDRESSES) {
      const address = response.headers.get(name);
      if (address?.startsWith("/")) response.headers.set(name, prefix + address);
    }
    return response;
  };
}
