/** How to get in: there are no passwords here, the command line gives a link that works once. */
export function SignedOut({ retry }: { retry: () => void }) {
  return (
    <main className="entrance">
      <h1>Holdpoint</h1>
      <p>You are not signed in, or your session is over. What you had typed into a review is kept in this browser.</p>
      <p>Where the server runs, ask for a link that works once, and open it here:</p>
      <pre>npx holdpoint login</pre>
      <button type="button" className="button primary" onClick={retry}>
        I am signed in now
      </button>
    </main>
  );
}
