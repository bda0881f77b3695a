import type { Principal } from "../protocol/principal.ts";

/** Says who somebody is, and what they may do now. Throws where that is nobody any more. */
export type Name = () => Promise<Principal>;

const names = new WeakMap<Request, Name>();

/** Marks a request of this process itself, which shows nothing, with whose it is. */
export function inNameOf(request: Request, name: Name): Request {
  names.set(request, name);
  return request;
}

/** In whose name a request of this process is; undefined for every other, which has to show who it is. */
export function nameOn(request: Request): Name | undefined {
  return names.get(request);
}
