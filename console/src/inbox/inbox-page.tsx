import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { get } from "../data/api.ts";
import { Ago, Due } from "../ui/clock.tsx";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";

/** What waits for a person. */
export default function InboxPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ["reviews"],
    queryFn: ({ signal }) => get<ReviewTask[]>("/reviews?status=open,info_requested&sort=due_at", signal),
    refetchInterval: 5_000,
  });
  if (data === undefined)
    return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading what="reviews" />;
  if (data.length === 0) return <Empty title="Nothing waits for a person." />;
  return (
    <ul className="state">
      {data.map((review) => (
        <li key={review.id}>
          <Link href={`/reviews/${review.id}`}>
            <Line text={review.title} />
          </Link>{" "}
          <Ago at={review.opened_at} /> {review.due_at !== null && <Due at={review.due_at} />}
        </li>
      ))}
    </ul>
  );
}
