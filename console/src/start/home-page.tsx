import { useQuery } from "@tanstack/react-query";
import { Redirect } from "wouter";
import { get } from "../data/api.ts";
import { Loading } from "../ui/states.tsx";

/** Where `/` leads: to what waits for a person, and where nothing has run yet to the first run. */
export default function HomePage() {
  const { data, error } = useQuery({
    queryKey: ["runs", "any"],
    queryFn: ({ signal }) => get<{ runs: unknown[] }>("/insights/runs?limit=1", signal),
    retry: false,
  });
  if (data === undefined && error === null) return <Loading what="the console" />;
  return <Redirect to={data?.runs.length === 0 ? "/runs" : "/reviews"} replace />;
}
