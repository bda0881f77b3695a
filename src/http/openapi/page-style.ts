/** How the page of the API looks, by day and by night. */
export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --text: light-dark(#1a1c1e, #e4e6e8);
  --quiet: light-dark(#55595e, #a5abb1);
  --ground: light-dark(#ffffff, #15171a);
  --raised: light-dark(#f4f5f7, #1e2125);
  --line: light-dark(#d8dbdf, #363b41);
  --link: light-dark(#0a53a8, #7cb7ff);
}
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); }
header, .columns { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header p { max-width: 46rem; }
h1 small { font-weight: 400; color: var(--quiet); }
h2 { margin: 2.5rem 0 0; }
h3 { margin: 1rem 0 0.25rem; font-size: 0.95rem; }
a { color: var(--link); }
code, pre { font: 0.87rem/1.5 ui-monospace, monospace; }
.columns { display: grid; grid-template-columns: minmax(15rem, 19rem) minmax(0, 1fr); gap: 2rem; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; padding: 1rem 0; font-size: 0.87rem; }
nav ul { list-style: none; margin: 0; padding: 0 0 0.5rem; }
nav a { display: block; padding: 0.15rem 0; overflow-wrap: anywhere; }
main { padding-bottom: 6rem; }
main details { border: 1px solid var(--line); border-radius: 6px; margin: 0.4rem 0; }
main details[open] > summary { border-bottom: 1px solid var(--line); background: var(--raised); }
main details > div { padding: 0.25rem 0.9rem 0.9rem; overflow-x: auto; scroll-margin-top: 4rem; }
summary { padding: 0.4rem 0.7rem; cursor: pointer; }
nav summary { padding: 0.3rem 0; }
.operation > summary span { color: var(--quiet); }
.operation > summary code { overflow-wrap: anywhere; }
:target { outline: 2px solid var(--link); outline-offset: -2px; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.6rem 0.25rem 0; border-top: 1px solid var(--line); font-weight: 400; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.25rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
td span { color: var(--quiet); }
pre { background: var(--raised); padding: 0.7rem; border-radius: 6px; overflow: auto; }
@media (max-width: 52rem) {
  .columns { grid-template-columns: minmax(0, 1fr); gap: 0; }
  nav { position: static; max-height: none; }
}
`;
