/** A question about the sample data, how a careful analyst asks it in SQL, and the right answer. */
export interface HonestQuery {
  question: string;
  sql: string;
  params?: string[];
  rows: unknown[][];
}

const whole = "album artist genre invoice invoice_line media_type playlist playlist_track track".split(" ");

/** What these read: all of most tables, and of people not where they live and how to reach them. */
export const READABLE_TABLES = {
  ...Object.fromEntries(whole.map((name) => [`chinook.${name}`, "*" as const])),
  "chinook.customer": ["customer_id", "first_name", "last_name", "company", "city", "country", "support_rep_id"],
  "chinook.employee": ["employee_id", "first_name", "last_name", "title", "reports_to", "hire_date"],
};

/** Questions that a query tool has to answer, over everything that a query may use. */
export const HONEST_QUERIES: readonly HonestQuery[] = [
  { question: "how much was sold in all", sql: "select sum(i.total) from chinook.invoice i", rows: [["2328.60"]] },
  { question: "how many customers there are", sql: "select count(*) from chinook.customer", rows: [["59"]] },
  {
    question: "which five customers spent the most",
    sql: "select c.first_name || ' ' || c.last_name as customer, sum(i.total) as spent from chinook.customer c join chinook.invoice i on i.customer_id = c.customer_id group by c.customer_id, c.first_name, c.last_name order by spent desc, customer limit 5",
    rows: [
      ["Helena Holý", "49.62"],
      ["Richard Cunningham", "47.62"],
      ["Luis Rojas", "46.62"],
      ["Hugh O'Reilly", "45.62"],
      ["Ladislav Kovács", "45.62"],
    ],
  },
  {
    question: "what each country brought in",
    sql: "select i.billing_country, sum(i.total) as revenue from chinook.invoice i group by i.billing_country order by revenue desc, 1 limit 5",
    rows: [
      ["USA", "523.06"],
      ["Canada", "303.96"],
      ["France", "195.10"],
      ["Brazil", "190.10"],
      ["Germany", "156.48"],
    ],
  },
  {
    question: "what each year brought in",
    sql: "select extract(year from i.invoice_date)::int as year, sum(i.total) as revenue from chinook.invoice i group by 1 order by 1",
    rows: [
      [2021, "449.46"],
      [2022, "481.45"],
      [2023, "469.58"],
      [2024, "477.53"],
      [2025, "450.58"],
    ],
  },
  {
    question: "which genres sell best",
    sql: "select g.name, sum(l.quantity) as sold from chinook.invoice_line l join chinook.track t using (track_id) join chinook.genre g using (genre_id) group by g.name order by sold desc, g.name limit 3",
    rows: [
      ["Rock", "835"],
      ["Latin", "386"],
      ["Metal", "264"],
    ],
  },
  {
    question: "which artist sells best",
    sql: "with sales as (select al.artist_id, sum(l.unit_price * l.quantity) as revenue from chinook.invoice_line l join chinook.track t using (track_id) join chinook.album al using (album_id) group by al.artist_id) select ar.name, s.revenue from sales s join chinook.artist ar using (artist_id) order by s.revenue desc limit 2",
    rows: [
      ["Iron Maiden", "138.60"],
      ["U2", "105.93"],
    ],
  },
  {
    question: "how long the longest track is",
    sql: "select t.name, t.milliseconds from chinook.track t order by t.milliseconds desc limit 1",
    rows: [["Occupation / Precipice", 5286953]],
  },
  {
    question: "how many tracks never sold",
    sql: "select count(*) from chinook.track t where not exists (select 1 from chinook.invoice_line l where l.track_id = t.track_id)",
    rows: [["1519"]],
  },
  {
    question: "what an average invoice comes to",
    sql: "select round(avg(i.total), 4) from chinook.invoice i",
    rows: [["5.6519"]],
  },
  {
    question: "how many customers each seller looks after",
    sql: "select e.first_name || ' ' || e.last_name as seller, count(*) as customers from chinook.employee e join chinook.customer c on c.support_rep_id = e.employee_id group by e.employee_id, e.first_name, e.last_name order by seller",
    rows: [
      ["Jane Peacock", "21"],
      ["Margaret Park", "20"],
      ["Steve Johnson", "18"],
    ],
  },
  {
    question: "what a seller brought in during a year",
    sql: "select e.last_name, sum(i.total) from chinook.employee e join chinook.customer c on c.support_rep_id = e.employee_id join chinook.invoice i on i.customer_id = c.customer_id where i.invoice_date >= $1::date and i.invoice_date < $2::date group by e.last_name order by 2 desc",
    params: ["2022-01-01", "2023-01-01"],
    rows: [
      ["Peacock", "221.92"],
      ["Johnson", "136.77"],
      ["Park", "122.76"],
    ],
  },
  {
    question: "who reports to whom",
    sql: "with recursive chain as (select e.employee_id, e.last_name, 0 as depth from chinook.employee e where e.reports_to is null union all select e.employee_id, e.last_name, chain.depth + 1 from chinook.employee e join chain on e.reports_to = chain.employee_id) select depth, count(*) from chain group by depth order by depth",
    rows: [
      [0, "1"],
      [1, "2"],
      [2, "5"],
    ],
  },
  {
    question: "the best month of all",
    sql: "select to_char(date_trunc('month', i.invoice_date), 'YYYY-MM') as month, sum(i.total) as revenue from chinook.invoice i group by 1 order by revenue desc, 1 limit 1",
    rows: [["2022-01", "52.62"]],
  },
  {
    question: "growth from year to year",
    sql: "select year, revenue, revenue - lag(revenue) over (order by year) as change from (select extract(year from i.invoice_date)::int as year, sum(i.total) as revenue from chinook.invoice i group by 1) as yearly order by year limit 2",
    rows: [
      [2021, "449.46", null],
      [2022, "481.45", "31.99"],
    ],
  },
  {
    question: "the largest invoice of each of two countries",
    sql: "select distinct on (i.billing_country) i.billing_country, i.invoice_id, i.total from chinook.invoice i where i.billing_country in ('Germany', 'France') order by i.billing_country, i.total desc, i.invoice_id",
    rows: [
      ["France", 313, "16.86"],
      ["Germany", 193, "14.91"],
    ],
  },
  {
    question: "customers of a country by a parameter",
    sql: "select count(*) from chinook.customer c where c.country = $1",
    params: ["Brazil"],
    rows: [["5"]],
  },
  {
    question: "tracks whose name has a word",
    sql: "select count(*) from chinook.track t where t.name ilike $1",
    params: ["%love%"],
    rows: [["114"]],
  },
  {
    question: "playlists with the most tracks",
    sql: "select p.name, count(*) as tracks from chinook.playlist p join chinook.playlist_track pt using (playlist_id) group by p.playlist_id, p.name order by tracks desc, p.playlist_id limit 2",
    rows: [
      ["Music", "3290"],
      ["Music", "3290"],
    ],
  },
  {
    question: "media types in use",
    sql: "select m.name, count(t.track_id) from chinook.media_type m left join chinook.track t using (media_type_id) group by m.name order by 2 desc limit 2",
    rows: [
      ["MPEG audio file", "3034"],
      ["Protected AAC audio file", "237"],
    ],
  },
  {
    question: "the share of invoices above ten",
    sql: "select count(*) filter (where i.total > 10), count(*), round(100.0 * count(*) filter (where i.total > 10) / count(*), 2) from chinook.invoice i",
    rows: [["64", "412", "15.53"]],
  },
  {
    question: "the median invoice",
    sql: "select percentile_cont(0.5) within group (order by i.total) from chinook.invoice i",
    rows: [[3.96]],
  },
  {
    question: "countries with at least a hundred in sales",
    sql: "select i.billing_country from chinook.invoice i group by i.billing_country having sum(i.total) >= 100 order by 1",
    rows: [["Brazil"], ["Canada"], ["France"], ["Germany"], ["USA"], ["United Kingdom"]],
  },
  {
    question: "the first and the last day of sales",
    sql: "select min(i.invoice_date)::date, max(i.invoice_date)::date from chinook.invoice i",
    rows: [["2021-01-01", "2025-12-22"]],
  },
  {
    question: "which albums have the most tracks",
    sql: "select al.title, count(*) as tracks from chinook.album al, chinook.track t where t.album_id = al.album_id group by al.album_id, al.title order by tracks desc, al.title limit 2",
    rows: [
      ["Greatest Hits", "57"],
      ["Minha Historia", "34"],
    ],
  },
  {
    question: "customers without a company",
    sql: "select count(*) from chinook.customer c where c.company is null",
    rows: [["49"]],
  },
  {
    question: "sizes of invoices",
    sql: "select case when i.total < 2 then 'small' when i.total < 10 then 'medium' else 'large' end as size, count(*) from chinook.invoice i group by 1 order by 2 desc",
    rows: [
      ["medium", "178"],
      ["small", "170"],
      ["large", "64"],
    ],
  },
  {
    question: "totals by country with a grand total",
    sql: "select coalesce(i.billing_country, 'all') as country, sum(i.total) from chinook.invoice i where i.billing_country in ('Chile', 'Italy') group by rollup(i.billing_country) order by grouping(i.billing_country), 1",
    rows: [
      ["Chile", "46.62"],
      ["Italy", "37.62"],
      ["all", "84.24"],
    ],
  },
  {
    question: "the last invoice of a customer",
    sql: "select c.last_name, latest.total from chinook.customer c cross join lateral (select i.total from chinook.invoice i where i.customer_id = c.customer_id order by i.invoice_date desc limit 1) as latest where c.customer_id = any($1::int[]) order by c.customer_id",
    params: ["{1,2}"],
    rows: [
      ["Gonçalves", "8.91"],
      ["Köhler", "0.99"],
    ],
  },
  {
    question: "countries of customers and of invoices together",
    sql: "select c.country from chinook.customer c union select i.billing_country from chinook.invoice i order by country limit 2",
    rows: [["Argentina"], ["Australia"]],
  },
  {
    question: "the running total of a customer",
    sql: "select i.invoice_id, sum(i.total) over (order by i.invoice_date rows between unbounded preceding and current row) from chinook.invoice i where i.customer_id = 2 order by i.invoice_date limit 3",
    rows: [
      [1, "1.98"],
      [12, "15.84"],
      [67, "24.75"],
    ],
  },
  {
    question: "the names of genres in one text",
    sql: "select string_agg(distinct g.name, ', ' order by g.name) from chinook.genre g where g.name like 'R%'",
    rows: [["R&B/Soul, Reggae, Rock, Rock And Roll"]],
  },
  {
    question: "words that are rarely needed",
    sql: "select v.n, greatest(v.n, 2), nullif(v.n, 1), (v.n > 1) is true as more, (array[7, 8])[v.n], v.n between 1 and 1 as one, (v.n, 1) = (1, 1) as same from (values (1), (2)) as v (n) order by v.n",
    rows: [
      [1, 2, null, false, 7, true, true],
      [2, 2, 2, true, 8, false, false],
    ],
  },
  {
    question: "a rank in a named window",
    sql: "select i.invoice_id, rank() over w, lag(i.total) over w from chinook.invoice i where i.customer_id = 2 window w as (order by i.total desc, i.invoice_id) order by 2 limit 2",
    rows: [
      [12, "1", null],
      [67, "2", "13.86"],
    ],
  },
  {
    question: "the invoices of a month from a day on",
    sql: "select count(*), min(i.invoice_date at time zone 'UTC') as first from chinook.invoice i where i.invoice_date >= $1::date and i.invoice_date < $1::date + make_interval(months => 1)",
    params: ["2024-03-01"],
    rows: [["7", "2024-03-03 00:00:00+00"]],
  },
  {
    question: "names that sort first by their bytes",
    sql: "select min(ar.name collate \"C\") from chinook.artist ar where ar.name not like all (array['!%', '#%', '.%']) and ar.name is not null",
    rows: [["A Cor Do Som"]],
  },
  {
    question: "countries in both lists, and none twice",
    sql: "select c.country from chinook.customer c intersect select i.billing_country from chinook.invoice i where i.total >= all (select max(x.total) from chinook.invoice x) order by country",
    rows: [["Czech Republic"]],
  },
  {
    question: "what grows with every year, and roots",
    sql: "select round(100 * 1.05 ^ 12, 2), power(v.n, 2), v.n ^ 0.5, 4 ^ (-1), 2 ^ v.n::float8 from (values (4)) as v (n)",
    rows: [["179.59", 16, "2.0000000000000000", 0.25, 16]],
  },
];
