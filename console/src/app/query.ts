import { QueryCache, QueryClient, useQuery } from "@tanstack/react-query";
import { ApiError, get, isSignedOut } from "../data/api.ts";

/** Who is signed in. */
export interface Whoami {
  principal_id: string;
  display_name: string;
  kind: string;
  groups: string[];
  permissions: string[];
}

const RETRIES = 3;

/** What was read from the server. An answer that says no is not asked for again; silence is. */
export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A session may end at any moment; whoever notices first has the whole page ask who is there.
    onError: (error, query) => {
      if (isSignedOut(error) && query.queryKey[0] !== "whoami")
        void queries.invalidateQueries({ queryKey: ["whoami"] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      retry: (failures, error) =>
        failures < RETRIES && error instanceof ApiError && (error.status === 0 || error.status === 503),
    },
  },
});

/** Who is signed in; an error with status 401 when nobody is. */
export function useWhoami() {
  return useQuery({
    queryKey: ["whoami"],
    queryFn: ({ signal }) => get<Whoami>("/whoami", signal),
    staleTime: 60_000,
  });
}
