import { QueryClientProvider } from "@tanstack/react-query";
import { isSignedOut } from "../data/api.ts";
import { Failed, Loading } from "../ui/states.tsx";
import { Toasts } from "../ui/toast.tsx";
import { queries, useWhoami } from "./query.ts";
import { Shell } from "./shell.tsx";
import { SignedOut } from "./signed-out.tsx";

/** The whole page. */
export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Entrance />
      <Toasts />
    </QueryClientProvider>
  );
}

function Entrance() {
  const { data, error, isPending, refetch } = useWhoami();
  if (isPending) return <Loading what="the console" />;
  if (isSignedOut(error)) return <SignedOut retry={() => void refetch()} />;
  if (data === undefined) return <Failed error={error} retry={() => void refetch()} />;
  return <Shell who={data} />;
}
